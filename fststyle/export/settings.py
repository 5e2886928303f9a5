"""Settings of `fststyle export`. Imports neither torch nor onnx."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, accepts_former_names, option

PRECISIONS = ("fp32", "fp16-weights", "int8-weights", "fp16", "int8")


@accepts_former_names
@dataclass(frozen=True)
class ExportSettings:
    """Options and metadata of an exported file."""

    output: Path | None = option(
        None, "The .onnx file to write; default: next to the checkpoint.", flags=("--output", "-o")
    )
    precision: str = option(
        "fp32",
        "fp32; fp16-weights: half the size, same result; int8-weights: a quarter of the size; fp16: computes"
        " in half precision, for GPUs; int8: for CPUs, live networks only.",
        choices=PRECISIONS,
    )
    data: Path | None = option(
        None,
        "Folder of photos for int8 calibration; default: those of `fststyle data`, else synthetic scenes.",
    )
    name: str | None = option(
        None, f"Name of the style or model, {NAMES}; default: the name used in training."
    )
    title: str = option("", "Title of the painting.")
    artist: str = option("", "Artist of the painting.")
    year: str = option("", "Year of the painting.")
    license: str = option("", "License of the painting.", former="licence")
