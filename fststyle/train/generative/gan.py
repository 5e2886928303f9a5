"""`fststyle gan train`: generative adversarial networks.

    from fststyle.train.generative.gan import train_gan
    train_gan("mnist", kind="dcgan", steps=5000)

writes mnist-dcgan.onnx (input ``latent``, output ``picture``), mnist-dcgan.pt and mnist-dcgan-preview.png.
The exported weights are the exponential moving average of the generator's weights (Yazici et al. 2019,
arXiv:1806.04498).

The methods are those of Goodfellow et al. 2014 (mlp), Radford et al. 2016 (dcgan) and Gulrajani et al. 2017
(wgan-gp); see `fststyle.train.networks.gan` and `fststyle.train.losses.adversarial`. Departures:

* The betas of Adam are (0.5, 0.999) for wgan-gp too; the paper uses (0, 0.9).
* The learning rate is 1e-3 instead of 2e-4 (dcgan) and 1e-4 (wgan-gp), and wgan-gp takes three discriminator
  steps per generator step instead of five. Training is shorter, and the moving average reduces the noise that
  the higher learning rate causes.
* The gradient penalty is computed for the first half of each batch, since it is the most expensive part of a
  step.

Each training step updates the discriminator with a new batch. Every ``discriminator_steps`` steps, the
generator is updated too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from fststyle.export.model import PictureOutput
from fststyle.io import grids, images
from fststyle.settings import current_names
from fststyle.train.generative import dataset_training, export
from fststyle.train.generative.augment import augmented
from fststyle.train.generative.dataset_training import DatasetTraining, ModelTrainer
from fststyle.train.generative.divergence import DivergenceMonitor
from fststyle.train.generative.settings import GanSettings
from fststyle.train.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from fststyle.train.networks import build
from fststyle.train.networks.gan import Gan
from fststyle.train.optimizer_step import minimize
from fststyle.train.training_run import OnMessage, OnProgress

KIND = "gan"
RATES = {"mlp": 2e-4, "dcgan": 1e-3, "wgan-gp": 1e-3}
"""Default learning rates by kind."""
FEW_IMAGES = 10_000
"""``--augment auto`` augments datasets with fewer training images than this."""
PREVIEW_COUNT = 64
"""Number of images in the preview."""

_SPREAD = (
    "the generated images are nearly identical (mode collapse); --kind wgan-gp, a lower --learning-rate or a"
    " larger --batch may help"
)
_SURE = (
    "the discriminator is nearly always right, so the generator learns little; a lower --learning-rate, more"
    " images or --augment yes may help"
)
_GROWS = "the scores diverge; a lower --learning-rate may help"


@dataclass(frozen=True)
class TrainedGan:
    """The result of training a GAN: its name, the ONNX file of the generator, the checkpoint, the preview
    image, and the losses of the last step by name.
    """

    name: str
    onnx: Path
    checkpoint: Path
    preview: Path
    losses: dict[str, float]


def train_gan(
    data: str | Path,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> TrainedGan:
    """Train a GAN, export its generator, and write a preview.

    The errors are those of `open_training` and `DatasetTraining.run` in
    `fststyle.train.generative.dataset_training`, and those of `fststyle.train.generative.export.write`.

    Args:
        data: the dataset, as in `GanSettings`.
        on_message: called with status messages and with warnings about divergence.
        on_progress: called after each step.
        settings: the other fields of `GanSettings`.
    """
    named = current_names(GanSettings, settings, stacklevel=3)
    return train(GanSettings(data=str(data), **named), on_message=on_message, on_progress=on_progress)


def train(
    settings: GanSettings, *, on_message: OnMessage | None = None, on_progress: OnProgress | None = None
) -> TrainedGan:
    """Like `train_gan`, with a settings object."""
    # The learning rate does not depend on the number of steps, so --steps may change on resume.
    with dataset_training.open_training(
        settings, KIND, settings.kind, on_message, on_progress, free={"steps"}, tested=False
    ) as run:
        return _train(settings, run)


def _train(settings: GanSettings, run: DatasetTraining) -> TrainedGan:
    shape: dict[str, int | str] = {
        "kind": settings.kind,
        "side": run.train.side,
        "channels": run.train.channels,
        "latent": settings.latent,
        "width": settings.width,
    }
    built = dataset_training.build_seeded(settings.seed, lambda: build(KIND, shape))
    nets = run.compute.place(cast(Gan, built))
    generator, discriminator, average = (
        nets.generator.train(),
        nets.discriminator.train(),
        nets.average.eval(),
    )
    optimizers = {
        name: adam(net, settings)
        for name, net in (("generator", generator), ("discriminator", discriminator))
    }
    adversary = "wgan-gp" if settings.kind == "wgan-gp" else "bce"
    discriminator_steps = settings.discriminator_steps or (3 if adversary == "wgan-gp" else 1)
    few = settings.augment == "yes" or (settings.augment == "auto" and len(run.train) < FEW_IMAGES)
    augment = augmented if few else nn.Identity()
    if few:
        run.message("using DiffAugment on real and generated images")
    watch = DivergenceMonitor(*_bounds(adversary), run.message)
    fixed = noise(settings, PREVIEW_COUNT, torch.Generator().manual_seed(settings.seed)).to(
        run.compute.device
    )

    def step(number: int, real: Tensor) -> dict[str, Tensor]:
        """Run one training step on real images (N, C, S, S) in [-1, 1]. Returns the losses."""
        latent = noise(settings, len(real)).to(real.device)
        updates_generator = number % discriminator_steps == discriminator_steps - 1
        with torch.set_grad_enabled(updates_generator):
            fake = generator(latent)
        real_augmented, fake_augmented = augment(real), augment(fake.detach())
        discriminator_term = discriminator_loss(
            adversary, discriminator(real_augmented), discriminator(fake_augmented)
        )
        losses = {"discriminator": discriminator_term.detach(), "spread": spread(fake.detach(), real)}
        if adversary == "wgan-gp":
            # Only for half of the batch, since it is the most expensive part of the step.
            half = (len(real) + 1) // 2
            mixture = torch.rand(half, 1, 1, 1, device=real.device)
            penalty = gradient_penalty(discriminator, real_augmented[:half], fake_augmented[:half], mixture)
            discriminator_term, losses["penalty"] = (
                discriminator_term + settings.penalty * penalty,
                penalty.detach(),
            )
        minimize(optimizers["discriminator"], discriminator_term)

        if updates_generator:
            discriminator.requires_grad_(False)
            generator_term = generator_loss(adversary, discriminator(augment(fake)))
            minimize(optimizers["generator"], generator_term)
            discriminator.requires_grad_(True)
            update_average(average, generator, settings.average, number // discriminator_steps)
            losses["generator"] = generator_term.detach()
        return losses

    def preview(done: int) -> None:
        with torch.inference_mode():
            drawn = PictureOutput(average, run.train.channels)(fixed).cpu().numpy()
        images.write(grids.tiled(drawn, 8, max(1, 64 // run.train.side)), run.files.preview)

    trainer = ModelTrainer(KIND, shape, nets, optimizers, step, preview, on_losses=watch)
    run.run(trainer, settings.steps, settings.preview_every)
    export.write(nets, run.checkpoint_content(trainer, settings.steps), run.files.onnx)
    return TrainedGan(run.name, run.files.onnx, run.files.checkpoint, run.files.preview, dict(run.losses))


def noise(settings: GanSettings, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Return latent vectors (count, Z) drawn from N(0, 1) with `generator` or, if it is None, with the global
    generator of torch. They are drawn on the CPU, so that they do not depend on the device.
    """
    return torch.randn(count, settings.latent, generator=generator)


def adam(net: nn.Module, settings: GanSettings) -> torch.optim.Optimizer:
    """Return an Adam optimizer for all parameters of `net`, with the betas and the learning rate in
    `settings`. If the learning rate is None, it is that of `RATES` for the kind of GAN.
    """
    return torch.optim.Adam(
        net.parameters(),
        lr=settings.learning_rate or RATES[settings.kind],
        betas=(settings.beta1, settings.beta2),
    )


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float, number: int) -> None:
    """Update the exponential moving average of the weights and buffers in `average`, in place.

    The decay is at most (1 + number) / (10 + number), so that the random initial weights have little effect.

    Args:
        average: the network with the averaged weights.
        net: the network with the current weights.
        decay: largest weight of the previous average, 0 to 1.
        number: number of the generator step, from 0.
    """
    decay = min(decay, (1 + number) / (10 + number))
    for kept, value in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(value, 1 - decay)
        else:
            kept.copy_(value)


def spread(fake: Tensor, real: Tensor) -> Tensor:
    """Return the diversity of generated images relative to real ones, a scalar: 1 if the diversity is the
    same, 0 if the generated images are identical.

    The variance of each pixel over a batch is averaged over the pixels. The diversity is the square root of
    this mean.

    Args:
        fake: generated images, (N, C, H, W), N at least 2.
        real: real images, of the same shape.
    """
    between = [batch.flatten(1).var(0).mean().sqrt() for batch in (fake, real)]
    return between[0] / between[1].clamp(min=1e-6)


def _bounds(adversary: str) -> tuple[dict[str, tuple[float, str]], dict[str, tuple[float, str]]]:
    """Return the arguments ``lowest`` and ``highest`` of `DivergenceMonitor` for the adversarial loss
    `adversary`.
    """
    if adversary == "wgan-gp":  # the Wasserstein loss has no fixed range
        return {"spread": (0.3, _SPREAD), "discriminator": (-1e3, _GROWS)}, {
            "generator": (1e4, _GROWS),
            "penalty": (1e2, _GROWS),
        }
    return {"spread": (0.3, _SPREAD), "discriminator": (0.02, _SURE)}, {"generator": (12.0, _SURE)}


__all__ = ["TrainedGan", "noise", "spread", "train", "train_gan", "update_average"]
