"""The losses between a generator and the discriminator that judges it: small pure functions of scores of any
shape, each a scalar.

* ``bce``: Goodfellow et al. 2014, "Generative Adversarial Networks" (arXiv:1406.2661): the scores are logits
  of the probability that a picture is real; the discriminator descends the binary cross-entropy of both
  kinds, whose value is log 4 where it can tell nothing (theorem 1), and the generator the one of its pictures
  under the wrong label (section 3: the non-saturating loss).
* ``lsgan``: Mao et al. 2017, "Least Squares Generative Adversarial Networks" (arXiv:1611.04076), equation 9:
  paintings are to score 1, paintings of the generator 0, and the generator is to score 1. The discriminator's
  loss is halved, as there; where it can tell nothing it is 1/4.
* ``wgan-gp``: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs" (arXiv:1704.00028), equation 3:
  the difference of the mean scores, with the length of the gradient held to 1 between both kinds of pictures.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

GRADIENT_WEIGHT = 10.0
"""The lambda of Gulrajani et al."""
KINDS = ("bce", "lsgan", "wgan-gp")


def critic_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator descends, given its scores of both; for ``wgan-gp`` without the penalty."""
    if kind == "bce":
        return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()
    if kind == "lsgan":
        return ((real.float() - 1).square().mean() + fake.float().square().mean()) / 2
    return fake.float().mean() - real.float().mean()


def generator_loss(kind: str, fake: Tensor) -> Tensor:
    """What the generator descends, given the discriminator's scores of its pictures."""
    if kind == "bce":
        return F.softplus(-fake.float()).mean()
    return (fake.float() - 1).square().mean() if kind == "lsgan" else -fake.float().mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixture: Tensor
) -> Tensor:
    """Gulrajani et al., equation 3: mean over the pictures of (|gradient of the score| - 1)^2, at ``mixture *
    real + (1 - mixture) * fake``.

    `real` and `fake` are (N, 3, H, W), `mixture` (N, 1, 1, 1) in 0..1. Of a discriminator with several scores
    for each picture their mean is taken. In float32, for its own gradient is needed.
    """
    with torch.autocast(real.device.type, enabled=False):
        between = (mixture * real.float() + (1 - mixture) * fake.float()).detach().requires_grad_(True)
        scores = critic(between)
        (slope,) = torch.autograd.grad(
            scores.reshape(len(real), -1).mean(1).sum(), between, create_graph=True
        )
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()
