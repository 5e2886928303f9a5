"""Content, style and total variation loss of Johnson et al. 2016 (arXiv:1603.08155, section 3.2).

All images are RGB (N, 3, H, W) in [-1, 1]; activations are those of `fststyle.train.networks.vgg`. Each loss
returns one float32 value per picture, (N,); the loss of a batch is the mean.
"""

from torch import Tensor

from fststyle.train.losses.gram import gram_matrix


def content_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between two activations (N, C, H, W) of one layer (Johnson,
    equation 2).
    """
    return (activation.float() - target.float()).square().mean(dim=(1, 2, 3))


def style_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between the Gram matrices of `activation`, (N, C, H, W), and the
    precomputed Gram matrices `target`, (1 or N, C, C).

    Departure: the paper uses the squared Frobenius norm (equation 4), the sum over C*C entries. The mean
    gives wide layers the same weight as narrow ones.
    """
    return (gram_matrix(activation) - target).square().mean(dim=(1, 2))


def total_variation_loss(image: Tensor) -> Tensor:
    """Per picture, (N,): sum of the squared differences between neighboring pixels (0-255), divided by C*H*W.

    Johnson, section 3.2 "Total variation regularization", with exponent 2 as in the published code. The
    division makes it independent of the image size.
    """
    scaled = image.float() * 127.5
    down = scaled[:, :, 1:, :] - scaled[:, :, :-1, :]
    right = scaled[:, :, :, 1:] - scaled[:, :, :, :-1]
    return (down.square().sum(dim=(1, 2, 3)) + right.square().sum(dim=(1, 2, 3))) / image[0].numel()
