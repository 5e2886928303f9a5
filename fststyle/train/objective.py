"""The perceptual objective: what the network is trained on, what the optimiser of Gatys minimises, and what the benches measure.

Johnson et al. 2016 (arXiv:1603.08155), section 3.2: content at one layer of VGG-16, style at four, and a little total variation. Departure:
content at relu2_2, as in PyTorch's own example of the method, where the paper and its published code take relu3_3: the photo stays readable.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.train.losses import content_loss, gram_matrix, style_loss, total_variation_loss
from fststyle.train.networks.vgg import VGG16

CONTENT_LAYER = "relu2_2"
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


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


class Objective(nn.Module):
    """content_weight * content + style_weight * sum of the style losses + tv_weight * total variation.

    With the scales of `fststyle.train.losses` content 1 and style 3 to 20 are the useful range.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the painting, (1, 3, h, w) RGB in [-1, 1]; its size sets the size of the brush strokes. At least 16 pixels a side.
        content_weight, style_weight, tv_weight: weights of the three terms.
        content_layer, style_layers: names out of `vgg.LAYERS`.

    Raises:
        InputError: no such layer, or a style image of another shape.
    """

    def __init__(
        self,
        vgg: VGG16,
        style: Tensor,
        *,
        content_weight: float,
        style_weight: float,
        tv_weight: float = 0.0,
        content_layer: str = CONTENT_LAYER,
        style_layers: tuple[str, ...] = STYLE_LAYERS,
    ):
        super().__init__()
        if style.ndim != 4 or style.shape[:2] != (1, 3) or min(style.shape[2:]) < 16:
            raise InputError(f"the style image must be (1, 3, h, w) with 16 pixels a side or more, not {tuple(style.shape)}")
        self.vgg = vgg
        self.content_weight, self.style_weight, self.tv_weight = content_weight, style_weight, tv_weight
        self.content_layer, self.style_layers = content_layer, style_layers
        with torch.no_grad():
            activations = vgg(style, style_layers)
        for name in style_layers:
            # Computed anew from the painting wherever the objective is built, so kept out of checkpoints.
            self.register_buffer(f"gram_{name}", gram_matrix(activations[name]), persistent=False)

    def target(self, photo: Tensor) -> Tensor:
        """The content target of a photo (N, 3, H, W): its activation, for a caller that compares many pictures with one photo."""
        with torch.no_grad():
            return self.vgg(photo, (self.content_layer,))[self.content_layer]

    def forward(self, painted: Tensor, photo: Tensor | None = None, *, target: Tensor | None = None) -> Terms:
        """The terms for pictures (N, 3, H, W) in [-1, 1] against their photos of the same shape, or against a ready `target`.

        Gradients reach `painted` only.
        """
        if target is None:
            if photo is None:
                raise TypeError("Objective needs the photo or its content target")
            target = self.target(photo)
        found = self.vgg(painted, (self.content_layer, *self.style_layers))
        content = content_loss(found[self.content_layer], target)
        style = torch.zeros_like(content)
        for name in self.style_layers:
            style = style + style_loss(found[name], getattr(self, f"gram_{name}"))
        variation = total_variation_loss(painted) if self.tv_weight else torch.zeros_like(content)
        return Terms(self.content_weight * content, self.style_weight * style, self.tv_weight * variation)
