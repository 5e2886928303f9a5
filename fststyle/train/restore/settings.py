"""Settings of `fststyle restore`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import as_paths, option
from fststyle.train.shared_options import shared


@dataclass(frozen=True)
class RestoreSettings:
    """Settings of `fststyle restore`."""

    mask: Path = option(
        dataclasses.MISSING,
        "The mask, an image of the same size: white where the image is damaged, black elsewhere.",
        flags=("--mask", "-m"),
    )
    iterations: int = option(40, "Iterations for each part of the damage at each scale.", min=1, max=100_000)
    scales: int = option(
        4,
        "Largest number of scales, coarse to fine, each twice the size of the one before. Thin cracks have"
        " one scale.",
        min=1,
        max=8,
    )
    context: int = option(
        48, "Width in pixels of the surroundings whose style fills a part of the damage.", min=16, max=1024
    )
    style_weight: float = option(
        0.1, "Weight of the style loss, which compares Gram matrices with those of the surroundings.", min=0
    )
    patch_weight: float = option(
        1.0,
        "Weight of the patch loss, which compares VGG-16 features with the most similar patches nearby.",
        min=0,
    )
    color_weight: float = option(
        5.0, "Weight of the color loss, which compares pixels with the most similar patches nearby.", min=0
    )
    tone_weight: float = option(
        20.0,
        "Weight of the tone loss, which compares the mean color of the damage with that of a smooth filling.",
        min=0,
    )
    style_layers: str = option(
        "relu1_2:1,relu2_2:1,relu3_3:1,relu4_3:1", "VGG-16 layers of the style loss, with weights."
    )
    patch_layers: str = option("relu2_2:1,relu3_3:1", "VGG-16 layers of the patch loss, with weights.")
    learning_rate: float = shared(
        "learning_rate", default=0.03, help="Learning rate of Adam for pixels in 0..1; it decays to a tenth."
    )
    preview_every: int = shared(
        "preview_every",
        default=0,
        help="Iterations between updates of the output file; 0 writes it only at the end.",
    )
    device: str = shared("device")
    precision: str = shared("precision")
    vgg: str = shared("vgg")

    def __post_init__(self) -> None:
        as_paths(self, "mask")
