"""The style loss for training networks: Gram matrices of dark, middle and light parts at three scales.

Johnson et al. 2016 (arXiv:1603.08155, equation 4) with three departures:

* Dark, middle and light parts of the photo have Gram matrices of their own, which are compared with those
  of the dark, middle and light parts of the painting (spatial control, Gatys et al. 2017, arXiv:1611.07865).
  With one matrix for the whole, every plain crop has to contain everything: the sky of *The Great Wave*
  fills with waves, dark skies become cream, and the subject is hard to recognize.

* The same loss is added at 1/2 and 1/4 of the size (Snelgrove 2017, "High-Resolution Multi-Scale Neural
  Texture Synthesis"), where receptive fields cover two and four times as much of the picture. Area averages
  replace the Gaussian pyramid.
* The weights of the layers lie between those of the paper and equal ones. Each term is the squared difference
  of two Gram matrices relative to the mean square of the painting's. With the weights that the scale of the
  activations implies in the paper, relu1_2 and relu2_2 are 95 % of the loss: strokes are crisp and rich in
  contrast, but skies stay empty. With equal weights (Cheng et al. 2021, arXiv:2104.10064, "style-aware
  normalized loss") large forms fill the picture, but they are soft and pale. A part `fine` of the weight is
  distributed as in the paper, at full size; the rest over all terms, by the square root of the weights of the
  paper. docs/experiments.md has the comparison.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.tonal_masks import masked_grams, masks_of_painting, masks_of_photo
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
        fine: part of the weight, 0 to 1, that is distributed as in Johnson et al., over the layers at full
            size.
        parts: number of tonal parts with Gram matrices of their own, from dark to light.
    """

    def __init__(self, vgg: VGG16, style: Tensor, fine: float, parts: int):
        super().__init__()
        self.vgg, self.parts = vgg, parts
        energy: dict[tuple[int, str], float] = {}
        with torch.no_grad():
            masks = masks_of_painting(style, parts)
            for scale, layers in LAYERS.items():
                for name, activation in vgg(smaller(style, scale), layers).items():
                    energy[scale, name] = float(gram_matrix(activation).square().mean())
                    grams = masked_grams(activation, masks)[0][0]
                    # Recomputed from the painting, so not stored in checkpoints.
                    self.register_buffer(f"gram{scale}_{name}", grams, persistent=False)
        self.weights = term_weights(energy, fine)

    def forward(self, painted: Tensor, photo: Tensor, found: Mapping[str, Tensor] | None = None) -> Tensor:
        """Loss per picture, (N,), of `painted` with the photos `photo`, both (N, 3, H, W) in [-1, 1], H and W
        at least 32.

        It is near 0 for the painting itself and near 1 for zero activations. `found` are the activations of
        `painted`, if already computed.
        """
        total = torch.zeros(len(painted), device=painted.device)
        masks = masks_of_photo(photo, self.parts)
        for scale, layers in LAYERS.items():
            activations = (
                found if scale == 1 and found is not None else self.vgg(smaller(painted, scale), layers)
            )
            for name in layers:
                grams, areas = masked_grams(activations[name], masks)
                difference = relative_difference(grams, getattr(self, f"gram{scale}_{name}"))
                total = total + self.weights[scale, name] * (areas * difference).sum(1)
        return total


def relative_difference(grams: Tensor, target: Tensor) -> Tensor:
    """Squared differences of `grams`, (N, K, C, C), from those of the painting, (K, C, C), relative to the
    mean squares of the latter: (N, K).
    """
    return (grams - target).square().mean((2, 3)) / target.square().mean((1, 2))


def term_weights(energy: Mapping[tuple[int, str], float], fine: float) -> dict[tuple[int, str], float]:
    """The weights of the terms (scale, layer), which sum to 1, from the mean squares of the painting's Gram
    matrices.
    """
    roots = sum(value**0.5 for value in energy.values())
    full_size = sum(value for (scale, _), value in energy.items() if scale == 1)
    return {
        (scale, name): (1 - fine) * value**0.5 / roots + (fine * value / full_size if scale == 1 else 0.0)
        for (scale, name), value in energy.items()
    }


def smaller(image: Tensor, scale: int) -> Tensor:
    """Downscale `image` by an integer factor `scale`, by averaging."""
    return F.avg_pool2d(image, scale) if scale > 1 else image
