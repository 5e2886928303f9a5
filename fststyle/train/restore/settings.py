"""Settings of `fststyle restore`. Does not import torch, so that the command line starts fast."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import as_paths, option


@dataclass(frozen=True)
class RestoreSettings:
    """Settings of the restoration of a picture."""

    mask: Path = option(
        dataclasses.MISSING,
        "An image of the size of the picture: white where it is damaged, black elsewhere.",
        flags=("--mask", "-m"),
    )
    iterations: int = option(40, "Iterations for each part of the damage at each scale.", min=1, max=100_000)
    scales: int = option(
        4,
        "Largest number of sizes, coarse to fine, each twice the one before. Thin cracks need one.",
        min=1,
        max=8,
    )
    context: int = option(
        48, "Width of the surroundings whose style fills a part of the damage, in pixels.", min=16, max=1024
    )
    style_weight: float = option(
        0.1, "Weight of the style loss: Gram matrices, compared with the surroundings.", min=0
    )
    patch_weight: float = option(
        1.0, "Weight of the patch loss: features, compared with the most similar ones nearby.", min=0
    )
    color_weight: float = option(
        5.0, "Weight of the color loss: pixels, compared with the most similar patches nearby.", min=0
    )
    style_layers: str = option(
        "relu1_2:1,relu2_2:1,relu3_3:1,relu4_3:1", "VGG-16 layers of the style loss, with weights."
    )
    patch_layers: str = option("relu2_2:1,relu3_3:1", "VGG-16 layers of the patch loss, with weights.")
    learning_rate: float = option(
        0.03, "Learning rate of Adam for pixels in 0..1; decays to a tenth.", min=1e-8, max=1
    )
    preview_every: int = option(0, "Iterations between updates of OUT; 0 writes it only at the end.", min=0)
    device: str = option("auto", "Where to compute.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "auto",
        "Precision; auto uses bfloat16 on hardware that supports it.",
        choices=("auto", "float32", "bfloat16"),
    )
    vgg: str = option("oxford", "Loss network: oxford, torchvision, or a file of VGG-16 weights.")

    def __post_init__(self) -> None:
        as_paths(self, "mask")
