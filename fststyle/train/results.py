"""The output files of a training run, and the handling of an earlier run with the same name."""

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
from fststyle.settings import NAMES, replace_former_names, to_dict, with_absent
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
    """The settings that all training commands have."""

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
    """The result of training a style.

    Args:
        name: the name of the style.
        onnx: the style file.
        int8: path of the int8 style file, which exists only if the int8 export succeeded.
        checkpoint: the checkpoint.
        preview: the preview sheet.
        losses: the losses of the last step, by name; empty if no step was run, and on processes other than
            rank 0.
        skipped: the photo files that could not be used.
        source: a description of the training data, for messages.
        leads: whether this process is the one that wrote the files: rank 0 of a distributed run.
    """

    name: str
    onnx: Path
    int8: Path
    checkpoint: Path
    preview: Path
    losses: dict[str, float]
    skipped: tuple[str, ...]
    source: str
    leads: bool = True


@dataclass(frozen=True)
class ResultFiles:
    """Paths of the output files of a training run: the style or model, its int8 version, the checkpoint and
    the preview image. The files need not exist.
    """

    onnx: Path
    int8: Path
    checkpoint: Path
    preview: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """All paths."""
        return self.onnx, self.int8, self.checkpoint, self.preview

    @classmethod
    def of(cls, folder: Path, name: str) -> "ResultFiles":
        """Return the paths of the output files in `folder` for a style or model named `name`."""
        return cls(
            folder / f"{name}.onnx",
            folder / f"{name}-int8.onnx",
            folder / f"{name}.pt",
            folder / f"{name}-preview.jpg",
        )


def checked_name(name: str) -> str:
    """Return `name` if it is valid: 1 to 64 lower-case letters, digits and hyphens, not beginning with a
    hyphen.

    Raises:
        InputError: the name is not valid.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise InputError(
            f"--name: {name!r} is not valid; use at most 64 {NAMES}, beginning with a letter or digit"
        )
    return name


def resume_note(first: int) -> str:
    """Return the text that ends the start message of a training run: ", resuming after step N", where N is
    `first`, the number of completed steps; or "" if `first` is 0.
    """
    return f", resuming after step {first}" if first else ""


def load_earlier_training(
    settings: RunSettings, files: ResultFiles, kind: str, free: Set[str], more: Iterable[Path] = ()
) -> Checkpoint | None:
    """Return the checkpoint to resume from, or None for a new training run.

    Creates the output folder, and checks that the output files can be written. Existing output files are an
    error unless ``resume`` or ``overwrite`` is set.

    Args:
        settings: the settings of the run.
        files: its output files.
        kind: the kind of checkpoint that it writes and resumes from, such as "style".
        free: names of settings that may differ from those in the checkpoint, in addition to `_FREE`. If the
            setting ``minutes`` is given, ``steps`` may differ too.
        more: paths of additional output files.

    Raises:
        InputError: with ``resume``, there is no checkpoint, its settings differ, or it has completed more
            than the requested steps; without it, an output file exists and ``overwrite`` is not set; or both
            are set.
        OutputError: the output folder cannot be created, or a file cannot be written.
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
            raise InputError(f"--resume: there is no checkpoint {files.checkpoint}")
        content = checkpoint.load(files.checkpoint, kind)
        then = with_absent(type(settings), replace_former_names(type(settings), content["settings"]))
        now = to_dict(settings)
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
    """Export a trained network as a float32 style file. A live network (`Live`) is also exported as int8.

    An existing int8 file is deleted first. If the int8 export fails, for example because the result is not
    accurate enough, the reason is reported with `on_message`, and there is no int8 file.

    Args:
        net: the network. It is moved to the CPU and set to evaluation mode.
        card: the metadata of the style file.
        files: the paths of the output files.
        photos: returns the photos that calibrate int8 and check its accuracy. It is called only for int8.
        on_message: called with status messages.

    Raises:
        ExportError: the network cannot be exported as float32.
        OutputError: a file cannot be written.
    """
    net = net.cpu().to(memory_format=torch.contiguous_format).eval()
    # If the int8 export failed, the runtime would use the int8 file of the earlier network.
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
    """Return the SHA-256 hash of a file, in hexadecimal. Raises `OSError`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def loader_threads(workers: int | None, compute: Compute) -> int:
    """Return the number of threads that load photos; with 0, the training thread loads them.

    It is `workers` or, if that is None, a default: 0 on a CPU, where loading takes much less time than a
    step, and otherwise the number of CPU threads of PyTorch, but at most 8.
    """
    if workers is not None:
        return workers
    return 0 if compute.device.type == "cpu" else min(8, torch.get_num_threads())
