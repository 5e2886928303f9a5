"""The style loss for training networks: Gram matrices of dark, middle and light parts at three scales.

Johnson et al. 2016 (arXiv:1603.08155, equation 4) with three departures:

* The dark, middle and light parts of the photo have separate Gram matrices, which are compared with those of
  the dark, middle and light parts of the style image (spatial control, Gatys et al. 2017, arXiv:1611.07865).
  With one matrix for the whole image, every flat region has to contain all of the style: skies fill with the
  waves of *The Great Wave*, dark skies become cream, and the subject is hard to recognize.
* The same loss is added at 1/2 and 1/4 of the size (Snelgrove 2017, "High-Resolution Multi-Scale Neural
  Texture Synthesis"), where the receptive fields are two and four times as large relative to the image. Area
  averages replace the Gaussian pyramid.
* The layer weights lie between those of the paper and equal weights. Each term is the squared difference of
  two Gram matrices relative to the mean square of the style image's matrix. In the paper, the terms are not
  normalized, so the scale of the activations determines their weights, and early layers dominate: strokes are
  crisp and rich in contrast, but skies stay empty. With equal weights (Cheng et al. 2021, arXiv:2104.10064,
  "style-aware normalized loss"), large forms fill the image, but they are soft and pale. Here, a fraction
  `fine` of the weight is distributed as in the paper, over the layers at full size. The rest is distributed
  over all terms, in proportion to the square roots of the weights of the paper. docs/experiments.md has the
  comparison.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.tonal_masks import masked_grams, photo_masks, style_masks
from fststyle.train.networks.vgg import VGG16

LAYERS: Mapping[int, tuple[str, ...]] = {
    1: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    2: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    4: ("relu1_2", "relu2_2", "relu3_3"),
}
"""VGG-16 layers for each downscaling factor. At 1/4 of a training crop, relu4_3 has too few positions."""


class MultiscaleStyle(nn.Module):
    """Style loss that compares stylized images with one style image, at several scales and separately for
    dark and light parts.

    Args:
        vgg: the loss network of `load_vgg`.
        style: the style image, (1, 3, h, w) RGB in [-1, 1], h and w at least 32. Its size determines the size
            of the brush strokes.
        fine: fraction of the total weight, 0 to 1, that is distributed as in Johnson et al. (2016), over the
            layers at full size only. The rest is distributed over the layers at all scales (`term_weights`).
        parts: number of luminance ranges with separate Gram matrices, from dark to light.
    """

    def __init__(self, vgg: VGG16, style: Tensor, fine: float, parts: int):
        super().__init__()
        self.vgg, self.parts = vgg, parts
        energy: dict[tuple[int, str], float] = {}
        with torch.no_grad():
            masks = style_masks(style, parts)
            for scale, layers in LAYERS.items():
                for name, activation in vgg(smaller(style, scale), layers).items():
                    energy[scale, name] = float(gram_matrix(activation).square().mean())
                    grams = masked_grams(activation, masks)[0][0]
                    # Recomputed from the style image, so not stored in checkpoints.
                    self.register_buffer(f"gram{scale}_{name}", grams, persistent=False)
        self.weights = term_weights(energy, fine)

    def forward(self, stylized: Tensor, photo: Tensor, found: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the style loss per image, (N,): near 0 for the style image itself, and near 1 for zero
        activations.

        Args:
            stylized: stylized images, (N, 3, H, W) in [-1, 1], H and W at least 32.
            photo: the photos that they were stylized from, of the same shape. Their luminance determines
                which parts are compared with which parts of the style image.
            found: the VGG-16 activations of `stylized` in the layers `LAYERS[1]`, by name, if they are
                already known; None computes them.
        """
        total = torch.zeros(len(stylized), device=stylized.device)
        masks = photo_masks(photo, self.parts)
        for scale, layers in LAYERS.items():
            activations = (
                found if scale == 1 and found is not None else self.vgg(smaller(stylized, scale), layers)
            )
            for name in layers:
                grams, areas = masked_grams(activations[name], masks)
                difference = relative_difference(grams, getattr(self, f"gram{scale}_{name}"))
                total = total + self.weights[scale, name] * (areas * difference).sum(1)
        return total


def relative_difference(grams: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared difference of Gram matrices from their targets, relative to the mean square of
    the targets, (N, K).

    Args:
        grams: (N, K, C, C), one for each of K luminance ranges.
        target: Gram matrices of the style image, (K, C, C).
    """
    return (grams - target).square().mean((2, 3)) / target.square().mean((1, 2))


def term_weights(energy: Mapping[tuple[int, str], float], fine: float) -> dict[tuple[int, str], float]:
    """Return the weights of the terms of the style loss by (scale, layer). Their sum is 1.

    A fraction `fine` is distributed over the layers at full size, in proportion to their `energy`. The rest
    is distributed over the layers at all scales, in proportion to the square root of `energy`.

    Args:
        energy: mean squares of the Gram matrices of the style image, by (scale, layer).
        fine: as in `MultiscaleStyle`.
    """
    roots = sum(value**0.5 for value in energy.values())
    full_size = sum(value for (scale, _), value in energy.items() if scale == 1)
    return {
        (scale, name): (1 - fine) * value**0.5 / roots + (fine * value / full_size if scale == 1 else 0.0)
        for (scale, name), value in energy.items()
    }


def smaller(image: Tensor, scale: int) -> Tensor:
    """Return `image`, (N, C, H, W), downscaled by the integer factor `scale` by area averaging. The size is
    rounded down.
    """
    return F.avg_pool2d(image, scale) if scale > 1 else image
