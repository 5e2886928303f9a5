"""Files and metadata of styles for the stylizer in the browser.

The module does not import FastAPI, since `fststyle export-web` also uses it.
"""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fststyle import catalogue
from fststyle.catalogue import Entry
from fststyle.errors import DependencyError, StyleError
from fststyle.web.database import JsonObject


@dataclass(frozen=True)
class BrowserStyle:
    """A style and the files that the browser loads for it.

    ``int8_file`` is None for a style without an int8 version. ``base_file`` is the included base network from
    which the style was trained (`fststyle.catalogue.base_network`), or None if it was not trained from one.
    """

    entry: Entry
    float_file: Path
    int8_file: Path | None
    base_file: Path | None

    def listed(self, address: Callable[[Path], str], thumb: str | None) -> JsonObject:
        """Return the item for this style in the JSON list of styles that the browser loads.

        It contains metadata and the URLs of the files. ``address`` returns the URL of a file. ``thumb`` is
        the URL of a preview image, or None.
        """
        entry = self.entry
        return {
            **{
                key: value
                for key, value in asdict(replace(entry, int8=None)).items()
                if key in ("name", "title", "artist", "year", "license", "credit")
            },
            "url": address(self.float_file),
            "int8": address(self.int8_file) if self.int8_file else None,
            "base": address(self.base_file) if self.base_file else None,
            "thumb": thumb,
        }


def browser_style(entry: Entry) -> BrowserStyle:
    """Return a style together with the files that the browser loads for it.

    Raises:
        StyleError: a user's style file cannot be read.
        DependencyError: onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise DependencyError(f"{entry.path.name} needs onnx: pip install onnx [{error}]") from error
    entry = catalogue.described(entry)
    if entry.network == "damaged":
        raise StyleError(f"{entry.name}: cannot be read, is damaged, or is not an ONNX file")
    base = catalogue.base_network(base_of(entry.path, entry.path.stat().st_mtime_ns))
    return BrowserStyle(
        entry, entry.path, entry.int8.path if entry.int8 else None, base.path if base is not None else None
    )


@functools.lru_cache(maxsize=256)
def base_of(path: Path, changed: int) -> str:
    """Return the SHA-256 of the network from which a style was trained, or "" if its file names none.

    ``changed`` is the modification time of the file in nanoseconds. It serves only as part of the cache key.
    """
    return catalogue.metadata(path.read_bytes()).get("base", "")
