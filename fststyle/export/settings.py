"""Settings of `fststyle export`. Imports neither torch nor onnx."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import NAMES, accepts_former_names, option

PRECISIONS = ("fp32", "fp16-weights", "int8-weights", "fp16", "int8")


@accepts_former_names
@dataclass(frozen=True)
class ExportSettings:
    """Settings of `fststyle export`: path, number format and metadata of the exported file."""

    output: Path | None = option(
        None, "Path of the .onnx file; default: next to the checkpoint.", flags=("--output", "-o")
    )
    precision: str = option(
        "fp32",
        "Number format: fp32; fp16-weights (half the file size, nearly the same result); int8-weights (a"
        " quarter of the file size); fp16 (half-precision computation, for GPUs); int8 (int8 computation, for"
        " CPUs, live networks only).",
        choices=PRECISIONS,
    )
    data: Path | None = option(
        None,
        "Folder of photos to calibrate int8, and to check int8 and int8-weights; default: the photos from"
        " `fststyle data`, or else synthetic images.",
    )
    name: str | None = option(
        None, f"Name of the style or model, {NAMES}; default: the name used in training."
    )
    title: str = option("", "Title of the painting, for the metadata.")
    artist: str = option("", "Artist of the painting, for the metadata.")
    year: str = option("", "Year of the painting, for the metadata.")
    license: str = option("", "License of the painting, for the metadata.", former="licence")
