"""The perceptual objective that `fststyle gatys` minimizes and the benchmarks measure.

Johnson et al. 2016 (arXiv:1603.08155), section 3.2: content loss at one layer of VGG-16, style loss at four,
and total variation. Departure: content at relu2_2, as in the fast_neural_style example of PyTorch, instead of
relu3_3 as in the paper and its published code. This keeps more of the photo.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.johnson import content_loss, style_loss, total_variation_loss
from fststyle.train.networks.vgg import VGG16

CONTENT_LAYER = "relu2_2"
STYLE_LAYERS: Mapping[str, float] = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}
"""Style layers with their weights."""


class Terms(NamedTuple):
    """The weighted terms of the objective, one float32 value per picture, (N,) each."""

    content: Tensor
    style: Tensor
    total_variation: Tensor

    @property
    def per_picture(self) -> Tensor:
        """The sum of the terms, (N,)."""
        return self.content + self.style + self.total_variation

    @property
    def total(self) -> Tensor:
        """The mean of `per_picture`, a scalar: the value to minimize."""
        return self.per_picture.mean()


class StyleTarget(nn.Module):
    """Style loss against the Gram matrices of one or more paintings.

    Args:
        vgg: the loss network of `load_vgg`, used to compute the targets.
        paintings: (1, 3, h, w) RGB in [-1, 1] each. For several, the target is the weighted mean of their
            Gram matrices. Its squared distance equals the weighted sum of the distances to each, up to a
            constant, so the gradient is the same at the cost of one painting.
        layers: names from `vgg.LAYERS` with their weights (Gatys et al. 2016, equation 5).
        shares: weight of each painting; they are normalized to a sum of 1.
    """

    def __init__(
        self,
        vgg: VGG16,
        paintings: Sequence[Tensor],
        layers: Mapping[str, float],
        shares: Sequence[float] = (1.0,),
    ):
        super().__init__()
        self.layers = layers
        grams = dict.fromkeys(layers, torch.zeros(()))
        with torch.no_grad():
            for painting, share in zip(paintings, shares, strict=True):
                for name, activation in vgg(painting, tuple(layers)).items():
                    grams[name] = grams[name] + gram_matrix(activation) * (share / sum(shares))
        for name, gram in grams.items():
            # Recomputed from the painting, so not stored in checkpoints.
            self.register_buffer(f"gram_{name}", gram, persistent=False)

    def forward(self, found: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum of the style losses, (N,), for the activations `found`, by layer name."""
        return torch.stack(
            [
                weight * style_loss(found[name], getattr(self, f"gram_{name}"))
                for name, weight in self.layers.items()
            ]
        ).sum(0)


class Objective(nn.Module):
    """content_weight * content + style_weight * sum of the style losses + tv_weight * total variation.

    With the scales of `fststyle.train.losses.johnson`, a content weight of 1 and style weights of 3 to 20 are
    useful.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the painting, (1, 3, h, w) RGB in [-1, 1], h and w at least 16, or a list of paintings. Its
            size sets the size of the brush strokes.
        content_weight, style_weight, tv_weight: weights of the three terms.
        content_layer: a name from `vgg.LAYERS`.
        style_layers: names from `vgg.LAYERS` with their weights (Gatys et al. 2016, equation 5).
        shares: weights of several paintings, in the order of `style`; default: equal weights.

    Raises:
        InputError: unknown layer, or a style image of the wrong shape.
    """

    def __init__(
        self,
        vgg: VGG16,
        style: Tensor | Sequence[Tensor],
        *,
        content_weight: float,
        style_weight: float,
        tv_weight: float = 0.0,
        content_layer: str = CONTENT_LAYER,
        style_layers: Mapping[str, float] = STYLE_LAYERS,
        shares: Sequence[float] | None = None,
    ):
        super().__init__()
        paintings = [style] if isinstance(style, Tensor) else list(style)
        for painting in paintings:
            if painting.ndim != 4 or painting.shape[:2] != (1, 3) or min(painting.shape[2:]) < 16:
                raise InputError(
                    "the style image must be (1, 3, h, w) with h and w at least 16, not"
                    f" {tuple(painting.shape)}"
                )
        shares = [1.0] * len(paintings) if shares is None else shares
        self.vgg = vgg
        self.content_weight, self.style_weight, self.tv_weight = content_weight, style_weight, tv_weight
        self.content_layer, self.style_layers = content_layer, style_layers
        self.style = StyleTarget(vgg, paintings, style_layers, shares)

    def target(self, photo: Tensor) -> Tensor:
        """The content target of a photo (N, 3, H, W): its activation, to compare many pictures with it."""
        with torch.no_grad():
            result: Tensor = self.vgg(photo, (self.content_layer,))[self.content_layer]
            return result

    def forward(self, painted: Tensor, photo: Tensor | None = None, *, target: Tensor | None = None) -> Terms:
        """The terms for `painted`, (N, 3, H, W) in [-1, 1], against photos of the same shape or a `target`.

        Gradients flow only to `painted`. Raises `TypeError` if both `photo` and `target` are missing.
        """
        if target is None:
            if photo is None:
                raise TypeError("Objective needs the photo or its content target")
            target = self.target(photo)
        found = self.vgg(painted, (self.content_layer, *self.style_layers))
        content = content_loss(found[self.content_layer], target)
        variation = total_variation_loss(painted) if self.tv_weight else torch.zeros_like(content)
        return Terms(
            self.content_weight * content, self.style_weight * self.style(found), self.tv_weight * variation
        )
