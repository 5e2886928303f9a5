"""Settings of GAN, VAE and classifier training. Does not import torch, so that the command line starts
fast.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, accepts_former_names, as_paths, option
from fststyle.train.shared_options import shared

GANS = ("mlp", "dcgan", "wgan-gp")
"""The kinds of GANs."""


@dataclass(frozen=True)
class DatasetSettings:
    """Settings that GAN, VAE and classifier training share: dataset, output files and device."""

    data: str = option(
        dataclasses.MISSING,
        "Dataset: mnist, fashion-mnist, a folder with their IDX files, or any folder of images"
        " (subfolders are classes).",
    )
    download: bool = option(False, "Download mnist or fashion-mnist to the cache folder.")
    size: int | None = option(
        None,
        "Side of the images in pixels: 28, 32, 64 or 128; default: 28 for IDX files, 64 for image files.",
        min=28,
        max=128,
    )
    output: Path = shared("output")
    name: str | None = option(None, f"Name of the results, {NAMES}; default: derived from the dataset.")
    batch: int = option(64, "Images per step.", min=2, max=65536)
    seed: int = shared("seed", help="Seed of the weights, the order of the images and all noise.")
    device: str = shared("device")
    resume: bool = shared("resume")
    overwrite: bool = shared("overwrite")
    save_every: int = shared("save_every", default=200)
    tensorboard: Path | None = shared("tensorboard")

    def __post_init__(self) -> None:
        as_paths(self, "output", "tensorboard")
        object.__setattr__(self, "data", str(self.data))


@dataclass(frozen=True)
class ClassifySettings(DatasetSettings):
    """Settings of `fststyle classify train`."""

    epochs: int = option(4, "Training epochs.", min=1)
    batch: int = option(128, "Images per step.", min=2, max=65536)
    width: int = option(
        16, "Channels of the first layers; each downsampling by 2 doubles them.", min=1, max=256
    )
    features: int = option(
        128,
        "Size of the penultimate layer, which provides features for evaluating generated images.",
        min=2,
        max=4096,
    )
    optimizer: str = option("adam", "Optimizer; sgd has momentum 0.9.", choices=("sgd", "adam", "rmsprop"))
    learning_rate: float | None = option(
        None,
        "Peak learning rate; default: sgd 0.05, adam 2e-3, rmsprop 5e-4.",
        min=1e-8,
        max=10,
    )
    shift: int = option(2, "Largest random shift along each axis, in pixels.", min=0, max=16)


@accepts_former_names
@dataclass(frozen=True)
class GanSettings(DatasetSettings):
    """Settings of `fststyle gan train`."""

    kind: str = option(
        "dcgan",
        "mlp: fully connected; dcgan: convolutional; wgan-gp: convolutional, with Wasserstein loss and"
        " gradient penalty.",
        choices=GANS,
    )
    steps: int = shared(
        "steps",
        default=5000,
        help="Training steps; each trains the discriminator with one batch. May be increased with --resume.",
    )
    latent: int = option(64, "Dimension of the latent vector.", min=1, max=1024)
    width: int = option(
        32,
        "Channels of the layer next to the image; the layers of mlp have 8, 16 and 32 times as many units.",
        min=1,
        max=256,
    )
    learning_rate: float | None = shared(
        "learning_rate",
        default=None,
        help="Learning rate of Adam for both networks; default: mlp 2e-4, dcgan and wgan-gp 1e-3.",
    )
    beta1: float = option(0.5, "Beta 1 of Adam.", min=0, max=0.9999)
    beta2: float = option(0.999, "Beta 2 of Adam.", min=0, max=0.99999)
    discriminator_steps: int | None = option(
        None,
        "Discriminator steps per generator step; default: 3 for wgan-gp, 1 for the others.",
        min=1,
        max=100,
        former="critic_steps",
    )
    penalty: float = option(10.0, "Weight of the gradient penalty (wgan-gp).", min=0)
    average: float = option(
        0.999,
        "Decay of the exponential moving average of the generator's weights, which is exported; 0 exports the"
        " weights themselves.",
        min=0,
        max=0.99999,
    )
    augment: str = option(
        "auto",
        "DiffAugment for real and generated images; auto: if there are fewer than 10,000 training images.",
        choices=("auto", "yes", "no"),
    )
    preview_every: int = shared("preview_every", default=500)


@dataclass(frozen=True)
class VaeSettings(DatasetSettings):
    """Settings of `fststyle vae train`."""

    epochs: int = option(10, "Training epochs.", min=1)
    batch: int = option(128, "Images per step.", min=2, max=65536)
    latent: int = option(
        20,
        "Dimension of the latent vector; with 2, the preview is a map of the latent space.",
        min=1,
        max=1024,
    )
    width: int = option(
        32, "Channels of the first convolution; each downsampling by 2 doubles them.", min=1, max=256
    )
    likelihood: str = option(
        "bernoulli",
        "Likelihood of the pixels: bernoulli for stochastically binarized pixels, or gaussian with one"
        " learned standard deviation.",
        choices=("bernoulli", "gaussian"),
    )
    beta: float = option(
        1.0,
        "Weight of the KL divergence: above 1, the latent space is more regular and images are blurrier.",
        min=0,
    )
    warm_up: float = option(
        1.0, "Number of epochs over which the weight of the KL divergence grows from 0.", min=0
    )
    learning_rate: float = shared(
        "learning_rate", default=1e-3, help="Peak learning rate of Adam; it decays linearly to 1/20."
    )
