"""The losses of a training step, except the temporal loss, which needs a second picture."""

import torch
from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.data.loader import style_tensor
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.johnson import content_loss
from fststyle.train.losses.local_contrast import more_contrast
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.settings import TrainSettings

CONTENT_LAYERS = ("relu2_2", "relu3_3")
CONTENT_SCALE = 1.7e5
"""Mean square of the activations of both content layers on photos (measured on 1,318 of them)."""


STRETCH = 0.7
"""How far the tones of the painting are stretched to the full range, at a contrast of 1."""


def contrasted_painting(settings: TrainSettings) -> Tensor:
    """The painting that the style loss compares with, (1, 3, h, w) RGB in [-1, 1]."""
    return style_tensor(settings.style, settings.style_size, min(1.0, STRETCH * settings.contrast))


class StyleLosses:
    """The weighted losses for one painting.

    Args:
        vgg: the loss network, with replicate padding.
        settings: the painting and the weights of the losses.
        compute: device and precision.
    """

    def __init__(self, vgg: VGG16, settings: TrainSettings, compute: Compute):
        self.settings = settings
        self.vgg = compute.place(vgg)
        painting = contrasted_painting(settings)
        self.style = compute.place(MultiscaleStyle(vgg, painting, settings.fine, settings.tonal_parts))

    def __call__(self, painted: Tensor, photo: Tensor, stride: int) -> dict[str, Tensor]:
        """The weighted losses by name, (N,) float32 each, of stylized pictures and their photos.

        Both are (N, 3, H, W) in [-1, 1]; `stride` is that of the network. The content loss is equation 2 of
        Johnson et al., the mean over relu2_2 and relu3_3: relu2_2 keeps edges and light, relu3_3 leaves room
        for strokes. Its target is the photo with more local contrast (`more_contrast`). It is divided by a
        constant, `CONTENT_SCALE`. Relative to the photo, plain photos would have a large content loss for
        every stroke, and skies would stay empty.
        """
        with torch.no_grad():
            targets = self.vgg(more_contrast(photo, self.settings.contrast), CONTENT_LAYERS)
        found = self.vgg(painted, LAYERS[1])
        content = sum(content_loss(found[layer], targets[layer]) for layer in CONTENT_LAYERS) / (
            len(CONTENT_LAYERS) * CONTENT_SCALE
        )
        return {
            "content": self.settings.content_weight * content,
            "style": self.settings.style_weight * self.style(painted, photo, found),
            "grid": self.settings.grid_weight * grid_artifact_loss(painted, stride),
        }


def minimized(losses: dict[str, Tensor]) -> Tensor:
    """The scalar to minimize: the mean over the pictures of the log of their total loss.

    Every photo has the same weight. Departure from Johnson et al. 2016, who use the mean of the losses:
    detailed photos have a hundred times the loss of plain ones, and the first hundreds of steps are unstable
    at these learning rates.
    """
    return torch.stack(list(losses.values())).sum(0).log().mean()
