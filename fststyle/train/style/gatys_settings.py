"""Settings of `fststyle gatys`. Does not import torch, so that the command line starts fast."""

from dataclasses import dataclass

from fststyle.settings import option
from fststyle.train.shared_options import shared


@dataclass(frozen=True)
class GatysSettings:
    """Settings of `fststyle gatys`."""

    size: int = option(
        512, "Longer side of the output in pixels; smaller images keep their size.", min=16, max=8192
    )
    iterations: int = option(150, "Iterations at each scale.", min=1, max=100_000)
    scales: int = option(
        2,
        "Number of scales, coarse to fine, each twice the size of the one before: large shapes form first,"
        " brush strokes last. Scales with a shorter side below 48 pixels are skipped.",
        min=1,
        max=8,
    )
    start: str = option("photo", "Initial image at the coarsest scale.", choices=("photo", "noise"))
    optimizer: str = option(
        "lbfgs", "Optimizer: lbfgs converges faster, adam needs less memory.", choices=("lbfgs", "adam")
    )
    learning_rate: float | None = option(
        None, "Learning rate; default: 0.03 for adam (pixels in 0..1), 1 for lbfgs.", min=1e-8, max=100
    )
    content_weight: float = option(
        1.0, "Weight of the content loss (alpha): higher preserves more of the content.", min=0
    )
    style_weight: float = option(
        30.0, "Weight of the style loss (beta): higher is closer to the style image.", min=0
    )
    tv_weight: float = option(0.1, "Weight of the total variation loss: higher is smoother.", min=0)
    content_layer: str = option(
        "relu2_2", "VGG-16 layer of the content loss; deeper layers preserve less of the content."
    )
    style_layers: str = option(
        "relu1_2:1,relu2_2:1,relu3_3:1,relu4_3:1",
        "VGG-16 layers of the style loss, with weights; early layers capture color and fine texture.",
    )
    style_size: int | None = option(
        None,
        "Shorter side of the style image in pixels, at the last scale: larger gives broader strokes; default:"
        " shorter side of the output.",
        min=16,
        max=8192,
    )
    keep_colors: bool = option(False, "Keep the colors of the content image; only its luma is stylized.")
    preview_every: int = shared(
        "preview_every", default=25, help="Iterations between updates of OUT; 0 writes it only at the end."
    )
    seed: int = shared("seed", help="Seed of the noise for --start noise.")
    device: str = shared("device")
    precision: str = option(
        "float32",
        "Precision; bfloat16 is faster on hardware that supports it, but too imprecise for lbfgs.",
        choices=("float32", "bfloat16"),
    )
    vgg: str = shared("vgg")
