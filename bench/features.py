"""A perceptual distance for the benchmarks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fststyle.train.data.loader import to_tensor
from fststyle.train.networks.vgg import VGG16

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


def distance(
    vgg: VGG16, one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_] | None = None
) -> float:
    """Distance of the features of two pictures, uint8 (H, W, 3), at the places that contain a pixel of
    `inside`.

    LPIPS of Zhang et al. 2018 (arXiv:1801.03924, equation 1) with all weights equal to 1 instead of learned
    ones, in `vgg`: at relu1_2, relu2_2, relu3_3 and relu4_3, each place is scaled to unit length over its
    channels; the squared differences are summed over channels and averaged over the places and the layers.
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
