"""The training step of `fststyle translate train`, its learning rate, and limits beyond which losses are
reported.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from fststyle.train.compute import Compute
from fststyle.train.generative.divergence import DivergenceMonitor
from fststyle.train.losses.adversarial import (
    GRADIENT_WEIGHT,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
)
from fststyle.train.losses.contrastive import choose_positions, features, features_and_output, patch_nce
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.optimizer_step import minimize
from fststyle.train.translate.model import Networks
from fststyle.train.translate.settings import TranslateSettings

MIN_LOSSES = {
    "discriminator": (
        0.02,
        (
            "the discriminator is nearly always right, so the generator learns little; a lower"
            " --learning-rate or more paintings may help"
        ),
    ),
    "spread": (
        0.15,
        "the output has nearly one color everywhere; a lower --adversarial-weight may help",
    ),
}
"""By name of the loss: the smallest normal value, and the message for a smaller value."""
MAX_LOSSES = {
    "contrastive": (
        5.0,
        "the output does not resemble the photos; a higher --contrastive-weight may help",
    ),
    "adversarial": (1e3, "the adversarial loss diverges; a lower --learning-rate may help"),
}
"""By name of the loss: the largest normal value, and the message for a larger value."""


class Trainer:
    """Trains the generators and the discriminators.

    Args:
        settings: the settings of the training run.
        compute: device and precision.
        nets: all networks, on the device.
        optimizers: two optimizers, that of the generators and that of the discriminators.
    """

    def __init__(
        self,
        settings: TranslateSettings,
        compute: Compute,
        nets: Networks,
        optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    ):
        self.settings, self.compute, self.nets, self.optimizers = settings, compute, nets, optimizers

    def step(self, number: int, photo: Tensor, painting: Tensor) -> dict[str, Tensor]:
        """Run one training step: update the discriminators, then the generators.

        Args:
            number: index of the step, counted from 0.
            photo: batch of photos, uint8 (N, 3, size, size).
            painting: batch of paintings, of the same type and shape.

        Returns:
            Scalars by name: the losses before weighting, and "spread", the standard deviation of the output
            pixels divided by that of the pixels of the paintings.
        """
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.settings, number)
        photo, painting = (self.compute.place(x.float().div(127.5).sub(1)) for x in (photo, painting))
        random = self.settings.seed * 1_000_003 + number
        # The network draws a random offset of its noise field. The step seeds the draw, so that a resumed run
        # is identical to an uninterrupted one.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            losses = self._update(photo, painting, torch.Generator().manual_seed(random))
        for generator in self.nets.generators():
            if (constrain := getattr(generator, "constrain", None)) is not None:
                constrain()
        return {name: value.detach() for name, value in losses.items()}

    def _update(self, photo: Tensor, painting: Tensor, chance: torch.Generator) -> dict[str, Tensor]:
        """Update the discriminators, then the generators, as in `step`.

        Args:
            photo: batch of photos, (N, 3, size, size) in [-1, 1], on the device.
            painting: batch of paintings, of the same shape.
            chance: source of randomness for the contrastive loss and the gradient penalty.

        Returns:
            The scalars that `step` returns, not yet detached from the computation graph.
        """
        nets, settings = self.nets, self.settings
        with self.compute.autocast():
            found, stylized = features_and_output(nets.generator, photo, nets.layers)
            pairs = [(nets.discriminator, painting, stylized)]
            if settings.cycle_weight:
                pairs.append((nets.back_discriminator, photo, nets.back(painting)))
            discriminator_term = _discriminator_losses(settings, pairs, chance)
        minimize(self.optimizers[1], discriminator_term)

        for discriminator in nets.discriminators():
            discriminator.requires_grad_(False)
        with self.compute.autocast():
            losses = {
                "adversarial": torch.stack(
                    [
                        generator_loss(settings.adversary, discriminator(fake))
                        for discriminator, _, fake in pairs
                    ]
                ).sum(),
                "discriminator": discriminator_term,
                "spread": stylized.float().std() / painting.std().clamp(min=1e-3),
            }
            if settings.grid_weight:
                losses["grid"] = grid_artifact_loss(stylized, int(nets.generator.stride)).mean()  # type: ignore[arg-type]
            if settings.contrastive_weight:
                losses["contrastive"] = _contrastive(nets, found, stylized, chance)
                if settings.identity_weight:
                    seen, restylized = features_and_output(nets.generator, painting, nets.layers)
                    losses["identity"] = _contrastive(nets, seen, restylized, chance)
            if settings.cycle_weight:
                round_trips = ((nets.back, stylized, photo), (nets.generator, pairs[1][2], painting))
                losses["cycle"] = torch.stack(
                    [_cycle(net, images, origin) for net, images, origin in round_trips]
                ).sum()
            loss = settings.adversarial_weight * losses["adversarial"]
            for name in ("grid", "contrastive", "identity", "cycle"):
                if name in losses:
                    loss = loss + getattr(settings, f"{name}_weight") * losses[name]
        minimize(self.optimizers[0], loss)
        for discriminator in nets.discriminators():
            discriminator.requires_grad_(True)
        return losses


def learning_rate(settings: TranslateSettings, step: int) -> float:
    """Return the learning rate for training step `step`, counted from 0. It is constant in the first half of
    the training and then decays linearly to 0 (Zhu et al. 2017, section 4).
    """
    return settings.learning_rate * min(1.0, 2 * (1 - step / settings.steps))


def divergence_monitor(settings: TranslateSettings, on_message: Callable[[str], None]) -> DivergenceMonitor:
    """Return a monitor that calls `on_message` with a warning if a loss is below its limit in `MIN_LOSSES` or
    above its limit in `MAX_LOSSES`. With ``wgan-gp``, the discriminator loss is not checked, since it has no
    fixed range.
    """
    lowest = MIN_LOSSES if settings.adversary == "lsgan" else {"spread": MIN_LOSSES["spread"]}
    return DivergenceMonitor(lowest, MAX_LOSSES, on_message)


def _discriminator_losses(
    settings: TranslateSettings, pairs: Sequence[tuple[nn.Module, Tensor, Tensor]], chance: torch.Generator
) -> Tensor:
    """Return the sum of the losses of the discriminators, a scalar, with the gradient penalty of ``wgan-gp``.

    Args:
        settings: the settings of the training run.
        pairs: for each discriminator, a tuple of the discriminator, real images and generated images.
        chance: source of randomness for the gradient penalty.
    """
    total = torch.zeros((), device=pairs[0][1].device)
    for discriminator, real, fake in pairs:
        fake = fake.detach()
        total = total + discriminator_loss(settings.adversary, discriminator(real), discriminator(fake))
        if settings.adversary == "wgan-gp":
            mixture = torch.rand(len(real), 1, 1, 1, generator=chance).to(real.device)
            total = total + GRADIENT_WEIGHT * gradient_penalty(discriminator, real, fake, mixture)
    return total


def _contrastive(
    nets: Networks, found: dict[str, Tensor], stylized: Tensor, chance: torch.Generator
) -> Tensor:
    """Return the PatchNCE loss between input and output of the generator, a scalar, averaged over the layers.

    Args:
        nets: the networks, with heads.
        found: features of the input, by layer name, as returned by `features`.
        stylized: the output, (N, 3, H, W).
        chance: source of the random positions.
    """
    places = choose_positions(found, chance)
    # Compute queries before keys: some versions of PyTorch cache the weights of the heads, cast by autocast
    # without gradients, and reuse them where gradients are needed.
    queries = nets.heads(features(nets.generator, stylized, nets.layers), places)
    with torch.no_grad():
        keys = nets.heads(found, places)
    return torch.stack([patch_nce(query, key) for query, key in zip(queries, keys, strict=True)]).mean()


def _cycle(net: nn.Module, generated: Tensor, original: Tensor) -> Tensor:
    """Return the cycle loss of one direction, a scalar (Zhu et al. 2017, equation 2): the mean absolute
    difference between the original images and the result of a round trip, for pixels in [-1, 1].

    Args:
        net: the generator for the opposite direction.
        generated: the output of the other generator.
        original: the input of the other generator.
    """
    difference: Tensor = (net(generated).float() - original).abs().mean()
    return difference
