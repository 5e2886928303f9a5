"""The style loss for training networks: normalized Gram matrices at three scales.

Johnson et al. 2016 (arXiv:1603.08155, equation 4) with two departures:

* Every layer counts the same. The squared difference of two Gram matrices is divided by the mean square of
  the painting's. Without it, relu1_2 and relu2_2 are 95 % of the loss by the scale of their activations and
  relu4_3 is 0.001 %, so a network paints fine texture and no large forms. Cheng et al. 2021
  (arXiv:2104.10064, "style-aware normalized loss") divide by the magnitudes of both pictures; a constant
  keeps the gradient simple.
* The same loss is added at 1/2 and 1/4 of the size (Snelgrove 2017, "High-Resolution Multi-Scale Neural
  Texture Synthesis"), where the layers see two and four times as much of the picture. Area averages instead
  of a Gaussian pyramid.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.losses.gram import gram_matrix
from fststyle.train.networks.vgg import VGG16

LAYERS: Mapping[int, tuple[str, ...]] = {
    1: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    2: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    4: ("relu1_2", "relu2_2", "relu3_3"),
}
"""Layers per downscaling factor. At 1/4 of a training crop, relu4_3 has too few pixels."""


class MultiscaleStyle(nn.Module):
    """Distance between the style of a picture and that of a painting.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the painting, (1, 3, h, w) RGB in [-1, 1]; its size sets the size of the brush strokes.
    """

    def __init__(self, vgg: VGG16, style: Tensor):
        super().__init__()
        self.vgg = vgg
        with torch.no_grad():
            for scale, layers in LAYERS.items():
                for name, activation in vgg(smaller(style, scale), layers).items():
                    # Recomputed from the painting, so not stored in checkpoints.
                    self.register_buffer(f"gram{scale}_{name}", gram_matrix(activation), persistent=False)

    def forward(self, painted: Tensor, found: Mapping[str, Tensor] | None = None) -> Tensor:
        """Loss per picture, (N,), of `painted`, (N, 3, H, W) in [-1, 1], H and W at least 32.

        It is 0 for the painting itself and 1 for zero activations. `found` are the activations of `painted`,
        if already computed.
        """
        terms = []
        for scale, layers in LAYERS.items():
            activations = (
                found if scale == 1 and found is not None else self.vgg(smaller(painted, scale), layers)
            )
            for name in layers:
                target = getattr(self, f"gram{scale}_{name}")
                difference = (gram_matrix(activations[name]) - target).square().mean((1, 2))
                terms.append(difference / target.square().mean())
        return torch.stack(terms).mean(0)


def smaller(image: Tensor, scale: int) -> Tensor:
    """Downscale `image` by an integer factor `scale`, by averaging."""
    return F.avg_pool2d(image, scale) if scale > 1 else image
