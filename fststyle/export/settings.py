"""Settings of `fststyle export`; no torch and no onnx."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import option

PRECISIONS = ("fp32", "fp16-weights", "fp16")


@dataclass(frozen=True)
class ExportSettings:
    """How a checkpoint becomes a file, and what the file says of itself."""

    output: Path | None = option(None, "The .onnx file to write; beside the checkpoint if not given.", flags=("--output", "-o"))
    precision: str = option(
        "fp32",
        "fp16-weights is half the size with the same picture; fp16 also computes in half precision, for GPUs.",
        choices=PRECISIONS,
    )
    title: str = option("", "Title of the painting.")
    artist: str = option("", "Who painted it.")
    year: str = option("", "When.")
    licence: str = option("", "Licence of the painting.")
