"""The perceptual objective that `fststyle gatys` minimizes and that the benchmarks measure.

Johnson et al. 2016 (arXiv:1603.08155), section 3.2: content loss at one layer of VGG-16, style loss at four,
and total variation. Departure: the content layer is relu2_2, as in the fast_neural_style example of PyTorch,
instead of relu3_3 as in the paper and its published code. This preserves more of the content.
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
"""The default content layer."""
STYLE_LAYERS: Mapping[str, float] = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}
"""The default style layers with their weights."""


class Terms(NamedTuple):
    """The weighted terms of the objective, one float32 value per image, (N,) each."""

    content: Tensor
    style: Tensor
    total_variation: Tensor

    @property
    def per_image(self) -> Tensor:
        """The sum of the terms, (N,)."""
        return self.content + self.style + self.total_variation

    @property
    def total(self) -> Tensor:
        """The mean of `per_image`, a scalar: the value to minimize."""
        return self.per_image.mean()


class StyleTarget(nn.Module):
    """Style loss against the Gram matrices of one or more style images.

    For several style images, the target is the weighted mean of their Gram matrices. The squared distance
    from this mean differs only by a constant from the weighted mean of the squared distances from each
    matrix. The gradient is therefore the same, at the cost of one style image.

    Args:
        vgg: the loss network of `load_vgg`.
        style_images: the style images, (1, 3, h, w) RGB in [-1, 1] each.
        layers: names from `vgg.LAYERS` with their weights (Gatys et al. 2016, equation 5).
        shares: weights of the style images. They are normalized to a sum of 1.

    Raises:
        InputError: a layer is unknown.
        ValueError: `style_images` and `shares` differ in length.
    """

    def __init__(
        self,
        vgg: VGG16,
        style_images: Sequence[Tensor],
        layers: Mapping[str, float],
        shares: Sequence[float] = (1.0,),
    ):
        super().__init__()
        self.layers = layers
        grams = dict.fromkeys(layers, torch.zeros(()))
        with torch.no_grad():
            for style_image, share in zip(style_images, shares, strict=True):
                for name, activation in vgg(style_image, tuple(layers)).items():
                    grams[name] = grams[name] + gram_matrix(activation) * (share / sum(shares))
        for name, gram in grams.items():
            # Recomputed from the style image, so not stored in checkpoints.
            self.register_buffer(f"gram_{name}", gram, persistent=False)

    def forward(self, found: Mapping[str, Tensor]) -> Tensor:
        """Return the style loss, (N,), summed over the layers with their weights.

        Args:
            found: the activations of the stylized images, by layer name.
        """
        return torch.stack(
            [
                weight * style_loss(found[name], getattr(self, f"gram_{name}"))
                for name, weight in self.layers.items()
            ]
        ).sum(0)


class Objective(nn.Module):
    """The perceptual objective: content_weight * content loss + style_weight * sum of the style losses +
    tv_weight * total variation.

    The scales of the terms are those of `fststyle.train.losses.johnson`.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the style image, (1, 3, h, w) RGB in [-1, 1], h and w at least 16, or a list of style images.
            The size of a style image determines the size of the brush strokes.
        content_weight, style_weight, tv_weight: weights of the three terms.
        content_layer: a name from `vgg.LAYERS`.
        style_layers: names from `vgg.LAYERS` with their weights (Gatys et al. 2016, equation 5).
        shares: weights of several style images, in the order of `style`; default: equal weights.

    Raises:
        InputError: a style layer is unknown, or a style image has the wrong shape. `target` and `forward`
            raise it if the content layer is unknown.
        ValueError: `style` and `shares` differ in length.
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
        style_images = [style] if isinstance(style, Tensor) else list(style)
        for style_image in style_images:
            if style_image.ndim != 4 or style_image.shape[:2] != (1, 3) or min(style_image.shape[2:]) < 16:
                raise InputError(
                    "the style image must be (1, 3, h, w) with h and w at least 16, not"
                    f" {tuple(style_image.shape)}"
                )
        shares = [1.0] * len(style_images) if shares is None else shares
        self.vgg = vgg
        self.content_weight, self.style_weight, self.tv_weight = content_weight, style_weight, tv_weight
        self.content_layer, self.style_layers = content_layer, style_layers
        self.style = StyleTarget(vgg, style_images, style_layers, shares)

    def target(self, photo: Tensor) -> Tensor:
        """Return the content target, (N, C, h, w): the activation of the content layer for the content images
        `photo`, (N, 3, H, W) in [-1, 1].

        A target that is computed once can be compared with many stylized images.
        """
        with torch.no_grad():
            result: Tensor = self.vgg(photo, (self.content_layer,))[self.content_layer]
            return result

    def forward(
        self, stylized: Tensor, photo: Tensor | None = None, *, target: Tensor | None = None
    ) -> Terms:
        """Return the terms of the objective. Gradients flow to `stylized` only.

        Args:
            stylized: (N, 3, H, W) in [-1, 1].
            photo: the content images, of the same shape; not needed if `target` is given.
            target: the content target of `Objective.target`.

        Raises:
            TypeError: both `photo` and `target` are missing.
        """
        if target is None:
            if photo is None:
                raise TypeError("either photo or target must be given")
            target = self.target(photo)
        found = self.vgg(stylized, (self.content_layer, *self.style_layers))
        content = content_loss(found[self.content_layer], target)
        variation = total_variation_loss(stylized) if self.tv_weight else torch.zeros_like(content)
        return Terms(
            self.content_weight * content, self.style_weight * self.style(found), self.tv_weight * variation
        )
