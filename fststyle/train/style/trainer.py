"""The training step of `fststyle train`, its optimizer and its learning rate."""

import copy
from typing import Protocol

import torch
from torch import Tensor, nn

from fststyle.train.compute import Compute
from fststyle.train.data.surroundings import random_window
from fststyle.train.losses.clamp import clamp_output
from fststyle.train.losses.temporal import shifted_crops, temporal_loss
from fststyle.train.muon import Muon
from fststyle.train.networks.live import Live
from fststyle.train.optimizer_step import minimize
from fststyle.train.style.discriminator import WARM_UP, StyleDiscriminator
from fststyle.train.style.loss import StyleLosses, minimized
from fststyle.train.style.settings import TrainSettings


class Schedule(Protocol):
    """The settings that determine the optimizer and the learning rate."""

    @property
    def steps(self) -> int: ...
    @property
    def optimizer(self) -> str: ...
    @property
    def learning_rate(self) -> float: ...


class Trainer:
    """Trains one network for one style.

    Args:
        settings: the settings of the training run.
        compute: device and precision.
        losses: the losses against the style image.
        net: the network, on the device.
        optimizer: the optimizer of its parameters.
        initial_weights: targets of the L2 penalty of ``--pull``, or an empty list.
        discriminator: the discriminator for the adversarial loss; None if ``--adversarial-weight`` is 0.
    """

    def __init__(
        self,
        settings: TrainSettings,
        compute: Compute,
        losses: StyleLosses,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        initial_weights: list[Tensor],
        discriminator: StyleDiscriminator | None = None,
    ):
        self.settings, self.compute, self.losses = settings, compute, losses
        self.net, self.optimizer, self.initial_weights = net, optimizer, initial_weights
        self.discriminator = discriminator
        self.shared = compute.distribute(net)
        self.stride = int(net.stride)  # type: ignore[arg-type]

    def trial(self) -> "Trainer":
        """Return a trainer with copies of the network and of the discriminator, and with a new optimizer for
        the network, to measure the time of a step.
        """
        net = copy.deepcopy(self.net)
        optimizer = optimizer_for(net, self.settings)
        discriminator = copy.deepcopy(self.discriminator, {id(self.losses.vgg): self.losses.vgg})
        return Trainer(
            self.settings, self.compute, self.losses, net, optimizer, self.initial_weights, discriminator
        )

    def step(self, number: int, pixels: Tensor) -> dict[str, Tensor]:
        """Run one training step: forward pass, losses, backward pass and optimizer step.

        Args:
            number: number of the step, from 0.
            pixels: photos, uint8 (N, 3, S, S), where S is the size of the crops with their surroundings
                (`fststyle.train.data.surroundings`).

        Returns:
            Scalars by name: the weighted losses, averaged over the images, and "loss", the value that is
            minimized. It is the mean log of the sum of the other losses (`minimized`), plus the adversarial
            loss, which can be negative, and the penalty of ``--pull``.
        """
        settings = self.settings
        photo = self.compute.place(pixels.float().div(127.5).sub(1))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, number)
        random = settings.seed * 1_000_003 + number
        # The network draws a random offset of its noise field. The step seeds the draw, so that a resumed run
        # is identical to an uninterrupted one.
        with self.compute.autocast(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            generator = torch.Generator().manual_seed(random)
            if settings.steady_weight:
                photo, moved, shift = shifted_crops(photo, generator)
                rows, columns = random_window(settings.size, photo.shape[-1], generator)
                wide = self.shared(torch.cat([photo, moved]))
                stylized, restylized = clamp_output(wide[..., rows, columns].float()).chunk(2)
                temporal = settings.steady_weight * temporal_loss(stylized, restylized, shift)
            else:
                rows, columns = random_window(settings.size, photo.shape[-1], generator)
                stylized = clamp_output(self.shared(photo)[..., rows, columns].float())
                temporal = torch.zeros(len(photo), device=photo.device)
            photo = photo[..., rows, columns]
            features = self.losses.features(stylized)
            losses = {**self.losses(stylized, photo, self.stride, features), "temporal": temporal}
        loss = minimized(losses)
        if self.discriminator is not None:
            self.discriminator.learn(features.activations, random)
            if number >= WARM_UP:
                losses["adversarial"] = settings.adversarial_weight * self.discriminator.loss(
                    features.activations
                )
                loss = loss + losses["adversarial"]
        if settings.pull and self.initial_weights:
            loss = loss + settings.pull * sum(
                (p - q).square().sum()
                for p, q in zip(self.net.parameters(), self.initial_weights, strict=True)
            )
        minimize(self.optimizer, loss)
        if isinstance(self.net, Live):
            self.net.constrain()
        return {"loss": loss.detach(), **{key: value.detach().mean() for key, value in losses.items()}}


def learning_rate(settings: Schedule, step: int) -> float:
    """Return the learning rate at `step`: linear warm-up over 20 steps, and linear decay to 1/20 of the peak.

    It depends only on the step and the settings, so that a resumed run is identical to an uninterrupted one.

    Args:
        settings: the peak learning rate and the total number of steps.
        step: number of the step, from 0.
    """
    return settings.learning_rate * min(1.0, (step + 1) / 20) * (1 - 0.95 * step / settings.steps)


def optimizer_for(net: nn.Module, settings: Schedule) -> torch.optim.Optimizer:
    """Return a new optimizer for all parameters of `net` that are not frozen: `Muon` if the setting
    ``optimizer`` is "muon", otherwise Adam.
    """
    if settings.optimizer == "muon":
        return Muon(net, lr=settings.learning_rate)
    return torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=settings.learning_rate)
