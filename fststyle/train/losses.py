"""The losses of Johnson et al. 2016 (arXiv:1603.08155, section 3.2): small pure functions, added up by whoever trains.

All images are RGB (N, 3, H, W) in [-1, 1]; activations are those of `fststyle.train.networks.vgg`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def gram_matrix(activation: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, C): inner products of the channels divided by C*H*W, once (Johnson, equation 3).

    Computed in float32 whatever the input: sums over H*W lose half a precision's digits.
    """
    n, c, h, w = activation.shape
    flat = activation.float().reshape(n, c, h * w)
    with torch.autocast(activation.device.type, enabled=False):
        return flat @ flat.transpose(1, 2) / (c * h * w)


def content_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Mean squared error between two activations of one layer (Johnson, equation 2)."""
    return F.mse_loss(activation.float(), target.float())


def style_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Mean squared error between the Gram matrices of `activation` and the ready Gram matrices `target`, (1 or N, C, C).

    Departure: the paper takes the squared Frobenius norm (equation 4), the sum over C*C entries; the mean makes wide layers weigh as much as narrow ones.
    """
    gram = gram_matrix(activation)
    return F.mse_loss(gram, target.expand_as(gram))


def total_variation_loss(image: Tensor) -> Tensor:
    """Mean over the pictures of the summed squared differences between neighbouring pixels, on the 0..255 scale, divided by C*H*W.

    Johnson, section 3.2 "Total variation regularization", with exponent 2 as in the published code; the division makes it independent of the size.
    """
    scaled = image.float() * 127.5
    down = scaled[:, :, 1:, :] - scaled[:, :, :-1, :]
    right = scaled[:, :, :, 1:] - scaled[:, :, :, :-1]
    return (down.square().sum() + right.square().sum()) / image.numel()
