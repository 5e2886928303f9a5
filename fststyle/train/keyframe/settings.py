"""Settings of `fststyle keyframe train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fststyle.settings import NAMES, as_paths, option


@dataclass(frozen=True)
class KeyframeSettings:
    """All settings of a training; stored in the checkpoint and in the ONNX file."""

    frames: Path = option(
        dataclasses.MISSING, "The shot: a folder of numbered images, a pattern such as %05d.png, or a video."
    )
    painted: list[Path] = option(
        dataclasses.MISSING, "A painted frame of the shot. Repeat the option for several."
    )
    at: str | None = option(
        None,
        "Numbers of the painted frames, in the order of --painted, separated by commas; frames of a video"
        " count from 1. Default: the last number in each file name.",
    )
    output: Path = option(Path("."), "Folder for the results.", flags=("--output", "-o"))
    name: str | None = option(
        None,
        f"Name of the style and of its files, {NAMES}; default: the file name of the first painted frame.",
    )
    steps: int = option(800, "Training steps.", min=1)
    minutes: float | None = option(
        None,
        "Train for about this long instead: the number of steps is computed from the measured speed of "
        "this machine.",
        min=0.05,
        max=1e5,
    )
    size: int = option(
        192, "Side of the square patches that the losses compare, in pixels.", min=32, max=2048
    )
    window: int = option(
        512,
        "Largest side of the part of a frame that the network sees in a step, in pixels.",
        min=32,
        max=4096,
    )
    pixel_weight: float = option(
        20.0,
        "Weight of the mean absolute difference from the painted frame, at three scales: higher keeps its"
        " colors.",
        min=0,
    )
    feature_weight: float = option(
        1.0, "Weight of the difference of VGG-16 features from the painted frame.", min=0
    )
    style_weight: float = option(
        10.0, "Weight of the style loss on the other frames, against the painted frame.", min=0
    )
    steady_weight: float = option(
        1e-3, "Weight of the temporal loss along the optical flow of the shot; 0 disables it.", min=0
    )
    grid_weight: float = option(0.03, "Weight of the grid losses, which reduce block artifacts.", min=0)
    optimizer: str = option("muon", "Optimizer; muon needs fewer steps than adam.", choices=("muon", "adam"))
    learning_rate: float = option(7e-4, "Peak learning rate; decays linearly to 1/20.", min=1e-8, max=1)
    seed: int = option(0, "Seed of the patches.", min=0, max=2**32 - 1)
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "auto",
        "Precision; auto uses bfloat16 on hardware that supports it.",
        choices=("auto", "float32", "bfloat16"),
    )
    resume: bool = option(False, "Resume from the checkpoint of this style.")
    overwrite: bool = option(False, "Replace an earlier training with the same name.")
    save_every: int = option(100, "Steps between checkpoints.", min=1)
    preview_every: int = option(100, "Steps between preview sheets; 0 writes only the last one.", min=0)
    from_: str = option(
        "auto",
        "Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included initial"
        " weights.",
        flags=("--from",),
    )
    vgg: str = option("oxford", "Loss network: oxford, torchvision, or a file of VGG-16 weights.")
    tensorboard: Path | None = option(None, "Folder for a TensorBoard log.")

    network: ClassVar[str] = "live"
    width: ClassVar[int | None] = None
    blocks: ClassVar[int | None] = None
    batch: ClassVar[int] = 1

    def __post_init__(self) -> None:
        as_paths(self, "frames", "output", "tensorboard")
        object.__setattr__(self, "painted", [Path(path) for path in self.painted])
