"""The perceptual distance that `bench/keyframe.py` and `bench/restore.py` use."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fststyle.train.data.loader import to_tensor
from fststyle.train.networks.vgg import VGG16

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
"""Layers of VGG-16."""


def distance(
    vgg: VGG16, one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_] | None = None
) -> float:
    """Return the perceptual distance of two images in VGG-16 features; 0 for equal images.

    LPIPS of Zhang et al. 2018 (arXiv:1801.03924, equation 1) with all weights equal to 1 instead of learned
    ones. At relu1_2, relu2_2, relu3_3 and relu4_3, the features at each position are scaled to unit length
    over the channels. The squared differences are summed over the channels and averaged over the positions
    and the layers.

    Args:
        vgg: the loss network.
        one, other: uint8 (H, W, 3).
        inside: bool (H, W), the pixels to compare, at least one; None means all. A position of a layer counts
            if it covers at least one of them.
    """
    with torch.no_grad():
        features = [vgg(to_tensor(rgb)[None], LAYERS) for rgb in (one, other)]
    inside = np.ones(one.shape[:2], bool) if inside is None else inside
    mask = torch.from_numpy(inside.astype(np.float32))[None, None]
    values = []
    for name in LAYERS:
        first, second = (F.normalize(found[name], dim=1) for found in features)
        places = F.adaptive_max_pool2d(mask, first.shape[2:])
        values.append(float(((first - second).square().sum(1, keepdim=True) * places).sum() / places.sum()))
    return float(np.mean(values))
