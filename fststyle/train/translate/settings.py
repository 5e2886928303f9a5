"""Settings of `fststyle translate train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, accepts_former_names, as_paths, option
from fststyle.train.shared_options import shared


@accepts_former_names
@dataclass(frozen=True)
class TranslateSettings:
    """Settings of `fststyle translate train`. They are stored in the checkpoint and in the ONNX file."""

    paintings: Path = option(dataclasses.MISSING, "Folder of paintings, preferably a hundred or more.")
    photos: Path | None = option(
        None, "Folder of training photos; default: those of `fststyle data`, or else synthetic scenes."
    )
    output: Path = shared("output")
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
        "Residual blocks; default: johnson 5, live 2. The 3 blocks of live at its lowest resolution are not"
        " affected.",
        min=1,
        max=32,
    )
    discriminator_width: int = option(
        64, "Channels of the discriminator's first layer.", min=1, max=256, former="critic_width"
    )
    steps: int = shared("steps", default=4000)
    size: int = option(128, "Side of the square crops in pixels.", min=32, max=2048)
    batch: int = option(2, "Photos per step, and paintings per step.", min=1)
    adversary: str = option(
        "lsgan",
        "Adversarial loss: least squares, or Wasserstein with a gradient penalty.",
        choices=("lsgan", "wgan-gp"),
    )
    adversarial_weight: float = option(
        1.0, "Weight of the adversarial loss: higher is closer to the paintings.", min=0
    )
    contrastive_weight: float = option(
        0.5, "Weight of the contrastive loss, which preserves the content; 0 disables it.", min=0
    )
    identity_weight: float = option(
        0.5,
        "Weight of the contrastive identity loss: the generator should not change paintings. Not used with"
        " --contrastive-weight 0.",
        min=0,
    )
    cycle_weight: float = option(
        0.0,
        "Weight of the cycle loss, the error of an image after a round trip through both generators; CycleGAN"
        " uses 10. The second generator makes training slower.",
        min=0,
    )
    grid_weight: float = shared("grid_weight")
    learning_rate: float = shared(
        "learning_rate",
        default=4e-4,
        help="Learning rate of Adam; it is constant in the first half, then decays linearly to 0.",
    )
    seed: int = shared("seed", help="Seed of the weights, the crops and the patches.")
    device: str = shared("device")
    precision: str = shared("precision")
    workers: int | None = shared("workers", help="Threads that load images; default: depends on the device.")
    resume: bool = shared("resume")
    overwrite: bool = shared("overwrite")
    save_every: int = shared("save_every")
    preview_every: int = shared("preview_every")
    from_: str = shared(
        "from_",
        help="Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included"
        " base weights if they match the network.",
    )
    tensorboard: Path | None = shared("tensorboard")

    def __post_init__(self) -> None:
        as_paths(self, "paintings", "photos", "output", "tensorboard")
