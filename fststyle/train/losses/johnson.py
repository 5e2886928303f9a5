"""Content loss, style loss and total variation of Johnson et al. 2016 (arXiv:1603.08155, section 3.2).

All images are RGB (N, 3, H, W) in [-1, 1]; activations are those of `fststyle.train.networks.vgg`. Each loss
returns one float32 value per image, (N,). The loss of a batch is their mean.
"""

from torch import Tensor

from fststyle.train.losses.gram import gram_matrix


def content_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Return the content loss per image, (N,): mean squared error between two activations (N, C, H, W) of one
    layer (Johnson et al., equation 2).
    """
    return (activation.float() - target.float()).square().mean(dim=(1, 2, 3))


def style_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Return the style loss per image, (N,): mean squared error between Gram matrices.

    Departure: Johnson et al. use the squared Frobenius norm (equation 4), which is the sum over the C*C
    entries. The mean does not grow with the number of channels.

    Args:
        activation: activation of the stylized image, (N, C, H, W).
        target: Gram matrix of the style image, (1 or N, C, C).
    """
    return (gram_matrix(activation) - target).square().mean(dim=(1, 2))


def total_variation_loss(image: Tensor) -> Tensor:
    """Return the total variation per image, (N,): sum of the squared differences between horizontally and
    vertically adjacent pixel values in 0-255, divided by C*H*W.

    Johnson et al., section 3.2, "Total variation regularization", with exponent 2 as in the published code.
    Departure: the loss is divided by C*H*W, so that it does not grow with the image size.
    """
    scaled = image.float() * 127.5
    down = scaled[:, :, 1:, :] - scaled[:, :, :-1, :]
    right = scaled[:, :, :, 1:] - scaled[:, :, :, :-1]
    return (down.square().sum(dim=(1, 2, 3)) + right.square().sum(dim=(1, 2, 3))) / image[0].numel()
