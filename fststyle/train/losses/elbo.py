"""The evidence lower bound of a VAE (Kingma and Welling 2014, arXiv:1312.6114, equation 3), in nats per
picture.

log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || N(0, 1))
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.networks.vae import NARROWEST


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in closed form (appendix B): (N, Z) each -> (N,)."""
    return (log_variance.exp() + mean.square() - 1 - log_variance).sum(1) / 2


def sampled(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw each, through which gradients flow (section 2.4)."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def bernoulli(logits: Tensor, pixels: Tensor) -> Tensor:
    """log p(x|z), (N,): pixels of 0 or 1 whose probabilities the decoder gives as logits, (N, C, H, W)
    both.
    """
    return -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").flatten(1).sum(1)


def gaussian(mean: Tensor, pixels: Tensor, log_deviation: Tensor) -> Tensor:
    """log p(x|z), (N,): the density of pixels in [0, 1] about the decoder's means, one deviation for all
    (Rybkin et al. 2021, arXiv:2006.13202).
    """
    log_deviation = log_deviation.clamp(min=NARROWEST)
    error = (pixels - mean) / log_deviation.exp()
    return -(error.square() / 2 + log_deviation + math.log(2 * math.pi) / 2).flatten(1).sum(1)


def binarised(pixels: Tensor) -> Tensor:
    """Pixels of 0 or 1, drawn with the grey in [0, 1] as probability (Salakhutdinov and Murray 2008): what a
    Bernoulli likelihood is a likelihood of.
    """
    return torch.bernoulli(pixels)
