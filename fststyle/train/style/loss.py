"""The losses of `fststyle train`: content, style and grid loss, and their sum.

The training step computes the temporal loss, which compares two stylized crops
(`fststyle.train.style.trainer`).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.data.loader import style_tensor
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.johnson import content_loss
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle
from fststyle.train.losses.photo_contrast import more_contrast
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.retouching import less_local_contrast
from fststyle.train.style.settings import TrainSettings

CONTENT_LAYERS = ("relu2_2", "relu3_3")
"""The content layers of VGG-16."""
CONTENT_SCALE = 1.7e5
"""Approximate mean square of the activations of the content layers on photos, by which the content loss is
divided.
"""
STRETCH = 0.7
"""Fraction by which the tones of the style image are stretched to the full range at a ``contrast`` of 1."""


def load_style_image(settings: TrainSettings) -> Tensor:
    """Return the style image as (1, 3, h, w) RGB in [-1, 1]. Its shorter side is scaled to ``style_size``
    pixels, and if ``contrast`` is above 0, its tones are stretched (`STRETCH`).

    Raises:
        InputError: the file cannot be read, or its longer side is more than 8 times the shorter one.
    """
    return style_tensor(settings.style, settings.style_size, min(1.0, STRETCH * settings.contrast))


class Features(NamedTuple):
    """Images (N, 3, H, W) in [-1, 1] and their VGG-16 activations by layer, (N, C, h, w) each."""

    image: Tensor
    activations: dict[str, Tensor]


class StyleLosses:
    """The weighted losses of stylized images against their photos and one style image.

    Args:
        vgg: the loss network, with replicate padding.
        settings: the style image and the weights of the losses.
        compute: device and precision.

    Raises:
        InputError: the style image cannot be used.
    """

    def __init__(self, vgg: VGG16, settings: TrainSettings, compute: Compute):
        self.settings, self.compute = settings, compute
        self.vgg = compute.place(vgg)
        style_image = load_style_image(settings)
        self.style = compute.place(MultiscaleStyle(vgg, style_image, settings.fine, settings.tonal_parts))

    def features(self, stylized: Tensor) -> Features:
        """Return the images that the content and style loss use, with their activations.

        They are the output of the network, `stylized`, (N, 3, H, W) in [-1, 1], with less local contrast, as
        set by ``local_contrast``. To compensate for this, the network learns to output more of it.
        """
        plain = less_local_contrast(stylized, self.settings.local_contrast)
        return Features(plain, self.vgg(plain, LAYERS[1]))

    def __call__(
        self, stylized: Tensor, photo: Tensor, stride: int, features: Features | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted losses by name, float32 (N,) each.

        The content loss is the mean of equation 2 of Johnson et al. over relu2_2, which preserves edges and
        light, and relu3_3, which allows brush strokes. With ``contrast`` above 0, its target is the photo
        with more local contrast (`more_contrast`). It is divided by a constant, `CONTENT_SCALE`. If it were
        divided by the mean square of the activations of the photo, brush strokes on photos with few details
        would have a high content loss, and skies would stay empty.

        Args:
            stylized: the output of the network, (N, 3, H, W) in [-1, 1].
            photo: the photos, of the same shape.
            stride: the stride of the network in pixels, for the grid loss.
            features: the result of the method `features` for `stylized`; None computes it.
        """
        plain, found = features or self.features(stylized)
        with torch.no_grad():
            targets = self.vgg(more_contrast(photo, self.settings.contrast), CONTENT_LAYERS)
        content = sum(content_loss(found[layer], targets[layer]) for layer in CONTENT_LAYERS) / (
            len(CONTENT_LAYERS) * CONTENT_SCALE
        )
        return {
            "content": self.settings.content_weight * content,
            "style": self.settings.style_weight * self.style(plain, photo, found),
            "grid": self.settings.grid_weight * grid_artifact_loss(stylized, stride),
        }


def minimized(losses: dict[str, Tensor]) -> Tensor:
    """Return the scalar to minimize: the mean over the images of the log of their total loss.

    With the log, every photo has the same weight. This is a departure from Johnson et al. 2016, who use the
    mean of the losses: photos with many details, whose loss is much higher, would dominate, and the first
    steps would be unstable at the default learning rate.

    Args:
        losses: the weighted losses by name, (N,) each.
    """
    return torch.stack(list(losses.values())).sum(0).log().mean()
