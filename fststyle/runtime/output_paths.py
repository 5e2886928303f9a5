"""Determine the output path of each input image, and check all paths before any image is stylized."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fststyle.errors import FststyleError, InputError, OutputError
from fststyle.io import images
from fststyle.io.files import PIPE, refuse_overwrite
from fststyle.io.folders import check_folder, without_results
from fststyle.runtime.target_names import distinct, shortened


@dataclass(frozen=True)
class FilePair:
    """Input and output path of one image. ``source`` is None for stdin, and ``target`` is None for stdout."""

    source: Path | None
    target: Path | None


@dataclass
class Plan:
    """Images to stylize, and inputs that cannot be stylized.

    Attributes:
        pairs: the images to stylize.
        refused: paths of inputs that cannot be stylized, each with the error.
        several: whether several inputs or a folder were given.
    """

    pairs: list[FilePair] = field(default_factory=list)
    refused: list[tuple[str, FststyleError]] = field(default_factory=list)
    several: bool = False


def plan(inputs: Sequence[str | Path], output: str | Path | None, style: str) -> Plan:
    """Return the input and output paths of all images.

    Output names that are derived from inputs are shortened if they are too long, and get the suffix .png if
    the format of the input cannot be written. If two inputs have the same output path, a number is added to
    the name of the second output. No input is overwritten, but other existing files may be.

    Args:
        inputs: files and folders, which are searched with their subfolders; or only "-" for stdin.
        output: one of

            * a file, for one input file;
            * "-" for stdout, for one input file or stdin;
            * a folder: an existing folder, a path that ends in a slash, or any other path if there are
              several inputs or the input is a folder. File names and subfolders are kept;
            * None, for stdout if the input is stdin, the folder ``NAME-STYLE`` in the current folder if the
              input is a folder, and otherwise the file ``NAME-STYLE.EXT`` in the current folder.

        style: name of the style for default output names.

    Raises:
        InputError: there are no inputs, a path is empty, "-" is not the only input, or the only input does
            not exist or contains no images. If there are several inputs, those that do not exist or contain
            no images are in ``Plan.refused`` instead. An input file for stdout is not checked.
        OutputError: an output cannot be written, has an unsupported suffix, is one of the inputs, or is a
            file although a folder is needed; the output for stdin is a folder; or "-" is given as the output
            for several inputs or a folder.
    """
    if not inputs:
        raise InputError("no image was given")
    if "" in map(str, inputs) or str(output) == "":
        raise InputError("a file name is empty (is a shell variable unset?)")
    if PIPE in map(str, inputs):
        return Plan([_from_stdin(inputs, output)])
    if str(output) == PIPE:
        if len(inputs) > 1 or Path(inputs[0]).is_dir():
            raise OutputError("only one image can be written to stdout (-o -)")
        return Plan([FilePair(Path(inputs[0]), None)])
    several = len(inputs) > 1 or Path(inputs[0]).is_dir()
    to_folder = _to_folder(output, several)
    made = Plan(several=several)
    pairs: list[tuple[Path, Path]] = []
    for given in inputs:
        try:
            pairs += _pairs_of(
                Path(given), None if output is None else Path(output), to_folder, style, made.refused
            )
        except InputError as error:
            if len(inputs) == 1:
                raise
            made.refused.append((str(given), error))
    pairs = distinct(pairs)
    for folder in {target.parent for _, target in pairs}:
        check_folder(folder)
    refuse_overwrite((source for source, _ in pairs), *(target for _, target in pairs))
    made.pairs = [FilePair(source, target) for source, target in pairs]
    return made


def _to_folder(output: str | Path | None, several: bool) -> bool:
    """Return whether the results are written to a folder (see `plan` for ``output``).

    ``several`` is True if there are several inputs or the input is a folder. If ``output`` is None, the
    result is ``several``.

    Raises `OutputError` if ``output`` must be a folder, but is a file or has the suffix of an image file.
    """
    if output is None:
        return several
    path, slash = Path(output), str(output).endswith(("/", os.sep))
    if not (several or slash or path.is_dir()):
        return False
    needed = (
        "several inputs or an input folder need an output folder"
        if several
        else "a path that ends in a slash must be a folder"
    )
    if path.exists() and not path.is_dir():
        raise OutputError(f"{output}: is a file, but {needed}")
    if several and not slash and not path.is_dir() and path.suffix.lower() in images.WRITABLE:
        raise OutputError(f"{output}: is an image file name, but {needed}")
    return True


def _from_stdin(inputs: Sequence[str | Path], output: str | Path | None) -> FilePair:
    if len(inputs) > 1:
        raise InputError("stdin (-) cannot be combined with other inputs")
    if output is None or str(output) == PIPE:
        return FilePair(None, None)
    target = Path(output)
    if target.is_dir() or str(output).endswith(("/", os.sep)):
        raise OutputError(f"{output}: is a folder; an image from stdin needs an output file name")
    _check_suffix(target)
    check_folder(target.parent)
    return FilePair(None, target)


def _pairs_of(
    source: Path, output: Path | None, to_folder: bool, style: str, refused: list[tuple[str, FststyleError]]
) -> list[tuple[Path, Path]]:
    """Return the input and output paths for the input ``source``.

    See `plan` for ``output`` and ``style``, and `_to_folder` for ``to_folder``. Subfolders that cannot be
    read are added to ``refused``. Raises `InputError` if ``source`` does not exist or contains no images, and
    `OutputError` if the suffix of ``output`` is not supported.
    """
    if source.is_dir():
        folder = output
        if folder is None:
            folder = shortened(Path(f"{source.resolve().name}-{style}"), f"-{style}")
        found = images.find(source, on_refused=lambda place, error: refused.append((str(place), error)))
        kept = without_results(found, source, folder)
        if not kept:
            only_results = " other than earlier results" if found else ""
            raise InputError(f"{source}: contains no image files{only_results}")
        return [(path, folder / _written_as(path.relative_to(source))) for path in kept]
    if not source.is_file():
        raise InputError(f"{source}: {'is not a file' if source.exists() else 'no such file'}")
    if output is None:
        name = _with_writable_suffix(Path(f"{source.stem}-{style}{source.suffix}"))
        return [(source, shortened(name, f"-{style}{name.suffix}"))]
    if to_folder:
        return [(source, output / _written_as(Path(source.name)))]
    _check_suffix(output)
    return [(source, output)]


def _written_as(path: Path) -> Path:
    """Return ``path`` with the suffix of a format that can be written, and a name that is not too long."""
    path = _with_writable_suffix(path)
    return shortened(path, path.suffix)


def _with_writable_suffix(path: Path) -> Path:
    if path.suffix.lower() in images.WRITABLE:
        return path
    return path.with_name(path.name + ".png" if not path.suffix else path.stem + ".png")


def _check_suffix(target: Path) -> None:
    if target.suffix.lower() not in images.WRITABLE:
        problem = f"cannot write {target.suffix!r}" if target.suffix else "has no suffix"
        raise OutputError(f"{target}: {problem}; use one of {' '.join(sorted(images.WRITABLE))}")
