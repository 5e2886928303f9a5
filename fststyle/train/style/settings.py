"""Settings of `fststyle train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fststyle.settings import NAMES, as_paths, option
from fststyle.train.shared_options import shared


@dataclass(frozen=True)
class TrainSettings:
    """Settings of `fststyle train`. They are stored in the checkpoint and in the ONNX file."""

    style: Path = option(dataclasses.MISSING, "The style image.", flags=("--style", "-s"))
    output: Path = shared("output")
    name: str | None = option(
        None, f"Name of the style and of its files, {NAMES}; default: the file name of the style image."
    )
    data: Path | None = option(
        None,
        "Folder of training photos; default: those of `fststyle data`, or else synthetic scenes.",
    )
    network: str = option(
        "live",
        "Network to train: live runs in real time; johnson is the reference network, which is over ten times"
        " slower and has finer detail.",
        choices=("johnson", "live"),
    )
    width: int | None = option(
        None,
        "Channels of the first layer: fewer are faster, with less detail; default: johnson 32, live 48.",
        min=1,
        max=256,
    )
    blocks: int | None = option(
        None,
        "Residual blocks; default: johnson 5, live 2. The 3 blocks of live at its lowest resolution are not"
        " affected.",
        min=0,
        max=32,
    )
    steps: int = shared("steps", default=1250)
    minutes: float | None = shared("minutes")
    size: int = option(256, "Side of the square photo crops in pixels.", min=32, max=2048)
    batch: int = option(1, "Photos per step, over all processes.", min=1)
    style_size: int = option(
        384,
        "Shorter side of the style image in pixels: larger gives broader brush strokes.",
        min=32,
        max=2048,
    )
    content_weight: float = option(
        1.0, "Weight of the content loss: higher preserves more of the photo.", min=0
    )
    style_weight: float = option(6.0, "Weight of the style loss: higher is closer to the style image.", min=0)
    fine: float = option(
        0.6,
        "Fraction of the style loss that compares fine texture: higher is crisper, lower fills flat regions.",
        min=0,
        max=1,
    )
    contrast: float = option(
        0.0,
        "Extra contrast of the photo and the style image in the losses, for faint style images such as old"
        " prints; 1 gives firmer outlines and darker shadows.",
        min=0,
        max=5,
        absent=0.0,
    )
    local_contrast: float = option(
        0.4,
        "Extra contrast between neighboring brush strokes; 0 for none, 0.8 shows halos along edges.",
        min=0,
        max=2,
        absent=0.0,
    )
    tonal_parts: int = option(
        3,
        "Number of luminance ranges, each with its own style loss, so that dark parts look like dark parts of"
        " the style image; 1 disables this.",
        min=1,
        max=8,
        absent=1,
    )
    adversarial_weight: float = option(
        0.15,
        "Weight of a discriminator that compares patches with those of the style image: higher gives crisper"
        " and more varied strokes, and a less clear subject; 0 disables it.",
        min=0,
        absent=0.0,
    )
    steady_weight: float = option(
        1e-4, "Weight of the temporal loss: higher reduces flicker in videos; 0 disables it.", min=0
    )
    grid_weight: float = shared("grid_weight")
    optimizer: str = shared("optimizer")
    learning_rate: float = shared("learning_rate", default=2e-3)
    seed: int = shared("seed", help="Seed of the weights and of the photo crops.")
    device: str = shared("device")
    precision: str = shared("precision")
    workers: int | None = shared("workers", help="Threads that load photos; default: depends on the device.")
    resume: bool = shared("resume", help="Resume from the checkpoint of this style.")
    overwrite: bool = shared("overwrite")
    save_every: int = shared("save_every")
    preview_every: int = shared("preview_every")
    preview_photos: Path | None = option(
        None,
        "Folder whose first four photos are shown in the preview sheets; default: crops of held-out photos.",
    )
    from_: str = shared(
        "from_",
        help="Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included"
        " initial weights if they match the network.",
    )
    pull: float = option(0.0, "Weight of an L2 penalty on the distance to the initial weights.", min=0)
    freeze: str | None = option(
        None,
        "Parameters to freeze: comma-separated names with * as wildcard, for example body.*.",
    )
    vgg: str = shared("vgg")
    tensorboard: Path | None = shared("tensorboard")

    def __post_init__(self) -> None:
        as_paths(self, "style", "output", "data", "preview_photos", "tensorboard")


def recorded_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a training run in the form in which the metadata of a style file records them.

    Paths are reduced to file names, so that the style file does not reveal folder names.

    Args:
        settings: the settings by name, as in a checkpoint.
    """
    files = (
        *("style", "output", "data", "photos", "paintings", "preview_photos", "frames", "painted"),
        *("from_", "vgg", "tensorboard"),
    )
    return {name: _base_name(value) if name in files else value for name, value in settings.items()}


def _base_name(value: Any) -> Any:
    """Return the last component of a path or of each path in a list. Return other values unchanged."""
    if isinstance(value, list):
        return [_base_name(item) for item in value]
    return Path(value).name if isinstance(value, str) else value
