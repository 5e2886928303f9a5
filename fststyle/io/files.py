"""Atomic writing: a file is written under a temporary name in the folder of the output, then renamed.

`refuse_overwrite` checks that an output is not one of the inputs.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fststyle.errors import OutputError
from fststyle.io.part_files import part_of

PIPE = "-"
"""The file name that stands for stdin or stdout."""


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[BinaryIO]:
    """Context manager that yields an open temporary binary file. At the end of the block, the file is renamed
    to ``destination``; after an exception, it is deleted. If ``destination`` is a link, its target is
    replaced.

    Raises:
        OSError: writing fails, or ``destination`` exists and is write-protected or not a regular file.
    """
    with replacing_path(destination) as temporary, open(temporary, "r+b") as file:
        yield file


@contextlib.contextmanager
def replacing_path(destination: Path) -> Iterator[Path]:
    """Like `replacing`, but yields the path of an empty temporary file instead of an open file."""
    target = _replaced(destination)
    with part_of(target) as temporary:
        try:
            yield temporary
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def probe(destination: Path) -> None:
    """Raise `OutputError` if `replacing` would fail for ``destination``.

    A temporary file is created for this, and deleted.
    """
    try:
        with part_of(_replaced(destination)) as temporary:
            temporary.unlink()
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror})") from error


def refuse_overwrite(inputs: Iterable[str | Path], *outputs: str | Path) -> None:
    """Raise `OutputError` if one of the ``outputs`` is the same file as one of the ``inputs``, even under
    another name or through a link.

    Files that do not exist are ignored.
    """
    read = {_identity(path) for path in inputs if os.path.exists(path)}
    for output in outputs:
        if os.path.exists(output) and _identity(output) in read:
            raise OutputError(
                f"{output}: is one of the inputs and would be overwritten; choose another output"
            )


def _identity(path: str | Path) -> object:
    """Return a value that is the same for all paths that refer to the same existing file."""
    status = os.stat(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _replaced(destination: Path) -> Path:
    """Return the path of the file to replace, with all links resolved.

    Raises:
        OSError: the file is write-protected, or not a regular file.
    """
    # Replace the target of a link, not the link itself, and refuse devices such as /dev/null.
    target = Path(os.path.realpath(destination))
    if target.exists() and not target.is_file():
        raise (
            IsADirectoryError(None, "it is a folder")
            if target.is_dir()
            else OSError(None, "it is not a regular file")
        )
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        # Renaming would succeed even if the file is write-protected.
        raise PermissionError(None, "the file is write-protected")
    return target
