"""Make the names of output files distinct, and short enough for the file system."""

import os
from collections.abc import Iterable
from pathlib import Path

MAX_NAME_BYTES = 255
"""Maximum length of a file name in bytes on common file systems."""


def shortened(path: Path, end: str) -> Path:
    """Return ``path``, with its name shortened if it is longer than `MAX_NAME_BYTES`.

    ``end`` is the end of the name, such as ".png", which is kept. Characters before it are removed.
    """
    name = path.name
    if len(os.fsencode(name)) <= MAX_NAME_BYTES:
        return path
    start = name.removesuffix(end)
    while start and len(os.fsencode(start + end)) > MAX_NAME_BYTES:
        start = start[:-1]
    return path.with_name(start + end)


def distinct(pairs: Iterable[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Return pairs of input and output paths without repeated pairs, renaming outputs so that they differ.

    Outputs that differ only in case count as equal. If two inputs have the output ``a.mp4``, that of the
    second becomes ``a-2.mp4``.
    """
    found: list[tuple[Path, Path]] = []
    seen: set[tuple[Path, Path]] = set()
    taken: set[str] = set()
    for source, wanted in pairs:
        key = (source.resolve(), wanted.absolute())
        if key in seen:
            continue
        seen.add(key)
        target, number = wanted, 2
        while _folded(target) in taken:
            end = f"-{number}{wanted.suffix}"
            target, number = shortened(wanted.with_name(f"{wanted.stem}{end}"), end), number + 1
        taken.add(_folded(target))
        found.append((source, target))
    return found


def _folded(path: Path) -> str:
    """Return a string that is equal for paths that differ only in case."""
    return str(path.absolute()).casefold()
