"""Contrastive content loss for unpaired training: each output patch must match the input patch at the same
position.

PatchNCE of Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image Translation" (CUT,
arXiv:2007.15651), section 3: features of the encoder of the generator at several layers, 256 positions, one
MLP head per layer; the negatives are the other positions of the same picture.

Departures: our networks have fewer layers (`encoder_layers`), and the features of the photo come from the
forward pass that stylizes it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.07
POSITIONS = 256
PIXELS = "pixels"
"""Name of the input picture as a layer."""


def encoder_layers(net: nn.Module) -> list[str]:
    """Names of the feature layers: `PIXELS`, all layers before the coarsest residual blocks, and the first
    and last of these blocks.
    """
    names = [name for name, _ in net.named_children()]
    body = "body16" if "body16" in names else "body"
    blocks = len(net.get_submodule(body)._modules)
    return [PIXELS, *names[: names.index(body)], *(f"{body}.{i}" for i in sorted({0, blocks - 1}) if blocks)]


class _StopForward(Exception):
    """Stops the forward pass after the deepest requested layer."""


def features(net: nn.Module, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The outputs of `layers` for pictures (N, 3, H, W) in [-1, 1], by name."""
    found = {PIXELS: image}
    with _keeping(net, layers, found, stop=True), contextlib.suppress(_StopForward):
        net(image)
    return found


def features_and_painting(
    net: nn.Module, image: Tensor, layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Like `features`, with a complete forward pass; also returns its output."""
    found = {PIXELS: image}
    with _keeping(net, layers, found, stop=False):
        painted: Tensor = net(image)
    return found, painted


@contextlib.contextmanager
def _keeping(net: nn.Module, layers: Sequence[str], found: dict[str, Tensor], stop: bool) -> Iterator[None]:
    """Record the outputs of `layers` in `found`; with `stop`, end the forward pass after the last of them."""

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_: nn.Module, __: object, output: Tensor) -> None:
            found[name] = output
            if stop and name == layers[-1]:
                raise _StopForward

        return hook

    handles = [net.get_submodule(name).register_forward_hook(keep(name)) for name in layers if name != PIXELS]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Heads(nn.Module):
    """A two-layer MLP per feature layer, with unit vectors as output (Park et al., section 3.2 and appendix
    C.1).
    """

    def __init__(self, channels: dict[str, int], width: int = 256):
        super().__init__()
        self.layers = list(channels)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(c, width), nn.ReLU(), nn.Linear(width, width)) for c in channels.values()
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.02)
                nn.init.zeros_(module.bias)

    def forward(self, found: dict[str, Tensor], places: dict[str, Tensor]) -> list[Tensor]:
        """Features (N, C, h, w) at `places`, (S,) indices into h * w, per layer -> unit vectors (N, S,
        width).
        """
        chosen = [found[name].float().flatten(2)[:, :, places[name]].transpose(1, 2) for name in self.layers]
        return [F.normalize(head(patches), dim=2) for head, patches in zip(self.heads, chosen, strict=True)]


def choose_positions(
    found: dict[str, Tensor], generator: torch.Generator, count: int = POSITIONS
) -> dict[str, Tensor]:
    """Up to `count` distinct random positions per layer, as indices into h * w."""
    return {
        name: torch.randperm(value.shape[2] * value.shape[3], generator=generator)[:count].to(value.device)
        for name, value in found.items()
    }


def patch_nce(query: Tensor, key: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Park et al., equation 3: cross-entropy of each query over the S keys of the same picture, a scalar.

    The positive is the key at the position of the query. `query` and `key` are (N, S, D), normalized along D;
    no gradient reaches the keys. At chance level the loss is log S.
    """
    # float32: logits of this size have a resolution of 1/16 in half precision
    with torch.autocast(query.device.type, enabled=False):
        similarity = query.float() @ key.float().detach().transpose(1, 2) / temperature
    own = torch.arange(similarity.shape[1], device=similarity.device).expand(similarity.shape[:2])
    return F.cross_entropy(similarity.flatten(0, 1), own.flatten())
