"""A file appears whole or not at all: it is written under another name in the same folder and renamed at the
end. What is read is never written over.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fststyle.errors import OutputError

PIPE = "-"
"""In the place of a file: stdin or stdout."""


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[BinaryIO]:
    """An open binary file that takes the name ``destination`` when the block ends well and is removed when it
    does not.

    Raises what the operating system raises (`OSError`), also when ``destination`` exists and is no regular
    file or write-protected.
    """
    with replacing_path(destination) as temporary, open(temporary, "r+b") as file:
        yield file


@contextlib.contextmanager
def replacing_path(destination: Path) -> Iterator[Path]:
    """As `replacing`, for those who open files by name: the path of an empty file."""
    target, temporary = _beside(destination)
    try:
        with open(temporary, "xb"):
            pass
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def probe(destination: Path) -> None:
    """Raise `OutputError` where `replacing` would fail, now and not after hours of work; leaves nothing."""
    try:
        _, temporary = _beside(destination)
        with open(temporary, "xb"):
            pass
        temporary.unlink()
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror})") from error


def spare(inputs: Iterable[str | Path], *outputs: str | Path) -> None:
    """Raise `OutputError` if one of the ``outputs`` is the file of one of the ``inputs``, also by another
    name of it or a link.

    What is no file is passed over.
    """
    read = [path for path in inputs if os.path.exists(path)]
    for output in outputs:
        if os.path.exists(output) and any(os.path.samefile(path, output) for path in read):
            raise OutputError(
                f"{output}: is one of the inputs and would be overwritten; choose another output"
            )


def _beside(destination: Path) -> tuple[Path, Path]:
    """What will be replaced, and a new name beside it."""
    # The target of a link is replaced, not the link; a device such as /dev/null must never be renamed over.
    target = Path(os.path.realpath(destination))
    if target.exists() and not target.is_file():
        raise (
            IsADirectoryError(None, "is a folder")
            if target.is_dir()
            else OSError(None, "is not a regular file")
        )
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        # A file can be renamed over whatever its own mode says, but whoever took the right to write from it
        # meant it to stay.
        raise PermissionError(None, "is write-protected")
    # Opened by hand because tempfile's files are private (mode 0600), and the name is short because the
    # destination's may fill the limit.
    return target, target.parent / f".fststyle-{secrets.token_hex(8)}.part"
