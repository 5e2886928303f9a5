"""The style of what is larger than a stroke: Gram matrices of the picture at a half and at a quarter of its
size.

Snelgrove 2017, "High-Resolution Multi-Scale Neural Texture Synthesis" (SIGGRAPH Asia Technical Briefs): Gram
matrices over a pyramid. The deepest layer that Johnson et al. take sees less than a hundred pixels and, by
the scale of its activations, weighs a ten-thousandth of the others, so nothing asks for the forms that a
painting is made of, and a network covers whatever is smooth with one small pattern. Departures: means of
squares in place of a Gaussian pyramid; the picture's own size is left to the objective, whose value stays
comparable; three layers, for the smallest picture is 48 pixels wide.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.losses.perceptual import StyleTarget
from fststyle.train.networks.vgg import VGG16

SCALES = (2, 4)
"""What the sides are divided by."""

LAYERS = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0}


class BroadStyle(nn.Module):
    """The sum of the style losses at the smaller sizes, each layer's alike.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the painting, (1, 3, h, w) RGB in [-1, 1], in the size that the objective has it in.
    """

    def __init__(self, vgg: VGG16, style: Tensor):
        super().__init__()
        self.vgg = vgg
        self.targets = nn.ModuleList(
            StyleTarget(vgg, [F.avg_pool2d(style, scale)], LAYERS) for scale in SCALES
        )

    def forward(self, painted: Tensor) -> Tensor:
        """The loss of each picture (N, 3, H, W) in [-1, 1], as (N,); sides of at least 16 pixels."""
        half, quarter = (
            target(self.vgg(F.avg_pool2d(painted, scale), tuple(LAYERS)))
            for scale, target in zip(SCALES, self.targets, strict=True)
        )
        loss: Tensor = half + quarter
        return loss
