"""Settings of `fststyle keyframe train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fststyle.settings import NAMES, as_paths, option
from fststyle.train.shared_options import shared


@dataclass(frozen=True)
class KeyframeSettings:
    """Settings of `fststyle keyframe train`. They are stored in the checkpoint and in the ONNX file."""

    frames: Path = option(
        dataclasses.MISSING,
        "The shot: an image sequence (a folder or a pattern such as %05d.png), or a video.",
    )
    painted: list[Path] = option(
        dataclasses.MISSING, "A painted frame of the shot. Repeat the option for more."
    )
    at: str | None = option(
        None,
        "Comma-separated frame numbers of the painted frames, in the order of --painted; the first frame of a"
        " video is 1. Default: the last number in each file name.",
    )
    output: Path = shared("output")
    name: str | None = option(
        None,
        f"Name of the style and of its files, {NAMES}; default: the file name of the first painted frame.",
    )
    steps: int = shared("steps", default=800)
    minutes: float | None = shared("minutes")
    size: int = option(192, "Side in pixels of the square patches that the losses compare.", min=32, max=2048)
    window: int = option(
        512,
        "Largest side in pixels of the part of a frame that is stylized in one step.",
        min=32,
        max=4096,
    )
    pixel_weight: float = option(
        20.0,
        "Weight of the mean absolute difference from the painted frame, at three scales: higher is closer to"
        " its colors.",
        min=0,
    )
    feature_weight: float = option(
        1.0, "Weight of the difference from the painted frame in VGG-16 features.", min=0
    )
    style_weight: float = option(
        10.0, "Weight of the style loss of the other frames against the painted frame.", min=0
    )
    steady_weight: float = option(
        1e-3, "Weight of the temporal loss along the optical flow of the shot; 0 disables it.", min=0
    )
    grid_weight: float = shared("grid_weight")
    optimizer: str = shared("optimizer")
    learning_rate: float = shared("learning_rate", default=7e-4)
    seed: int = shared("seed", help="Seed of the patches.")
    device: str = shared("device")
    precision: str = shared("precision")
    resume: bool = shared("resume", help="Resume from the checkpoint of this style.")
    overwrite: bool = shared("overwrite")
    save_every: int = shared("save_every")
    preview_every: int = shared("preview_every")
    from_: str = shared(
        "from_",
        help="Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included"
        " initial weights.",
    )
    vgg: str = shared("vgg")
    tensorboard: Path | None = shared("tensorboard")

    network: ClassVar[str] = "live"
    width: ClassVar[int | None] = None
    blocks: ClassVar[int | None] = None
    batch: ClassVar[int] = 1
    pull: ClassVar[float] = 0.0
    freeze: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        as_paths(self, "frames", "output", "tensorboard")
        object.__setattr__(self, "painted", [Path(path) for path in self.painted])
