"""Settings of the trainers on sets of small pictures; no torch, so that the command line knows them at
once.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, as_paths, option

GANS = ("mlp", "dcgan", "wgan-gp")


@dataclass(frozen=True)
class PictureSettings:
    """What these trainers share: the pictures, the place of the results, the device."""

    data: str = option(
        dataclasses.MISSING,
        "What to learn on: mnist, fashion-mnist, a folder with their IDX files, or any folder of images"
        " (subfolders are classes).",
    )
    download: bool = option(False, "Fetch mnist or fashion-mnist into the cache folder.")
    size: int | None = option(
        None,
        "Side of the pictures in pixels, 28, 32, 64 or 128; 28 for IDX files and 64 for images if not given.",
        min=28,
        max=128,
    )
    output: Path = option(Path("."), "Folder for the results.", flags=("--output", "-o"))
    name: str | None = option(
        None, f"Name of the results, {NAMES}; made from that of the pictures if not given."
    )
    batch: int = option(64, "Pictures per step.", min=2, max=65536)
    seed: int = option(
        0, "Seed of the weights, of the order of the pictures and of all noise.", min=0, max=2**32 - 1
    )
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda", "mps"))
    resume: bool = option(False, "Go on from the checkpoint of this name.")
    overwrite: bool = option(False, "Replace an earlier training of the same name.")
    save_every: int = option(200, "Steps between checkpoints.", min=1)
    tensorboard: Path | None = option(None, "Folder for a TensorBoard log.")

    def __post_init__(self) -> None:
        as_paths(self, "output", "tensorboard")
        object.__setattr__(self, "data", str(self.data))


@dataclass(frozen=True)
class ClassifySettings(PictureSettings):
    """Everything that decides how a classifier is trained."""

    epochs: int = option(4, "Times that every picture is seen.", min=1)
    batch: int = option(128, "Pictures per step.", min=2, max=65536)
    width: int = option(
        16, "Channels of the first layers; every halving of the picture doubles them.", min=1, max=256
    )
    features: int = option(
        128,
        "Numbers in the last layer before the classes; the judges of generated pictures use them.",
        min=2,
        max=4096,
    )
    optimizer: str = option("adam", "Optimiser; sgd has momentum 0.9.", choices=("sgd", "adam", "rmsprop"))
    learning_rate: float | None = option(
        None,
        "Peak learning rate; the optimiser's own if not given (sgd 0.05, adam 2e-3, rmsprop 5e-4).",
        min=1e-8,
        max=10,
    )
    shift: int = option(
        2, "Pixels that a picture is moved by at random, at most, in each direction.", min=0, max=16
    )


@dataclass(frozen=True)
class GanSettings(PictureSettings):
    """Everything that decides how a GAN is trained."""

    kind: str = option(
        "dcgan",
        "mlp: fully connected; dcgan: convolutions; wgan-gp: the same, Wasserstein loss with gradient"
        " penalty.",
        choices=GANS,
    )
    steps: int = option(
        5000,
        "Training steps; each shows the discriminator one batch. --resume may ask for more than before.",
        min=1,
    )
    latent: int = option(64, "Numbers in the latent vector.", min=1, max=1024)
    width: int = option(
        32,
        "Channels of the widest picture in a convolutional network; the units of mlp are eight times as many,"
        " and more.",
        min=1,
        max=256,
    )
    learning_rate: float | None = option(
        None,
        "Learning rate of Adam, for both networks; the kind's own if not given (mlp 2e-4, dcgan and wgan-gp"
        " 1e-3).",
        min=1e-8,
        max=1,
    )
    beta1: float = option(0.5, "Adam's decay of the mean gradient.", min=0, max=0.9999)
    beta2: float = option(0.999, "Adam's decay of the mean squared gradient.", min=0, max=0.99999)
    critic_steps: int | None = option(
        None,
        "Steps of the discriminator for one of the generator; 3 for wgan-gp and 1 for the others if not"
        " given.",
        min=1,
        max=100,
    )
    penalty: float = option(10.0, "Weight of the gradient penalty (wgan-gp).", min=0)
    average: float = option(
        0.999,
        "Decay of the running mean of the generator's weights, which is what is kept; 0 keeps the weights"
        " themselves.",
        min=0,
        max=0.99999,
    )
    augment: str = option(
        "auto",
        "DiffAugment for both networks; auto for fewer than 10,000 pictures.",
        choices=("auto", "yes", "no"),
    )
    preview_every: int = option(500, "Steps between preview sheets; 0 makes only the last one.", min=0)


@dataclass(frozen=True)
class VaeSettings(PictureSettings):
    """Everything that decides how a VAE is trained."""

    epochs: int = option(10, "Times that every picture is seen.", min=1)
    batch: int = option(128, "Pictures per step.", min=2, max=65536)
    latent: int = option(
        20,
        "Numbers in the latent vector; with 2 the preview is a map of the whole latent space.",
        min=1,
        max=1024,
    )
    width: int = option(
        32, "Channels of the first convolution; every halving of the picture doubles them.", min=1, max=256
    )
    likelihood: str = option(
        "bernoulli",
        "bernoulli: each pixel is black or white, drawn anew with its grey as probability; gaussian: its"
        " value with one learned deviation.",
        choices=("bernoulli", "gaussian"),
    )
    beta: float = option(
        1.0, "Weight of the KL divergence: above 1 the latent is plainer and the pictures softer.", min=0
    )
    warm_up: float = option(1.0, "Epochs over which that weight grows from 0.", min=0)
    learning_rate: float = option(
        1e-3, "Peak learning rate of Adam; it falls linearly to a twentieth.", min=1e-8, max=1
    )
