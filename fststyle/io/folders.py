"""The files of a folder and its subfolders; the cache folder."""

import os
from collections.abc import Callable, Collection
from pathlib import Path

import platformdirs

from fststyle.errors import InputError

Refused = Callable[[Path, InputError], None]


def files(
    folder: Path, suffixes: Collection[str], on_refused: Refused = lambda place, error: None
) -> list[Path]:
    """Files with one of `suffixes` (lower case), sorted. Hidden files and folders are skipped, links to
    folders are not followed.

    `on_refused` is called with each subfolder that cannot be read. Raises `InputError` if `folder` is no
    folder or cannot be read.
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
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes
        ]
    return sorted(path for path in found if path.is_file())


def cache_folder() -> Path:
    """Folder of downloaded files: the environment variable FSTSTYLE_CACHE, else the user's cache folder.

    It is not created.
    """
    return Path(os.environ.get("FSTSTYLE_CACHE") or platformdirs.user_cache_path("fststyle"))
