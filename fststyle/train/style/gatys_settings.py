"""Settings of `fststyle gatys`. Does not import torch, so that the command line starts fast."""

from dataclasses import dataclass

from fststyle.settings import option
from fststyle.train.shared_options import shared


@dataclass(frozen=True)
class GatysSettings:
    """Settings of style transfer by optimization."""

    size: int = option(
        512, "Longer side of the result in pixels; smaller photos keep their size.", min=16, max=8192
    )
    iterations: int = option(150, "Iterations at each scale.", min=1, max=100_000)
    scales: int = option(
        2,
        "Number of sizes, coarse to fine, each twice the one before: large shapes form first, brush strokes"
        " last. Sizes below 48 pixels are skipped.",
        min=1,
        max=8,
    )
    start: str = option("photo", "Initial picture of the coarsest scale.", choices=("photo", "noise"))
    optimizer: str = option(
        "lbfgs", "Optimizer: lbfgs converges faster; adam needs less memory.", choices=("lbfgs", "adam")
    )
    learning_rate: float | None = option(
        None, "Learning rate; default: 0.03 for adam (pixels in 0..1), 1 for lbfgs.", min=1e-8, max=100
    )
    content_weight: float = option(
        1.0, "Weight of the content loss (alpha): higher keeps more of the photo.", min=0
    )
    style_weight: float = option(
        30.0, "Weight of the style loss (beta): higher is closer to the painting.", min=0
    )
    tv_weight: float = option(0.1, "Weight of the total variation loss: higher is smoother.", min=0)
    content_layer: str = option(
        "relu2_2", "VGG-16 layer of the content loss; a deeper one keeps less of the photo."
    )
    style_layers: str = option(
        "relu1_2:1,relu2_2:1,relu3_3:1,relu4_3:1",
        "VGG-16 layers of the style loss, with weights; early layers capture color and fine texture.",
    )
    style_size: int | None = option(
        None,
        "Shorter side of the painting in pixels, at the last scale: larger gives broader strokes; default:"
        " shorter side of the result.",
        min=16,
        max=8192,
    )
    keep_colors: bool = option(False, "Keep the colors of the photo: only luma is stylized.")
    preview_every: int = shared(
        "preview_every", default=25, help="Iterations between updates of OUT; 0 writes it only at the end."
    )
    seed: int = shared("seed", help="Seed of the noise.")
    device: str = shared("device", help="Where to compute.")
    precision: str = option(
        "float32",
        "Precision; bfloat16 is faster on hardware that supports it, but too coarse for lbfgs.",
        choices=("float32", "bfloat16"),
    )
    vgg: str = shared("vgg")
