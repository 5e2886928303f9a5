"""The losses of a training step, except for the temporal loss, which needs a second picture."""

import torch
from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.data.loader import style_tensor
from fststyle.train.losses.grid import squares_loss
from fststyle.train.losses.johnson import content_loss
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle
from fststyle.train.losses.perceptual import CONTENT_LAYER
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.settings import TrainSettings


class StyleLosses:
    """The weighted losses of pictures in the style of one painting.

    Args:
        vgg: the loss network, with replicate padding.
        settings: names the painting, and has the weights of the losses.
        compute: where.
    """

    def __init__(self, vgg: VGG16, settings: TrainSettings, compute: Compute):
        self.settings = settings
        self.vgg = compute.place(vgg)
        self.style = compute.place(MultiscaleStyle(vgg, style_tensor(settings.style, settings.style_size)))

    def __call__(self, painted: Tensor, photo: Tensor, stride: int) -> dict[str, Tensor]:
        """The weighted losses by name, each (N,) float32, of pictures (N, 3, H, W) in [-1, 1] by a network of
        this stride, and their photos.

        content is Johnson's equation 2 at relu2_2, divided by the mean square of the photo's activation: a
        dark photo counts as much as a light one.
        """
        with torch.no_grad():
            target = self.vgg(photo, (CONTENT_LAYER,))[CONTENT_LAYER].float()
        found = self.vgg(painted, LAYERS[1])
        content = content_loss(found[CONTENT_LAYER], target) / target.square().mean((1, 2, 3)).clamp(min=1e-6)
        return {
            "content": self.settings.content_weight * content,
            "style": self.settings.style_weight * self.style(painted, found),
            "grid": self.settings.grid_weight * squares_loss(painted, stride),
        }


def minimized(losses: dict[str, Tensor]) -> Tensor:
    """The scalar that a step minimizes: the mean over the pictures of the logarithm of their summed losses.

    Every photo counts the same. Departure from Johnson et al. 2016, who take the mean of the losses: busy
    photos have a hundred times the loss of plain ones, and the first hundreds of steps are unstable at these
    learning rates.
    """
    return torch.stack(list(losses.values())).sum(0).log().mean()
