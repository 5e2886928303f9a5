"""The output path of every input; all paths are checked before any picture is stylized."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fststyle.errors import FststyleError, InputError, OutputError
from fststyle.io import images
from fststyle.io.files import PIPE

LONGEST_NAME = 255
"""Bytes in the name of a file, on all usual file systems."""


@dataclass(frozen=True)
class Job:
    """Input and output path of one picture; None is stdin or stdout."""

    source: Path | None
    target: Path | None


@dataclass
class Plan:
    """The pictures to stylize, and the refused inputs with the reason.

    ``several``: whether more than one picture was asked for.
    """

    jobs: list[Job] = field(default_factory=list)
    refused: list[tuple[str, FststyleError]] = field(default_factory=list)
    several: bool = False


def plan(inputs: Sequence[str | Path], output: str | Path | None, style: str) -> Plan:
    """All input and output paths.

    ``inputs``: files, folders (with the folders below) or "-" for stdin, which must be alone. ``output``:

    * a file, for one input file; "-" is stdout, the default for stdin;
    * a folder, for a folder or several inputs, or if it exists or ends in a slash: names are kept, and below
      a folder its tree;
    * None: ``NAME-STYLE.EXT`` in the current folder, for a folder the folder ``NAME-STYLE``.

    A format that can be read but not written becomes .png. A name that becomes too long is shortened. Two
    inputs with one target: the second is numbered. No input is overwritten.
    Raises `InputError` (no picture) and `OutputError` (a target that cannot be written); in a batch, bad
    inputs are in ``refused`` instead.
    """
    if not inputs:
        raise InputError("no picture given")
    if "" in map(str, inputs) or str(output) == "":
        raise InputError("an empty file name was given (an unset variable of the shell?)")
    if PIPE in map(str, inputs):
        return Plan([_pipe(inputs, output)])
    if str(output) == PIPE:
        if len(inputs) > 1 or Path(inputs[0]).is_dir():
            raise OutputError("stdout (-o -) takes one picture, not several")
        return Plan([Job(Path(inputs[0]), None)])
    several = len(inputs) > 1 or Path(inputs[0]).is_dir()
    to_folder = several or (
        output is not None and (str(output).endswith(("/", os.sep)) or Path(output).is_dir())
    )
    if output is not None and to_folder and Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"{output}: is a file; several pictures need a folder")
    if several and output is not None and _picture_name(str(output)):
        raise OutputError(f"{output}: is the name of one picture; several need a folder")
    made = Plan(several=several)
    wanted: list[tuple[Path, Path]] = []
    for given in inputs:
        try:
            wanted += _of_input(
                Path(given), Path(output) if output is not None else None, to_folder, style, made.refused
            )
        except InputError as error:
            if len(inputs) == 1:
                raise
            made.refused.append((str(given), error))
    made.jobs = _apart(wanted)
    for folder in {job.target.parent for job in made.jobs if job.target}:
        check_folder(folder)
    _spare_inputs(made.jobs)
    return made


def _picture_name(output: str) -> bool:
    """Whether a path has the suffix of a picture and is no folder."""
    return (
        Path(output).suffix.lower() in images.WRITABLE
        and not output.endswith(("/", os.sep))
        and not os.path.isdir(output)
    )


def check_folder(folder: Path) -> None:
    """Raise `OutputError` if files cannot be made in ``folder``, or in the nearest folder above it that
    exists.
    """
    for place in (folder, *folder.absolute().parents):
        if place.is_dir():
            if not os.access(place, os.W_OK | os.X_OK):
                raise OutputError(f"{folder}: cannot be written: no permission in {place}")
            return
        if place.exists():
            raise OutputError(f"{folder}: cannot be written: {place} is a file")


def _pipe(inputs: Sequence[str | Path], output: str | Path | None) -> Job:
    if len(inputs) > 1:
        raise InputError("stdin (-) cannot be mixed with other pictures")
    if output is None or str(output) == PIPE:
        return Job(None, None)
    target = Path(output)
    if target.is_dir() or str(output).endswith(("/", os.sep)):
        raise OutputError(f"{output}: is a folder; a picture from stdin needs a file name")
    _check_suffix(target)
    check_folder(target.parent)
    return Job(None, target)


def _of_input(
    source: Path, output: Path | None, to_folder: bool, style: str, refused: list[tuple[str, FststyleError]]
) -> list[tuple[Path, Path]]:
    if source.is_dir():
        folder = (
            output
            if output is not None
            else _shortened(Path(f"{source.resolve().name}-{style}"), f"-{style}")
        )
        found = images.find(source, on_refused=lambda place, error: refused.append((str(place), error)))
        # Outputs of an earlier run below the input folder are no inputs.
        inside = folder.resolve() != source.resolve() and _below(folder, source)
        kept = [path for path in found if not (inside and _below(path, folder))]
        if not kept:
            raise InputError(f"{source}: holds no image files")
        return [(path, folder / _fitting(_written_as(path.relative_to(source)))) for path in kept]
    if not source.is_file():
        raise InputError(f"{source}: {'is not a file' if source.exists() else 'no such file'}")
    if output is None:
        name = _written_as(Path(f"{source.stem}-{style}{source.suffix}"))
        return [(source, _shortened(name, f"-{style}{name.suffix}"))]
    if to_folder:
        return [(source, output / _fitting(_written_as(Path(source.name))))]
    _check_suffix(output)
    return [(source, output)]


def _apart(wanted: list[tuple[Path, Path]]) -> list[Job]:
    """The jobs without duplicates; the targets differ also on file systems that ignore case."""
    jobs: list[Job] = []
    seen: set[tuple[Path, Path]] = set()
    taken: set[str] = set()
    for source, first_choice in wanted:
        key = (source.resolve(), first_choice.absolute())
        if key in seen:
            continue
        seen.add(key)
        target, number = first_choice, 2
        while _folded(target) in taken:
            end = f"-{number}{first_choice.suffix}"
            target, number = _shortened(first_choice.with_name(f"{first_choice.stem}{end}"), end), number + 1
        taken.add(_folded(target))
        jobs.append(Job(source, target))
    return jobs


def _spare_inputs(jobs: list[Job]) -> None:
    sources = {_identity(job.source) for job in jobs if job.source}
    for job in jobs:
        if job.target and job.target.exists() and _identity(job.target) in sources:
            raise OutputError(
                f"{job.target}: is one of the inputs and would be overwritten; choose another output"
            )


def _identity(path: Path) -> object:
    """Equal for all names of a file, also through links and in another case."""
    status = path.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else path.resolve()


def _folded(path: Path) -> str:
    return str(path.absolute()).casefold()


def _below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _written_as(path: Path) -> Path:
    return (
        path
        if path.suffix.lower() in images.WRITABLE
        else path.with_name(path.name + ".png" if not path.suffix else path.stem + ".png")
    )


def _fitting(path: Path) -> Path:
    return _shortened(path, path.suffix)


def _shortened(path: Path, end: str) -> Path:
    """``path`` with a name of at most `LONGEST_NAME` bytes: characters before ``end``, its last part, are
    left out.
    """
    name = path.name
    if len(os.fsencode(name)) <= LONGEST_NAME:
        return path
    start = name.removesuffix(end)
    while start and len(os.fsencode(start + end)) > LONGEST_NAME:
        start = start[:-1]
    return path.with_name(start + end)


def _check_suffix(target: Path) -> None:
    if target.suffix.lower() not in images.WRITABLE:
        problem = f"cannot write {target.suffix!r}" if target.suffix else "has no suffix"
        raise OutputError(f"{target}: {problem}; use one of {' '.join(sorted(images.WRITABLE))}")
