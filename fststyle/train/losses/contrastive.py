"""Contrastive content loss for unpaired training: each output patch must match the input patch at the same
position.

PatchNCE of Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image Translation" (CUT,
arXiv:2007.15651), section 3: features of the generator's encoder at several layers, 256 positions, and one
MLP head per layer. The negatives are the other positions of the same image.

Departures: the layers are those of our networks (`encoder_layers`), and the features of the photo come from
the forward pass that also stylizes it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.07
"""The temperature of the softmax (Park et al., section 3)."""
POSITIONS = 256
"""Number of positions per layer (Park et al., section 3)."""
PIXELS = "pixels"
"""Layer name that stands for the input image itself."""


def encoder_layers(net: nn.Module) -> list[str]:
    """Return the names of the layers whose features the contrastive loss compares: `PIXELS`, all submodules
    before the coarsest residual blocks, and the first and the last of these blocks.

    Args:
        net: a network whose submodule ``body16``, or else ``body``, contains the coarsest residual blocks.
    """
    names = [name for name, _ in net.named_children()]
    body = "body16" if "body16" in names else "body"
    blocks = len(net.get_submodule(body)._modules)
    return [PIXELS, *names[: names.index(body)], *(f"{body}.{i}" for i in sorted({0, blocks - 1}) if blocks)]


class _StopForward(Exception):
    """Raised in a hook to end the forward pass after the last requested layer."""


def features(net: nn.Module, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the activations of `layers` by name, (N, C, h, w) each. The entry `PIXELS`, the image itself, is
    always included.

    The forward pass ends after the last of the layers.

    Args:
        net: the network.
        image: (N, 3, H, W) RGB in [-1, 1].
        layers: names of submodules, or `PIXELS`, in the order of execution.
    """
    found = {PIXELS: image}
    with _keeping(net, layers, found, stop=True), contextlib.suppress(_StopForward):
        net(image)
    return found


def features_and_output(
    net: nn.Module, image: Tensor, layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the features, as returned by `features`, and the output of the network, (N, 3, H, W), from one
    complete forward pass.
    """
    found = {PIXELS: image}
    with _keeping(net, layers, found, stop=False):
        stylized: Tensor = net(image)
    return found, stylized


@contextlib.contextmanager
def _keeping(net: nn.Module, layers: Sequence[str], found: dict[str, Tensor], stop: bool) -> Iterator[None]:
    """Context manager that records the activations of `layers` in `found`. If `stop` is True, the
    hook of the last layer ends the forward pass by raising `_StopForward`.
    """

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
    """A two-layer MLP for each feature layer. The outputs are unit vectors (Park et al., section 3.2 and
    appendix C.1).

    Args:
        channels: number of channels, by layer name.
        width: size of the hidden layer and of the output.
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
        """Return unit vectors (N, S, width) for each layer, in the order of `channels`.

        Args:
            found: features (N, C, h, w), by layer name.
            places: S positions as indices into h * w, (S,) int64, by layer name. S may differ between layers.
        """
        chosen = [found[name].float().flatten(2)[:, :, places[name]].transpose(1, 2) for name in self.layers]
        return [F.normalize(head(patches), dim=2) for head, patches in zip(self.heads, chosen, strict=True)]


def choose_positions(
    found: dict[str, Tensor], generator: torch.Generator, count: int = POSITIONS
) -> dict[str, Tensor]:
    """Return S distinct random positions for each layer, as indices into h * w, (S,) int64, by layer name.

    Args:
        found: features (N, C, h, w), by layer name.
        generator: source of randomness, on the CPU.
        count: the number S of positions. For a layer with fewer positions, S is h * w.
    """
    return {
        name: torch.randperm(value.shape[2] * value.shape[3], generator=generator)[:count].to(value.device)
        for name, value in found.items()
    }


def patch_nce(query: Tensor, key: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return the PatchNCE loss, a scalar (Park et al., equation 3): the mean cross-entropy of selecting, for
    each query, the key at the same position among the S keys of its image.

    No gradient flows to the keys. If all similarities are equal, the loss is log S.

    Args:
        query: features of the output, (N, S, D), of unit length.
        key: features of the input, (N, S, D), of unit length.
        temperature: divides the similarities.
    """
    # In float32: in bfloat16, logits of this size have a resolution of 1/16.
    with torch.autocast(query.device.type, enabled=False):
        similarity = query.float() @ key.float().detach().transpose(1, 2) / temperature
    own = torch.arange(similarity.shape[1], device=similarity.device).expand(similarity.shape[:2])
    return F.cross_entropy(similarity.flatten(0, 1), own.flatten())
