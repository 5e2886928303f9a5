"""Settings of `fststyle train`; no torch, so that the command line knows them at once."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fststyle.settings import NAMES, as_paths, option


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides how a style is trained; recorded in the checkpoint and in the ONNX file."""

    style: Path = option(
        dataclasses.MISSING, "The painting to learn, any image file.", flags=("--style", "-s")
    )
    output: Path = option(Path("."), "Folder for the results.", flags=("--output", "-o"))
    name: str | None = option(
        None, f"Name of the style and of its files, {NAMES}; the painting's file name if not given."
    )
    data: Path | None = option(
        None, "Folder of photos to learn on; else those of `fststyle data`, else synthetic scenes."
    )
    network: str = option(
        "live",
        "Network to train: live paints videos in real time; johnson is the reference, twenty times slower "
        "and finer.",
        choices=("johnson", "live"),
    )
    width: int | None = option(
        None,
        "Channels of the first layer: fewer are faster and coarser; the network's own number if not "
        "given (johnson 32, live 48).",
        min=1,
        max=256,
    )
    blocks: int | None = option(
        None,
        "Residual blocks; the network's own number if not given (johnson 5, live 2 and 3 coarse ones).",
        min=0,
        max=32,
    )
    steps: int = option(2000, "Training steps.", min=1)
    minutes: float | None = option(
        None,
        "Train for about this long instead: the number of steps is computed from the measured speed of "
        "this machine.",
        min=0.05,
        max=1e5,
    )
    size: int = option(256, "Side of the square photo crops, in pixels.", min=32, max=2048)
    batch: int = option(1, "Photos per step, over all processes together.", min=1)
    style_size: int = option(
        384, "Shorter side of the painting in pixels: larger gives broader brush strokes.", min=32, max=2048
    )
    content_weight: float = option(1.0, "Weight of the content loss: how much of the photo stays.", min=0)
    style_weight: float = option(5.0, "Weight of the style loss: how much of the painting is added.", min=0)
    steady_weight: float = option(
        1e-4, "Weight of the temporal loss: higher flickers less in videos; 0 leaves it out.", min=0
    )
    grid_weight: float = option(
        0.03,
        "Weight of the grid losses, which keep the network's blocks of pixels out of the picture.",
        min=0,
    )
    optimizer: str = option("muon", "Optimiser; muon needs fewer steps than adam.", choices=("muon", "adam"))
    learning_rate: float = option(
        2e-3, "Peak learning rate; it falls linearly to a twentieth.", min=1e-8, max=1
    )
    seed: int = option(0, "Seed of the weights and of the photo crops.", min=0, max=2**32 - 1)
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "auto",
        "Arithmetic; auto takes bfloat16 where the hardware has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    workers: int | None = option(
        None, "Threads that read photos; chosen by the device if not given.", min=0, max=64
    )
    resume: bool = option(False, "Go on from this style's checkpoint.")
    overwrite: bool = option(False, "Replace an earlier training of the same name.")
    save_every: int = option(100, "Steps between checkpoints.", min=1)
    preview_every: int = option(100, "Steps between preview sheets; 0 makes only the last one.", min=0)
    from_: str = option(
        "auto",
        "Weights to start from: a style's name, a .onnx or a .pt file, or none; auto takes a start that "
        "ships, where it fits.",
        flags=("--from",),
    )
    pull: float = option(0.0, "L2 pull towards the weights started from.", min=0)
    freeze: str | None = option(
        None,
        "Parameters that stay as they were started from, by name, with * and commas: body.* learns all "
        "but the body.",
    )
    vgg: str = option("oxford", "Loss network: oxford, torchvision, or a file of VGG-16 weights.")
    tensorboard: Path | None = option(None, "Folder for a TensorBoard log.")

    def __post_init__(self) -> None:
        as_paths(self, "style", "output", "data", "tensorboard")


def for_the_record(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a checkpoint as a style file tells them: file names without the folders of the machine
    it was trained on.
    """
    files = ("style", "output", "data", "photos", "paintings", "from_", "vgg", "tensorboard")
    return {
        name: Path(value).name if name in files and isinstance(value, str) else value
        for name, value in settings.items()
    }
