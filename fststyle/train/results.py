"""Output files of a training run, and the handling of an earlier run with the same name."""

import hashlib
import re
from collections.abc import Callable, Iterable, Set
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.errors import ExportError, InputError, OutputError
from fststyle.export.style import Card, export_module, traced
from fststyle.io.files import probe
from fststyle.settings import NAMES, replace_former_names, to_dict
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import Compute

# Settings that may change on resume, because they do not affect the weights.
_FREE = {
    "output",
    "name",
    "device",
    "workers",
    "resume",
    "overwrite",
    "save_every",
    "preview_every",
    "preview_photos",
    "tensorboard",
}


class RunSettings(Protocol):
    """The settings that every training has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def output(self) -> Path: ...
    @property
    def resume(self) -> bool: ...
    @property
    def overwrite(self) -> bool: ...
    @property
    def batch(self) -> int: ...
    @property
    def save_every(self) -> int: ...
    @property
    def tensorboard(self) -> Path | None: ...


@dataclass(frozen=True)
class Trained:
    """Result of a training: output files, last losses, and the photo files that were skipped."""

    name: str
    onnx: Path
    int8: Path
    """The int8 version; the file exists only if int8 export succeeded."""
    checkpoint: Path
    preview: Path
    losses: dict[str, float]
    skipped: tuple[str, ...]
    source: str
    leads: bool = True
    """Whether this process wrote the files (rank 0)."""


@dataclass(frozen=True)
class ResultFiles:
    """Paths of the results of a training."""

    onnx: Path
    int8: Path
    checkpoint: Path
    preview: Path

    @property
    def all(self) -> tuple[Path, ...]:
        return self.onnx, self.int8, self.checkpoint, self.preview

    @classmethod
    def of(cls, folder: Path, name: str) -> "ResultFiles":
        return cls(
            folder / f"{name}.onnx",
            folder / f"{name}-int8.onnx",
            folder / f"{name}.pt",
            folder / f"{name}-preview.jpg",
        )


def checked_name(name: str) -> str:
    """Returns `name` if it is valid as a file name and for ``--style``, else raises `InputError`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise InputError(f"--name: {name!r} must be {NAMES}")
    return name


def resume_note(first: int) -> str:
    """Suffix for the start message of a run resumed after step `first`; empty for a new run."""
    return f", resuming after step {first}" if first else ""


def load_earlier_training(
    settings: RunSettings, files: ResultFiles, kind: str, free: Set[str], more: Iterable[Path] = ()
) -> Checkpoint | None:
    """The checkpoint to resume from, or None for a new run. An earlier run is not overwritten silently.

    The settings named in `free` may differ from
    those in the checkpoint, and with ``minutes`` also the number of steps. `more` are additional output
    files.

    Raises:
        InputError: no checkpoint to resume, different settings, or an earlier run would be overwritten.
        OutputError: the output folder cannot be created or written.
        CheckpointError: the checkpoint is damaged, unsafe, or of another kind.
    """
    try:
        settings.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{settings.output}: cannot be used as the output folder ({error.strerror})"
        ) from error
    for path in (*files.all, *more):
        probe(path)
    if settings.resume and settings.overwrite:
        raise InputError("--resume and --overwrite cannot be combined")
    if settings.resume:
        if not files.checkpoint.exists():
            raise InputError(f"--resume: no checkpoint {files.checkpoint}")
        content = checkpoint.load(files.checkpoint, kind)
        then, now = replace_former_names(type(settings), content["settings"]), to_dict(settings)
        # With --minutes, the number of steps is that of the checkpoint.
        timed = getattr(settings, "minutes", None) is not None
        free, most = (free | {"steps"}, None) if timed else (free, getattr(settings, "steps", None))
        for key in sorted(now.keys() - _FREE - free):
            if then.get(key) != now[key]:
                raise InputError(
                    f"--resume: {files.checkpoint} was trained with --{key.rstrip('_').replace('_', '-')}"
                    f" {then.get(key)}, not {now[key]}"
                )
        if most is not None and content["step"] > most:
            raise InputError(
                f"--resume: {files.checkpoint} is already at step {content['step']}; increase --steps"
            )
        return content
    there = [path for path in (*files.all, *more) if path.exists()]
    if there and not settings.overwrite:
        raise InputError(
            f"{there[0]} already exists: continue it with --resume, replace it with --overwrite, or choose"
            " another --name"
        )
    return None


def export_results(
    net: nn.Module,
    card: Card,
    files: ResultFiles,
    photos: Callable[[], list[RGB]],
    on_message: Callable[[str], None],
) -> None:
    """Export a trained network as a style file, and a live network also as int8 if it is accurate enough.

    `photos` returns the photos for int8 calibration and parity. `on_message` is called with status messages.
    """
    net = net.cpu().to(memory_format=torch.contiguous_format).eval()
    # A stale int8 file would be used instead of the new network if the int8 export fails.
    files.int8.unlink(missing_ok=True)
    on_message(
        f"training done; exporting and checking {files.onnx.name} (if interrupted, --resume exports it)"
    )
    graph = traced(net)
    export_module(net, card, files.onnx, graph=graph)
    if hasattr(net, "core"):  # live networks have an int8 version
        try:
            export_module(net, card, files.int8, "int8", photos(), graph)
        except ExportError as error:  # the float32 file is still valid
            on_message(f"no {files.int8.name}: {error}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def loader_threads(workers: int | None, compute: Compute) -> int:
    """Number of loader threads. On a CPU the default is 0: loading takes a hundredth of a step."""
    if workers is not None:
        return workers
    return 0 if compute.device.type == "cpu" else min(8, torch.get_num_threads())
