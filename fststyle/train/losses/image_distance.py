"""Distance between stylized images and target images of the same photos, without the blur that the MSE alone
causes.
"""

import torch
from torch import Tensor

from fststyle.train.losses.gram import gram_matrix
from fststyle.train.networks.vgg import VGG16

SAME, FEATURES, TEXTURE = 150.0, 3.0, 3.0
"""Weights of the MSE, for pixels in [-1, 1], and of the relative squared differences of features and of Gram
matrices.
"""
FEATURE_LAYERS = ("relu1_2", "relu2_2")
"""Layers of VGG-16 whose features are compared."""
TEXTURE_LAYERS = (*FEATURE_LAYERS, "relu3_3")
"""Layers whose Gram matrices are compared."""


def image_distance(stylized: Tensor, target: Tensor, vgg: VGG16) -> dict[str, Tensor]:
    """Return the weighted losses of images against their targets, (N,) each: the MSE ("same"), and the
    squared differences of the features of VGG-16 ("features") and of their Gram matrices ("texture"),
    relative to the squares of the target.

    A network that cannot compute the target exactly outputs blurred images if only the MSE is minimized. With
    the Gram matrices, texture at the wrong position costs less than missing texture. The features and their
    relative squares are those of the perceptual losses of Johnson et al. 2016; here each image has its own
    target.

    Args:
        stylized: the output of the network, RGB (N, 3, H, W) in [-1, 1].
        target: the target images, of the same shape. No gradient flows to them.
        vgg: the loss network.
    """
    with torch.no_grad():
        wanted = vgg(target, TEXTURE_LAYERS)
    found = vgg(stylized, TEXTURE_LAYERS)
    features = [_relative(found[name], wanted[name]) for name in FEATURE_LAYERS]
    texture = [_relative(gram_matrix(found[name]), gram_matrix(wanted[name])) for name in TEXTURE_LAYERS]
    return {
        "same": SAME * (stylized - target).square().flatten(1).mean(1),
        "features": FEATURES * torch.stack(features).mean(0),
        "texture": TEXTURE * torch.stack(texture).mean(0),
    }


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the squared difference divided by the squares of `wanted`, (N,)."""
    difference, whole = (x.float().flatten(1).square().sum(1) for x in (found - wanted, wanted))
    return difference / whole.clamp(min=1e-12)
