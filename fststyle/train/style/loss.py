"""What one painting asks of a picture: all the losses that a style is trained with, but the steadiness, which
needs a second picture.
"""

import torch
from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.data.loader import style_tensor
from fststyle.train.losses.color import even_loss, light_loss, palette, palette_loss
from fststyle.train.losses.grid import squares_loss
from fststyle.train.losses.multiscale import BroadStyle
from fststyle.train.losses.perceptual import STYLE_LAYERS, Objective
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.settings import TrainSettings

LEARNED_LAYERS = {name: weight for name, weight in STYLE_LAYERS.items() if name != "relu4_3"}
"""The objective's style layers that a step asks for. Departure from Johnson et al. 2016: relu4_3, a third of
the loss network's work, is a ten-thousandth of the style loss by the scale of its activations, and with it or
without the slope is the same to four digits (measured on five styles, painted and not).
"""


class Lesson:
    """One painting, ready to be learned.

    Args:
        vgg: the loss network, with its edges repeated.
        settings: names the painting, and weighs the losses.
        compute: where.
    """

    def __init__(self, vgg: VGG16, settings: TrainSettings, compute: Compute):
        style = style_tensor(settings.style, settings.style_size)
        weights = {name: getattr(settings, name) for name in ("content_weight", "style_weight", "tv_weight")}
        self.settings = settings
        self.objective = compute.place(Objective(vgg, style, style_layers=LEARNED_LAYERS, **weights))
        self.broad = compute.place(BroadStyle(vgg, style)) if settings.broad_weight else None
        self.colors = compute.place(palette(style, (settings.size // 4) ** 2))

    def __call__(self, painted: Tensor, photo: Tensor, stride: int) -> dict[str, Tensor]:
        """The weighted losses by name, each (N,) float32, of pictures (N, 3, H, W) in [-1, 1] by a network of
        this stride, and their photos.
        """
        asked, terms = self.settings, self.objective(painted, photo)
        return {
            "content": terms.content,
            "style": terms.style,
            "broad": (
                asked.broad_weight * self.broad(painted) if self.broad else torch.zeros_like(terms.style)
            ),
            "tv": terms.total_variation,
            "grid": asked.grid_weight * squares_loss(painted, stride),
            "palette": asked.palette_weight * palette_loss(painted, self.colors),
            "light": asked.light_weight * light_loss(painted, photo),
            "even": asked.even_weight * even_loss(painted, photo),
        }


def descended(losses: dict[str, Tensor]) -> Tensor:
    """The one number that a step descends: the mean over the pictures of the logarithm of their summed
    losses.

    Every photo pulls equally hard, not the busy ones a hundred times harder. Departure from Johnson et al.
    2016, who take the mean of the losses: with that the first hundreds of steps were unsteady at these
    learning rates.
    """
    return torch.stack(list(losses.values())).sum(0).log().mean()
