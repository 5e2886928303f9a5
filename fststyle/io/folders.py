"""Find the files in a folder, check whether a folder is writable, and locate the cache folder."""

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import platformdirs

from fststyle.errors import InputError, OutputError

Refused = Callable[[Path, InputError], None]
"""Callback that gets a path that cannot be used, and the reason."""


def files(
    folder: Path, suffixes: Collection[str] | None, on_refused: Refused = lambda place, error: None
) -> list[Path]:
    """Return the sorted files in a folder and its subfolders.

    Hidden files and folders are skipped, and links to folders are not followed.

    Args:
        folder: the folder.
        suffixes: suffixes in lower case, or None for all files.
        on_refused: called with the path and an `InputError` for each subfolder that cannot be read, and,
            unless ``suffixes`` is None, for each link to a missing file.

    Raises:
        InputError: ``folder`` does not exist, is not a folder or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is not a folder' if folder.exists() else 'no such folder'}")

    def refuse(error: OSError) -> None:
        place = Path(error.filename or folder)
        problem = InputError(f"{place}: cannot be read: {error.strerror or error}")
        if place == folder:
            raise problem from error
        on_refused(place, problem)

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and (suffixes is None or Path(name).suffix.lower() in suffixes)
        ]
    if suffixes is not None:
        for path in sorted(path for path in found if path.is_symlink() and not path.exists()):
            on_refused(path, InputError(f"{path}: is a link to a file that does not exist"))
    return sorted(path for path in found if path.is_file())


def without_results(found: Iterable[Path], source: Path, target: Path) -> list[Path]:
    """Return the files ``found`` in the folder ``source``, except those in the output folder ``target``.

    If ``target`` is a subfolder of ``source``, the files in it are results of earlier runs. Otherwise, no
    files are excluded.
    """
    inside, output = source.resolve(), target.resolve()
    if output == inside or not output.is_relative_to(inside):
        return list(found)
    return [path for path in found if not path.resolve().is_relative_to(output)]


def check_folder(folder: Path) -> None:
    """Raise `OutputError` if files cannot be created in ``folder``, or, if it does not exist, in its nearest
    existing parent.
    """
    for place in (folder, *folder.absolute().parents):
        if place.is_dir():
            if not os.access(place, os.W_OK | os.X_OK):
                raise OutputError(f"{folder}: cannot be written: no permission in {place}")
            return
        if place.exists():
            raise OutputError(f"{folder}: cannot be written: {place} is a file, not a folder")


def cache_folder() -> Path:
    """Return the path of the folder for downloaded files. The folder is not created.

    The path is the value of the environment variable FSTSTYLE_CACHE or, if it is empty or not set, a folder
    in the user's cache folder.
    """
    return Path(os.environ.get("FSTSTYLE_CACHE") or platformdirs.user_cache_path("fststyle"))
