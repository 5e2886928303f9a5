"""Files are complete or absent: they are written under a temporary name in the same folder and renamed at the
end. An output never replaces an input.
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
    """An open binary file that is renamed to ``destination`` at the end of the block, or removed after an
    exception.

    Raises what the operating system raises (`OSError`), also when ``destination`` exists and is no regular
    file or write-protected.
    """
    with replacing_path(destination) as temporary, open(temporary, "r+b") as file:
        yield file


@contextlib.contextmanager
def replacing_path(destination: Path) -> Iterator[Path]:
    """As `replacing`, but gives the path of an empty file instead of an open file."""
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
    """Raise `OutputError` if `replacing` would fail, before any work is done; leaves no file."""
    try:
        _, temporary = _beside(destination)
        with open(temporary, "xb"):
            pass
        temporary.unlink()
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror})") from error


def spare(inputs: Iterable[str | Path], *outputs: str | Path) -> None:
    """Raise `OutputError` if one of the ``outputs`` is the same file as one of the ``inputs``, also under
    another name or through a link.

    Names of no existing file are ignored.
    """
    read = [path for path in inputs if os.path.exists(path)]
    for output in outputs:
        if os.path.exists(output) and any(os.path.samefile(path, output) for path in read):
            raise OutputError(
                f"{output}: is one of the inputs and would be overwritten; choose another output"
            )


def _beside(destination: Path) -> tuple[Path, Path]:
    """The path that is replaced, and a temporary one in the same folder."""
    # The target of a link is replaced, not the link; a device such as /dev/null must never be renamed over.
    target = Path(os.path.realpath(destination))
    if target.exists() and not target.is_file():
        raise (
            IsADirectoryError(None, "is a folder")
            if target.is_dir()
            else OSError(None, "is not a regular file")
        )
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        # Renaming would succeed in spite of the file's mode, but a write-protected file is to be kept.
        raise PermissionError(None, "is write-protected")
    # Not by tempfile, whose files have mode 0600. The name is short, since that of the destination may have
    # the maximum length.
    return target, target.parent / f".fststyle-{secrets.token_hex(8)}.part"
