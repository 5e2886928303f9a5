"""Settings of `fststyle export`; no torch and no onnx."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, option

PRECISIONS = ("fp32", "fp16-weights", "int8-weights", "fp16", "int8")


@dataclass(frozen=True)
class ExportSettings:
    """How a checkpoint becomes a file, and what the file says of itself."""

    output: Path | None = option(
        None, "The .onnx file to write; beside the checkpoint if not given.", flags=("--output", "-o")
    )
    precision: str = option(
        "fp32",
        "fp16-weights: half the size, the same picture; int8-weights: a quarter of it; fp16: computes in half"
        " precision, for GPUs; int8: live ones on CPUs.",
        choices=PRECISIONS,
    )
    data: Path | None = option(
        None,
        "Folder of photos that integers are measured on; else those of `fststyle data`, else synthetic"
        " scenes.",
    )
    name: str | None = option(
        None, f"Name of the style or model, {NAMES}; that of its training if not given."
    )
    title: str = option("", "Title of the painting.")
    artist: str = option("", "Who painted it.")
    year: str = option("", "When.")
    licence: str = option("", "Licence of the painting.")
