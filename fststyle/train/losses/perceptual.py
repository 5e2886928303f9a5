"""The perceptual objective: what the network is trained on, what the optimiser of Gatys minimises, and what
the benches measure.

Johnson et al. 2016 (arXiv:1603.08155), section 3.2: content at one layer of VGG-16, style at four, and a
little total variation. Departure: content at relu2_2, as in PyTorch's own example of the method, where the
paper and its published code take relu3_3: the photo stays readable.
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
"""Layers whose Gram matrices are the style, with the weight of each."""


class Terms(NamedTuple):
    """The weighted terms of the objective, one float32 number per picture, (N,)."""

    content: Tensor
    style: Tensor
    total_variation: Tensor

    @property
    def per_picture(self) -> Tensor:
        """The sum of the terms, (N,)."""
        return self.content + self.style + self.total_variation

    @property
    def total(self) -> Tensor:
        """The mean over the pictures, a scalar: what a training step descends."""
        return self.per_picture.mean()


class StyleTarget(nn.Module):
    """The Gram matrices of a painting, and how far a picture's lie from them.

    Args:
        vgg: the loss network of `load_vgg`, asked for the painting's only.
        paintings: (1, 3, h, w) RGB in [-1, 1] each; of several the weighted mean is the target: its squared
            distance has, up to a constant, the value and so the gradient of the weighted sum of the distances
            to each, at the cost of one.
        layers: names out of `vgg.LAYERS` with the weight of each (Gatys et al. 2016, equation 5).
        shares: how much each painting counts, taken as parts of their sum.
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
            # Computed anew from the painting wherever it is built, so kept out of checkpoints.
            self.register_buffer(f"gram_{name}", gram, persistent=False)

    def forward(self, found: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the style losses, (N,), of a picture's activations by name."""
        return torch.stack(
            [
                weight * style_loss(found[name], getattr(self, f"gram_{name}"))
                for name, weight in self.layers.items()
            ]
        ).sum(0)


class Objective(nn.Module):
    """content_weight * content + style_weight * sum of the style losses + tv_weight * total variation.

    With the scales of `fststyle.train.losses.johnson` content 1 and style 3 to 20 are the useful range.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the painting, (1, 3, h, w) RGB in [-1, 1]; its size sets the size of the brush strokes. At
            least 16 pixels a side. Or several paintings.
        content_weight, style_weight, tv_weight: weights of the three terms.
        content_layer: a name out of `vgg.LAYERS`.
        style_layers: names out of `vgg.LAYERS` with the weight of each (Gatys et al. 2016, equation 5).
        shares: how much each of several paintings counts, in the order of `style`; equally much if not given.

    Raises:
        InputError: no such layer, or a style image of another shape.
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
                    "the style image must be (1, 3, h, w) with 16 pixels a side or more, not"
                    f" {tuple(painting.shape)}"
                )
        shares = [1.0] * len(paintings) if shares is None else shares
        self.vgg = vgg
        self.content_weight, self.style_weight, self.tv_weight = content_weight, style_weight, tv_weight
        self.content_layer, self.style_layers = content_layer, style_layers
        self.style = StyleTarget(vgg, paintings, style_layers, shares)

    def target(self, photo: Tensor) -> Tensor:
        """The content target of a photo (N, 3, H, W): its activation, for a caller that compares many
        pictures with one photo.
        """
        with torch.no_grad():
            return self.vgg(photo, (self.content_layer,))[self.content_layer]

    def forward(self, painted: Tensor, photo: Tensor | None = None, *, target: Tensor | None = None) -> Terms:
        """The terms for pictures (N, 3, H, W) in [-1, 1] against their photos of the same shape, or against a
        ready `target`.

        Gradients reach `painted` only.
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
