"""Styles for the stylizer in the browser: files and metadata.

Does not import FastAPI: `fststyle export-web` uses it too.
"""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fststyle import catalogue
from fststyle.catalogue import Entry
from fststyle.errors import StyleError
from fststyle.web.database import JsonObject


@dataclass(frozen=True)
class BrowserStyle:
    """A style with its float file, its int8 file or None, and the file of its base network or None."""

    entry: Entry
    float_file: Path
    int8_file: Path | None
    base_file: Path | None

    def listed(self, address: Callable[[Path], str], thumb: str | None) -> JsonObject:
        """The entry of the style in the list for the browser. ``address`` returns the address of a file;
        ``thumb`` is the address of a picture in this style.
        """
        entry = self.entry
        return {
            **{
                key: value
                for key, value in asdict(replace(entry, int8=None)).items()
                if key in ("name", "title", "artist", "year", "licence", "credit")
            },
            "url": address(self.float_file),
            "int8": address(self.int8_file) if self.int8_file else None,
            "base": address(self.base_file) if self.base_file else None,
            "thumb": thumb,
        }


def browser_style(entry: Entry) -> BrowserStyle:
    """The style of an entry of the catalogue. Raises `StyleError` for a file that cannot be read."""
    entry = catalogue.described(entry)
    if entry.network == "damaged":
        raise StyleError(f"{entry.name}: is damaged or not an ONNX file")
    base = catalogue.base_network(base_of(entry.path, entry.path.stat().st_mtime_ns))
    return BrowserStyle(
        entry, entry.path, entry.int8.path if entry.int8 else None, base.path if base is not None else None
    )


@functools.lru_cache(maxsize=256)
def base_of(path: Path, changed: int) -> str:
    """SHA-256 of the base network of a style file, "" without one; ``changed`` is the time of the file."""
    return catalogue.metadata(path.read_bytes()).get("base", "")
