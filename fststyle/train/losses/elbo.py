"""The evidence lower bound of a VAE (Kingma and Welling 2014, arXiv:1312.6114, equation 3), in nats per
picture.

log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || N(0, 1))
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.networks.vae import MIN_LOG_DEVIATION


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in closed form (appendix B): (N, Z) each -> (N,)."""
    return (log_variance.exp() + mean.square() - 1 - log_variance).sum(1) / 2


def reparameterize(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One sample per row by the reparameterization trick (section 2.4): (N, Z) each -> (N, Z)."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def bernoulli(logits: Tensor, pixels: Tensor) -> Tensor:
    """log p(x|z), (N,), of pixels 0 or 1 under the logits of the decoder, both (N, C, H, W)."""
    return -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").flatten(1).sum(1)


def gaussian(mean: Tensor, pixels: Tensor, log_deviation: Tensor) -> Tensor:
    """log p(x|z), (N,): Gaussian density of pixels in [0, 1] around the decoder means, with one shared
    standard deviation (Rybkin et al. 2021, arXiv:2006.13202).
    """
    log_deviation = log_deviation.clamp(min=MIN_LOG_DEVIATION)
    error = (pixels - mean) / log_deviation.exp()
    return -(error.square() / 2 + log_deviation + math.log(2 * math.pi) / 2).flatten(1).sum(1)


def binarize(pixels: Tensor) -> Tensor:
    """Stochastic binarization for the Bernoulli likelihood: pixels in [0, 1] are the probabilities of 1
    (Salakhutdinov and Murray 2008).
    """
    return torch.bernoulli(pixels)
