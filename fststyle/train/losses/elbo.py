"""The evidence lower bound (ELBO) of a VAE, in nats per image.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), equation 3: log p(x) >= E_q(z|x)
[log p(x|z)] - KL(q(z|x) || N(0, 1)).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.networks.vae import MIN_LOG_DEVIATION


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)), (N,), in closed form (Kingma and Welling, appendix
    B). Both arguments are (N, Z).
    """
    return (log_variance.exp() + mean.square() - 1 - log_variance).sum(1) / 2


def reparameterize(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return one sample of N(mean, exp(log_variance)) per row, (N, Z), by the reparameterization trick
    (Kingma and Welling, section 2.4). Both arguments are (N, Z).
    """
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def bernoulli(logits: Tensor, pixels: Tensor) -> Tensor:
    """Return the log-likelihood log p(x|z) of each image under independent Bernoulli distributions, summed
    over its pixels, (N,).

    Args:
        logits: the output of the decoder, (N, C, H, W).
        pixels: the binary images, (N, C, H, W), with values 0 and 1.
    """
    return -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").flatten(1).sum(1)


def gaussian(mean: Tensor, pixels: Tensor, log_deviation: Tensor) -> Tensor:
    """Return the log-likelihood log p(x|z) of each image, summed over its pixels, (N,).

    The distribution of each pixel is a Gaussian. All pixels have the same standard deviation (Rybkin et al.
    2021, arXiv:2006.13202).

    Args:
        mean: the output of the decoder, (N, C, H, W) in [0, 1].
        pixels: the images, (N, C, H, W) in [0, 1].
        log_deviation: the log standard deviation, a scalar. It is clamped to at least `MIN_LOG_DEVIATION`.
    """
    log_deviation = log_deviation.clamp(min=MIN_LOG_DEVIATION)
    error = (pixels - mean) / log_deviation.exp()
    return -(error.square() / 2 + log_deviation + math.log(2 * math.pi) / 2).flatten(1).sum(1)


def binarize(pixels: Tensor) -> Tensor:
    """Return binary pixels for the Bernoulli likelihood: each is 1 with a probability equal to its value in
    [0, 1], otherwise 0 (Salakhutdinov and Murray 2008). The shape is that of `pixels`.
    """
    return torch.bernoulli(pixels)
