"""What a training leaves in its folder under one name, and what becomes of an earlier one of that name."""

import hashlib
import re
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.errors import ExportError, InputError, OutputError
from fststyle.export.style import Card, export_module
from fststyle.io.files import probe
from fststyle.settings import NAMES, plain
from fststyle.train import checkpoint
from fststyle.train.compute import Compute

# What may differ between a training and its resumption without changing a single weight.
_FREE = {
    "output",
    "name",
    "device",
    "workers",
    "resume",
    "overwrite",
    "save_every",
    "preview_every",
    "tensorboard",
}


@dataclass(frozen=True)
class Trained:
    """What a training left: the files, the last losses, and the photo files that could not be used."""

    name: str
    onnx: Path
    int8: Path
    """The same in integers, where there is such a file."""
    checkpoint: Path
    preview: Path
    losses: dict[str, float]
    skipped: tuple[str, ...]
    source: str
    leads: bool = True
    """Whether this process is the one of several that wrote the files."""


@dataclass(frozen=True)
class Files:
    """Where a training of one name keeps its results."""

    onnx: Path
    int8: Path
    checkpoint: Path
    preview: Path

    @property
    def all(self) -> tuple[Path, ...]:
        return self.onnx, self.int8, self.checkpoint, self.preview

    @classmethod
    def of(cls, folder: Path, name: str) -> "Files":
        return cls(
            folder / f"{name}.onnx",
            folder / f"{name}-int8.onnx",
            folder / f"{name}.pt",
            folder / f"{name}-preview.jpg",
        )


def checked_name(name: str) -> str:
    """The name, fit for file names and for ``--style``. Raises `InputError` for any other."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise InputError(f"--name: {name!r} should be {NAMES}")
    return name


def going_on(first: int) -> str:
    """What a training says of itself when it goes on after step `first`; nothing at the start."""
    return f", going on after step {first}" if first else ""


def earlier_training(
    settings: Any, files: Files, kind: str, free: Set[str], more: Iterable[Path] = ()
) -> dict[str, Any] | None:
    """The checkpoint to go on from, or None for a fresh start; refuses whatever would lose an earlier
    training.

    `settings` has ``output``, ``resume`` and ``overwrite``; those named in `free` may differ from the
    checkpoint's. `more` are results beside `files`.

    Raises:
        InputError: nothing to resume, other settings, or an earlier training that would be overwritten.
        OutputError: the folder cannot be used.
        CheckpointError: the checkpoint is damaged, hostile, or of another kind.
    """
    try:
        settings.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{settings.output}: cannot be used as a folder for the results ({error.strerror})"
        ) from error
    for path in (*files.all, *more):
        probe(path)
    if settings.resume and settings.overwrite:
        raise InputError("--resume goes on and --overwrite starts anew; give one of them")
    if settings.resume:
        if not files.checkpoint.exists():
            raise InputError(f"--resume: there is no {files.checkpoint} to go on from")
        content = checkpoint.load(files.checkpoint, kind)
        then, now = content["settings"], plain(settings)
        for key in sorted(now.keys() - _FREE - free):
            if then.get(key) != now[key]:
                raise InputError(
                    f"--resume: {files.checkpoint} was trained with --{key.rstrip('_').replace('_', '-')}"
                    f" {then.get(key)}, not {now[key]}"
                )
        if (
            "steps" not in free
            and (most := getattr(settings, "steps", None)) is not None
            and content["step"] > most
        ):
            raise InputError(
                f"--resume: {files.checkpoint} is at step {content['step']} already; give more --steps"
            )
        return content
    there = [path for path in (*files.all, *more) if path.exists()]
    if there and not settings.overwrite:
        raise InputError(
            f"{there[0]} is there already: --resume goes on with it, --overwrite starts anew, --name keeps"
            " both"
        )
    return None


def leave(
    net: nn.Module,
    card: Card,
    files: Files,
    photos: Callable[[], list[RGB]],
    on_message: Callable[[str], None] | None,
) -> None:
    """Write a trained network as a style file, and a live one in integers too where they are exact enough;
    `photos` are what those are measured on.
    """
    net = net.cpu().to(memory_format=torch.contiguous_format).eval()
    # An older one would be painted with in the new one's place, should the new one get none.
    files.int8.unlink(missing_ok=True)
    if on_message:
        on_message(f"learned; now writing and checking {files.onnx.name} (stopped here, --resume writes it)")
    export_module(net, card, files.onnx)
    if hasattr(net, "core"):  # it has integers
        try:
            export_module(net, card, files.int8, "int8", photos())
        except ExportError as error:  # the float file is good all the same
            if on_message:
                on_message(f"no {files.int8.name}: {error}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def worker_count(asked: int | None, compute: Compute) -> int:
    """On a CPU the photos cost a hundredth of a step, so the trainer reads them itself; a GPU wants them
    ready.
    """
    if asked is not None:
        return asked
    return 0 if compute.device.type == "cpu" else min(8, torch.get_num_threads())
