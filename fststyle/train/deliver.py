"""From a checkpoint on disk to a style file: where the trainer's half meets `fststyle.export`, which knows no checkpoint."""

import dataclasses
from pathlib import Path
from typing import Any

from fststyle.errors import InputError
from fststyle.export.settings import ExportSettings
from fststyle.export.style import Card, export_module
from fststyle.settings import check
from fststyle.spare import spare
from fststyle.train import checkpoint
from fststyle.train.data import held_out, photo_source
from fststyle.train.results import checked_name
from fststyle.train.settings import for_the_record


def export_checkpoint(path: str | Path, settings: ExportSettings | None = None, **changes: Any) -> tuple[Path, dict[str, float]]:
    """Write the network of a checkpoint as ONNX; gives the file and the parity measured (largest and mean difference in levels).

    The keyword arguments are the fields of `ExportSettings`.

    Raises:
        CheckpointError: not a checkpoint of ours.
        ExportError: the graph fails the parity check; nothing is written.
        OutputError: the file cannot be written, or is the checkpoint.
    """
    path = Path(path)
    settings = dataclasses.replace(settings or ExportSettings(), **changes)
    check(settings)
    content = checkpoint.load(path, checkpoint.PAINTERS)
    suffix = "" if settings.precision == "fp32" else f"-{settings.precision}"
    output = settings.output or path.with_name(f"{path.stem}{suffix}.onnx")
    if output.suffix != ".onnx":
        raise InputError(f"{output}: a style file ends in .onnx")
    spare((path,), output)
    card = Card(
        name=checked_name(settings.name) if settings.name is not None else str(content.get("name", path.stem)),
        network=content["network"],
        network_settings=content["network_settings"],
        trained_with=for_the_record(content["settings"]),
        style_sha256=str(content.get("style_sha256", "")),
        title=settings.title,
        artist=settings.artist,
        year=settings.year,
        licence=settings.licence,
        base=str(content.get("base", "")),
    )
    photos = held_out(photo_source(settings.data, 256, 64), 24) if settings.precision == "int8" else []
    return output, export_module(checkpoint.restore(content, path).eval(), card, output, settings.precision, photos)
