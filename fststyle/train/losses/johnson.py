"""The losses of Johnson et al. 2016 (arXiv:1603.08155, section 3.2): small pure functions, added up by
whoever trains.

All images are RGB (N, 3, H, W) in [-1, 1]; activations are those of `fststyle.train.networks.vgg`. Every loss
is one float32 number per picture, (N,), so that a batch can be logged, weighed or compared picture by
picture; its mean is the loss of the batch.
"""

from torch import Tensor

from fststyle.train.losses.gram import gram_matrix


def content_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between two activations (N, C, H, W) of one layer (Johnson,
    equation 2).
    """
    return (activation.float() - target.float()).square().mean(dim=(1, 2, 3))


def style_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between the Gram matrices of `activation` and the ready Gram
    matrices `target`, (1 or N, C, C).

    Departure: the paper takes the squared Frobenius norm (equation 4), the sum over C*C entries; the mean
    makes wide layers weigh as much as narrow ones.
    """
    return (gram_matrix(activation) - target).square().mean(dim=(1, 2))


def total_variation_loss(image: Tensor) -> Tensor:
    """Per picture, (N,): the summed squared differences between neighbouring pixels, on the 0..255 scale,
    divided by C*H*W.

    Johnson, section 3.2 "Total variation regularization", with exponent 2 as in the published code; the
    division makes it independent of the size.
    """
    scaled = image.float() * 127.5
    down = scaled[:, :, 1:, :] - scaled[:, :, :-1, :]
    right = scaled[:, :, :, 1:] - scaled[:, :, :, :-1]
    return (down.square().sum(dim=(1, 2, 3)) + right.square().sum(dim=(1, 2, 3))) / image[0].numel()
