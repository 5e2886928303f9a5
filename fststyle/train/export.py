"""Export of checkpoints to ONNX. Connects the training code to `fststyle.export`, which exports modules."""

import dataclasses
from pathlib import Path
from typing import Any

from fststyle.arrays import RGB
from fststyle.catalogue import encoder_of
from fststyle.errors import InputError
from fststyle.export.model import PRECISIONS
from fststyle.export.parity import PSNR
from fststyle.export.settings import ExportSettings
from fststyle.export.style import Card, export_module
from fststyle.io.files import refuse_overwrite
from fststyle.settings import check
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.data.loader import held_out, photo_source
from fststyle.train.generative import export
from fststyle.train.results import checked_name
from fststyle.train.style.settings import recorded_settings


def export_checkpoint(
    path: str | Path, settings: ExportSettings | None = None, **changes: Any
) -> tuple[Path, dict[str, float]]:
    """Export the network of a checkpoint to ONNX.

    Args:
        path: the checkpoint file.
        settings: the export settings; None for `ExportSettings()`.
        changes: fields of `ExportSettings` that replace those of `settings`.

    By default, the ONNX file is written next to the checkpoint: NAME.pt is exported to NAME.onnx or, with a
    precision other than fp32, to NAME-PRECISION.onnx. For a VAE, this file contains the decoder, and the
    encoder is written to a second file next to it (`encoder_of`).

    Returns:
        The path of the written file, and a dict of differences between the outputs of the network and of the
        file. For a style, ``"largest"`` and ``"mean"`` are the largest and the mean absolute difference of
        pixel values in 0-255; int8 and int8-weights add ``"psnr"`` in dB. For a GAN, a VAE or a classifier,
        the dict contains only ``"largest"``, as returned by `fststyle.export.model.export_model`.

    Raises:
        InputError: a setting is invalid or does not apply to this kind of network or to this precision, or
            the photos for int8 cannot be read.
        CheckpointError: the file is not an fststyle checkpoint that can be exported.
        ExportError: the network does not support this precision, or the file differs too much from the
            network; nothing is written.
        OutputError: a file cannot be written, or would overwrite the checkpoint.
        TrainingError: none of the photos for int8 can be used.
    """
    path = Path(path)
    settings = dataclasses.replace(settings or ExportSettings(), **changes)
    check(settings)
    content = checkpoint.load(path, (*checkpoint.STYLE_KINDS, *export.KINDS))
    suffix = "" if settings.precision == "fp32" else f"-{settings.precision}"
    output = settings.output or path.with_name(f"{path.stem}{suffix}.onnx")
    if output.suffix != ".onnx":
        raise InputError(f"--output {output}: the file name must end in .onnx")
    refuse_overwrite((path,), output, encoder_of(output))
    if content["kind"] in export.KINDS:
        return output, _model(content, path, output, settings)
    if settings.data is not None and settings.precision not in PSNR:
        raise InputError(f"--data: is for {' and '.join(PSNR)}, not for {settings.precision}")
    card = Card(
        name=(
            checked_name(settings.name) if settings.name is not None else str(content.get("name", path.stem))
        ),
        network=content["network"],
        network_settings=content["network_settings"],
        trained_with=recorded_settings(content["settings"]),
        style_sha256=str(content.get("style_sha256", "")),
        title=settings.title,
        artist=settings.artist,
        year=settings.year,
        license=settings.license,
        base=str(content.get("base", "")),
    )
    photos = calibration_photos(settings.data) if settings.precision in PSNR else []
    return output, export_module(
        checkpoint.restore(content, path).eval(), card, output, settings.precision, photos
    )


def calibration_photos(data: Path | None) -> list[RGB]:
    """Return 24 photos to calibrate int8 files and to check their accuracy, uint8 (256, 256, 3) each.

    Args:
        data: folder of photos; None for the photos that `fststyle data` downloaded or, without these,
            synthetic scenes.

    Raises:
        InputError: the folder cannot be read or contains no photos.
        TrainingError: none of the photos can be used.
    """
    return held_out(photo_source(data, 256, 64), 24)


def _model(content: Checkpoint, path: Path, output: Path, settings: ExportSettings) -> dict[str, float]:
    """Export the checkpoint of a GAN, a VAE or a classifier to `output`.

    Returns ``{"largest": difference}`` with the largest difference between the outputs of the network and of
    the file, as returned by `fststyle.export.model.export_model`.

    Raises:
        InputError: a setting is invalid, or does not apply to these networks.
        CheckpointError, ExportError, OutputError: as in `export_checkpoint`.
    """
    if settings.precision not in PRECISIONS:
        raise InputError(
            f"--precision: {settings.precision} is for styles only; a checkpoint of kind {content['kind']}"
            f" supports {' and '.join(PRECISIONS)}"
        )
    if settings.data is not None:
        raise InputError(f"--data: is for int8 styles, not for a checkpoint of kind {content['kind']}")
    metadata = {key: getattr(settings, key) for key in ("title", "artist", "year", "license")}
    if settings.name is not None:
        metadata["name"] = checked_name(settings.name)
    return {
        "largest": export.write(
            checkpoint.restore(content, path), {**content, **metadata}, output, settings.precision
        )
    }
