"""Adversarial losses. They take the scores of a discriminator, tensors of any shape, and return a float32
scalar.

* ``bce``: Goodfellow et al. 2014, "Generative Adversarial Networks" (arXiv:1406.2661). The scores are the
  logits of the probability that an image is real. The discriminator minimizes the binary cross-entropy of
  real and generated images, which is log 4 at chance level (theorem 1). The generator minimizes the
  non-saturating loss (section 3).
* ``lsgan``: Mao et al. 2017, "Least Squares Generative Adversarial Networks" (arXiv:1611.04076), equation 9.
  The target of the discriminator is 1 for real images and 0 for generated ones; the target of the generator
  is 1. The discriminator loss is halved, as in the paper. It is 1/4 if all scores are 1/2.
* ``wgan-gp``: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs" (arXiv:1704.00028), equation 3:
  the difference of the mean scores, and a gradient penalty at points between real and generated images
  (`gradient_penalty`), which the caller adds to the discriminator loss. The paper calls the discriminator a
  critic, since its scores are not probabilities.
* ``hinge``: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
  (arXiv:1802.05957), section 4. The discriminator increases the scores of real images up to 1 and
  decreases those of generated images down to -1; the generator increases the latter.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

GRADIENT_WEIGHT = 10.0
"""Weight of the gradient penalty, the lambda of Gulrajani et al."""
KINDS = ("bce", "lsgan", "wgan-gp", "hinge")
"""The values of `kind` in this module."""


def discriminator_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """Return the loss of the discriminator, a scalar. For ``wgan-gp``, the caller adds `gradient_penalty`.

    Args:
        kind: one of `KINDS`.
        real: scores of real images.
        fake: scores of generated images.
    """
    if kind == "bce":
        return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()
    if kind == "lsgan":
        return ((real.float() - 1).square().mean() + fake.float().square().mean()) / 2
    if kind == "hinge":
        return (1 - real.float()).relu().mean() + (1 + fake.float()).relu().mean()
    return fake.float().mean() - real.float().mean()


def generator_loss(kind: str, fake: Tensor) -> Tensor:
    """Return the loss of the generator, a scalar.

    Args:
        kind: one of `KINDS`.
        fake: scores of generated images.
    """
    if kind == "bce":
        return F.softplus(-fake.float()).mean()
    return (fake.float() - 1).square().mean() if kind == "lsgan" else -fake.float().mean()


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixture: Tensor
) -> Tensor:
    """Return the gradient penalty, a scalar: the mean of (|gradient of the score| - 1)^2 at points between
    real and generated images (Gulrajani et al., equation 3). It is not weighted.

    Computed in float32, since the penalty needs second derivatives. No gradient flows to the images.

    Args:
        discriminator: returns one or several scores per image; several are averaged.
        real: real images, (N, C, H, W).
        fake: generated images, (N, C, H, W).
        mixture: (N, 1, 1, 1) in 0..1. The points are ``mixture * real + (1 - mixture) * fake``.
    """
    with torch.autocast(real.device.type, enabled=False):
        between = (mixture * real.float() + (1 - mixture) * fake.float()).detach().requires_grad_(True)
        scores = discriminator(between)
        (gradient,) = torch.autograd.grad(
            scores.reshape(len(real), -1).mean(1).sum(), between, create_graph=True
        )
        result: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        return result
