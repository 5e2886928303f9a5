"""Settings of `fststyle translate train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, as_paths, option


@dataclass(frozen=True)
class TranslateSettings:
    """All settings of a training; stored in the checkpoint and in the ONNX file."""

    paintings: Path = option(dataclasses.MISSING, "Folder of paintings, preferably a hundred or more.")
    photos: Path | None = option(
        None, "Folder of training photos; default: those of `fststyle data`, else synthetic scenes."
    )
    output: Path = option(Path("."), "Folder for the results.", flags=("--output", "-o"))
    name: str = option("translator", f"Name of the style and of its files, {NAMES}.")
    network: str = option(
        "live",
        "Generator: live runs in real time; johnson is the larger reference network.",
        choices=("live", "johnson"),
    )
    width: int | None = option(
        None,
        "Channels of the generator's first layer; default: johnson 32, live 48.",
        min=1,
        max=256,
    )
    blocks: int | None = option(
        None,
        "Residual blocks; default: johnson 5, live 2 (and 3 coarse ones).",
        min=1,
        max=32,
    )
    critic_width: int = option(64, "Channels of the discriminator's first layer.", min=1, max=256)
    steps: int = option(4000, "Training steps.", min=1)
    size: int = option(128, "Side of the square crops, in pixels.", min=32, max=2048)
    batch: int = option(2, "Photos, and as many paintings, per step.", min=1)
    adversary: str = option(
        "lsgan",
        "Loss of the discriminator: least squares, or Wasserstein with a gradient penalty.",
        choices=("lsgan", "wgan-gp"),
    )
    adversarial_weight: float = option(
        1.0, "Weight of the adversarial loss: higher is closer to the paintings.", min=0
    )
    contrastive_weight: float = option(
        0.5, "Weight of the contrastive loss, which keeps the content; 0 disables it.", min=0
    )
    identity_weight: float = option(
        0.5, "Weight of the contrastive identity loss: the generator should keep paintings unchanged.", min=0
    )
    cycle_weight: float = option(
        0.0,
        "Weight of the cycle loss: the error of a photo after a round trip; CycleGAN uses 10. Doubles the"
        " training time.",
        min=0,
    )
    grid_weight: float = option(
        0.03,
        "Weight of the grid losses, which reduce block artifacts.",
        min=0,
    )
    learning_rate: float = option(
        4e-4, "Learning rate of Adam; constant for the first half, then linear decay to 0.", min=1e-8, max=1
    )
    seed: int = option(0, "Seed of the weights, the crops and the patches.", min=0, max=2**32 - 1)
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "auto",
        "Precision; auto uses bfloat16 on hardware that supports it.",
        choices=("auto", "float32", "bfloat16"),
    )
    workers: int | None = option(
        None, "Threads that load pictures; default: depends on the device.", min=0, max=64
    )
    resume: bool = option(False, "Resume from the checkpoint with this name.")
    overwrite: bool = option(False, "Replace an earlier training with the same name.")
    save_every: int = option(100, "Steps between checkpoints.", min=1)
    preview_every: int = option(100, "Steps between preview sheets; 0 writes only the last one.", min=0)
    from_: str = option(
        "auto",
        "Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included base"
        " weights if they match the network.",
        flags=("--from",),
    )
    tensorboard: Path | None = option(None, "Folder for a TensorBoard log.")

    def __post_init__(self) -> None:
        as_paths(self, "paintings", "photos", "output", "tensorboard")
