"""Handle names of files that clients upload. They are displayed, but never used as paths."""

import re
from urllib.parse import quote

from fststyle.settings import MAX_NAME_LENGTH


def label(text: str | None, default: str = "photo") -> str:
    """Convert a client's file name to a label for display, of at most `MAX_NAME_LENGTH` characters.

    Folders, the suffix, unprintable characters and characters that Windows forbids in file names are removed.
    Returns ``default`` if nothing is left or ``text`` is None.
    """
    name = re.split(r"[/\\]", text or "")[-1].rpartition(".")
    stem = name[0] or name[2]
    plain = "".join(c for c in stem if c.isprintable() and c not in '"<>:|?*').strip(" .")
    return plain[:MAX_NAME_LENGTH] or default


def unique(name: str, suffix: str, taken: set[str]) -> str:
    """Return a file name that is not in ``taken``, and add its case-folded form to ``taken``.

    The file name is ``name`` + ``suffix``, with a number before the suffix if necessary. ``taken`` contains
    case-folded names, so that names that differ only in case are regarded as the same.
    """
    found, number = f"{name}{suffix}", 2
    while found.casefold() in taken:
        found, number = f"{name}-{number}{suffix}", number + 1
    taken.add(found.casefold())
    return found


def disposition(name: str) -> str:
    """Return the value of a Content-Disposition header that saves a file under ``name``."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
