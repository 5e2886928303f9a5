"""`fststyle vae train`: variational autoencoders (Kingma and Welling 2014; with beta: Higgins et al. 2017).

    from fststyle.train.generative.vae import train_vae
    train_vae("mnist", epochs=10)

writes mnist-vae.onnx (the decoder: input ``latent``, output ``picture``), mnist-vae-encoder.onnx (input
``frame``, outputs ``latent`` and ``deviation``), mnist-vae.pt, and mnist-vae-preview.png with test images,
their reconstructions and samples, or with a map of a two-dimensional latent space.

The weight of the KL divergence grows from 0 during warm-up (Bowman et al. 2016, arXiv:1511.06349), which
helps to prevent posterior collapse.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from fststyle.catalogue import encoder_of
from fststyle.export.model import PictureOutput
from fststyle.io import dataset, grids, images
from fststyle.runtime.generative.latents import grid
from fststyle.train import loop
from fststyle.train.generative import dataset_training, export
from fststyle.train.generative.dataset_training import DatasetTraining, ModelTrainer
from fststyle.train.generative.settings import VaeSettings
from fststyle.train.losses.elbo import bernoulli, binarize, gaussian, kl, reparameterize
from fststyle.train.networks import build
from fststyle.train.networks.vae import MIN_LOG_DEVIATION, Decoder, Vae
from fststyle.train.optimizer_step import minimize
from fststyle.train.training_run import OnMessage, OnProgress

KIND = "vae"


@dataclass(frozen=True)
class TrainedVae:
    """The result of training a VAE.

    Args:
        name: the name of the VAE.
        onnx: the ONNX file of the decoder.
        encoder: the ONNX file of the encoder.
        checkpoint: the checkpoint file.
        preview: the preview image.
        elbo: mean evidence lower bound over the test images, in nats per image. The KL divergence has a
            weight of 1.
        losses: the losses of the last step, by name.
    """

    name: str
    onnx: Path
    encoder: Path
    checkpoint: Path
    preview: Path
    elbo: float
    losses: dict[str, float]


def train_vae(
    data: str | Path,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> TrainedVae:
    """Train a VAE, export its decoder and its encoder, and write a preview.

    The errors are those of `open_training` and `DatasetTraining.run` in
    `fststyle.train.generative.dataset_training`, and those of `fststyle.train.generative.export.write`.

    Args:
        data: the dataset, as in `VaeSettings`.
        on_message: called with status messages.
        on_progress: called after each step.
        settings: the other fields of `VaeSettings`.
    """
    return train(VaeSettings(data=str(data), **settings), on_message=on_message, on_progress=on_progress)


def train(
    settings: VaeSettings, *, on_message: OnMessage | None = None, on_progress: OnProgress | None = None
) -> TrainedVae:
    """Like `train_vae`, with a settings object."""
    with dataset_training.open_training(
        settings, KIND, KIND, on_message, on_progress, beside=encoder_of
    ) as run:
        return _train(settings, run)


def _train(settings: VaeSettings, run: DatasetTraining) -> TrainedVae:
    shape: dict[str, int | str] = {
        "side": run.train.side,
        "channels": run.train.channels,
        "latent": settings.latent,
        "width": settings.width,
    }
    shape["likelihood"] = settings.likelihood
    built = dataset_training.build_seeded(settings.seed, lambda: build(KIND, shape))
    net = run.compute.place(cast(Vae, built))
    optimizer = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=settings.learning_rate)
    steps = settings.epochs * run.per_epoch
    found = [0.0]

    def step(number: int, image: Tensor) -> dict[str, Tensor]:
        """Run one training step. Returns the losses."""
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (1 - 0.95 * number / steps)
        likelihood, divergence = bound(net, image)
        weight = settings.beta * min(1.0, (number + 1) / max(1.0, settings.warm_up * run.per_epoch))
        loss = (weight * divergence - likelihood).mean()
        minimize(optimizer, loss)
        if settings.likelihood == "gaussian":
            # Below the minimum, the gradient of the clamped value is 0, so the parameter could not return.
            net.log_deviation.data.clamp_(min=MIN_LOG_DEVIATION)
        return {
            "loss": loss.detach(),
            "reconstruction": -likelihood.detach().mean(),
            "kl": divergence.detach().mean(),
        }

    def evaluate(done: int) -> None:
        found[0] = held_out_elbo(net, run.test, run.compute.device)
        run.message(
            f"epoch {done / run.per_epoch:.0f} of {settings.epochs}: ELBO {found[0]:.2f} nats per test image"
        )
        run.log(loop.Progress(done, steps, run.rate, {"test elbo": found[0]}))
        preview(net, run, settings.latent)

    trainer = ModelTrainer(KIND, shape, net, {"all": optimizer}, step, evaluate)
    run.run(trainer, steps, run.per_epoch)
    files = run.files
    export.write(net, run.checkpoint_content(trainer, steps), files.onnx)
    return TrainedVae(
        run.name,
        files.onnx,
        encoder_of(files.onnx),
        files.checkpoint,
        files.preview,
        found[0],
        dict(run.losses),
    )


def bound(net: Vae, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two terms of the ELBO, (N,) each: log p(x|z) for one sample of z, and the KL divergence.

    With a Bernoulli likelihood, the images are stochastically binarized before they are encoded.

    Args:
        net: the VAE.
        image: images (N, C, S, S) in [-1, 1].
    """
    pixels = (image + 1) / 2
    if net.likelihood == "bernoulli":
        pixels = binarize(pixels)
    mean, log_variance = net.encode(pixels * 2 - 1)
    decoded = net.decode(reparameterize(mean, log_variance))
    likelihood = (
        bernoulli(decoded, pixels)
        if net.likelihood == "bernoulli"
        else gaussian(decoded, pixels, net.log_deviation)
    )
    return likelihood, kl(mean, log_variance)


def held_out_elbo(net: Vae, test: dataset.Dataset, device: torch.device, seed: int = 0) -> float:
    """Return the mean evidence lower bound of the images in `test`, in nats per image. The KL divergence has
    a weight of 1. One latent vector per image is sampled, with `seed`.
    """
    total = 0.0
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(test), 500):
            pixels = torch.from_numpy(test.rgb[start : start + 500]).permute(0, 3, 1, 2)
            likelihood, divergence = bound(net, pixels.float().div(127.5).sub(1).to(device))
            total += float((likelihood - divergence).sum())
    return total / len(test)


def preview(net: Vae, run: DatasetTraining, latent: int) -> None:
    """Write the preview file of `run`.

    It shows up to eight test images, their reconstructions, and 48 random samples. If `latent`, the dimension
    of the latent space, is 2, it shows a map of the latent space instead.
    """
    channels = run.train.channels
    draws = PictureOutput(Decoder(net), channels)
    with torch.inference_mode():
        if latent == 2:
            drawn, columns = draws(torch.from_numpy(grid(16)).to(run.compute.device)).cpu().numpy(), 16
        else:
            shown = run.test.rgb[:8]
            mean, _ = net.encode(run.batch(np.arange(len(shown)), run.test))
            seed = torch.Generator().manual_seed(run.settings.seed)
            fixed = torch.randn(48, latent, generator=seed).to(run.compute.device)
            drawn = np.concatenate(
                [shown.repeat(3 // channels, axis=3), draws(mean).cpu().numpy(), draws(fixed).cpu().numpy()]
            )
            columns = len(shown)
    images.write(grids.tiled(drawn, columns, max(1, 64 // run.train.side)), run.files.preview)
