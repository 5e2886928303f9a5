"""Settings of `fststyle gatys`; no torch, so that the command line knows them at once."""

from dataclasses import dataclass

from fststyle.settings import option


@dataclass(frozen=True)
class GatysSettings:
    """How one picture is repainted by optimisation."""

    size: int = option(
        512, "Longer side of the result in pixels; a smaller photo keeps its size.", min=16, max=8192
    )
    iterations: int = option(150, "Iterations at each scale.", min=1, max=100_000)
    scales: int = option(
        2,
        "Sizes painted one after another, each twice the one before: large shapes first, strokes last. Fewer"
        " where the smallest would be tiny.",
        min=1,
        max=8,
    )
    start: str = option("photo", "What the coarsest scale begins with.", choices=("photo", "noise"))
    optimizer: str = option("lbfgs", "lbfgs falls faster; adam takes less memory.", choices=("lbfgs", "adam"))
    learning_rate: float | None = option(
        None, "Step size; 0.03 of white for adam and a whole step for lbfgs if not given.", min=1e-8, max=100
    )
    content_weight: float = option(
        1.0, "Weight of the content loss (alpha): how much of the photo stays.", min=0
    )
    style_weight: float = option(30.0, "Weight of the style loss (beta): how much painting.", min=0)
    tv_weight: float = option(0.1, "Weight of the total variation loss: higher is smoother.", min=0)
    content_layer: str = option(
        "relu2_2", "Layer of VGG-16 that holds the content; a deeper one keeps less of the photo."
    )
    style_layers: str = option(
        "relu1_2:1,relu2_2:1,relu3_3:1,relu4_3:1",
        "Layers of VGG-16 that hold the style, with the weight of each; early ones are colour and grain.",
    )
    style_size: int | None = option(
        None,
        "Shorter side of the painting in pixels, at the last scale: larger gives broader strokes; that of the"
        " result if not given.",
        min=16,
        max=8192,
    )
    keep_colors: bool = option(False, "Keep the photo's colours: only their light is painted.")
    preview_every: int = option(
        25, "Iterations between two writings of OUT as it is; 0 writes it at the end only.", min=0
    )
    seed: int = option(0, "Seed of the noise.", min=0, max=2**32 - 1)
    device: str = option("auto", "Where to compute.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option(
        "float32",
        "Arithmetic; bfloat16 is faster where the hardware has it, and too coarse for lbfgs.",
        choices=("float32", "bfloat16"),
    )
    vgg: str = option("oxford", "Loss network: oxford, torchvision, or a file of VGG-16 weights.")
