"""Settings of `fststyle train`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fststyle.settings import NAMES, as_paths, option


@dataclass(frozen=True)
class TrainSettings:
    """All settings of a training; stored in the checkpoint and in the ONNX file."""

    style: Path = option(dataclasses.MISSING, "The style image, any image file.", flags=("--style", "-s"))
    output: Path = option(Path("."), "Folder for the results.", flags=("--output", "-o"))
    name: str | None = option(
        None, f"Name of the style and of its files, {NAMES}; default: the file name of the painting."
    )
    data: Path | None = option(
        None, "Folder of training photos; default: those of `fststyle data`, else synthetic scenes."
    )
    network: str = option(
        "live",
        "Network to train: live runs in real time; johnson is the reference network, twenty times slower "
        "with finer detail.",
        choices=("johnson", "live"),
    )
    width: int | None = option(
        None,
        "Channels of the first layer: fewer are faster and less detailed; default: johnson 32, live 48.",
        min=1,
        max=256,
    )
    blocks: int | None = option(
        None,
        "Residual blocks; default: johnson 5, live 2 (and 3 coarse ones).",
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
    content_weight: float = option(1.0, "Weight of the content loss: higher keeps more of the photo.", min=0)
    style_weight: float = option(6.0, "Weight of the style loss: higher is closer to the painting.", min=0)
    fine: float = option(
        0.6,
        "Part of the style loss on fine texture, 0 to 1: higher is crisper, lower fills plain areas.",
        min=0,
        max=1,
    )
    tonal_parts: int = option(
        3,
        "Parts of the photo by luminance, each with a style loss of its own: dark parts look like dark parts "
        "of the painting; 1 compares the whole.",
        min=1,
        max=8,
    )
    steady_weight: float = option(
        1e-4, "Weight of the temporal loss: higher reduces flicker in videos; 0 disables it.", min=0
    )
    grid_weight: float = option(
        0.03,
        "Weight of the grid losses, which reduce block artifacts.",
        min=0,
    )
    optimizer: str = option("muon", "Optimizer; muon needs fewer steps than adam.", choices=("muon", "adam"))
    learning_rate: float = option(2e-3, "Peak learning rate; decays linearly to 1/20.", min=1e-8, max=1)
    seed: int = option(0, "Seed of the weights and of the photo crops.", min=0, max=2**32 - 1)
    device: str = option("auto", "Where to train.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "auto",
        "Precision; auto uses bfloat16 on hardware that supports it.",
        choices=("auto", "float32", "bfloat16"),
    )
    workers: int | None = option(
        None, "Threads that load photos; default: depends on the device.", min=0, max=64
    )
    resume: bool = option(False, "Resume from the checkpoint of this style.")
    overwrite: bool = option(False, "Replace an earlier training with the same name.")
    save_every: int = option(100, "Steps between checkpoints.", min=1)
    preview_every: int = option(100, "Steps between preview sheets; 0 writes only the last one.", min=0)
    preview_photos: Path | None = option(
        None, "Folder whose first four photos the preview sheets show; default: crops of held-out photos."
    )
    from_: str = option(
        "auto",
        "Initial weights: the name of a style, a .onnx or .pt file, or none; auto uses the included initial"
        " weights if they match the network.",
        flags=("--from",),
    )
    pull: float = option(0.0, "Weight of an L2 penalty on the distance to the initial weights.", min=0)
    freeze: str | None = option(
        None,
        "Parameters to freeze: comma-separated names with * as wildcard, for example body.*.",
    )
    vgg: str = option("oxford", "Loss network: oxford, torchvision, or a file of VGG-16 weights.")
    tensorboard: Path | None = option(None, "Folder for a TensorBoard log.")

    def __post_init__(self) -> None:
        as_paths(self, "style", "output", "data", "preview_photos", "tensorboard")


def recorded_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a checkpoint for the metadata of a style file: file names without their folders."""
    files = (
        *("style", "output", "data", "photos", "paintings", "preview_photos", "frames", "painted"),
        *("from_", "vgg", "tensorboard"),
    )
    return {name: _base_name(value) if name in files else value for name, value in settings.items()}


def _base_name(value: Any) -> Any:
    if isinstance(value, list):
        return [_base_name(item) for item in value]
    return Path(value).name if isinstance(value, str) else value
