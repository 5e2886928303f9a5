"""Formats of optional Pillow plugins: HEIC (pillow-heif) and JPEG XL (pillow-jxl-plugin)."""

import importlib
from typing import BinaryIO

from fststyle.errors import DependencyError
from fststyle.io import jxl

_PACKAGES = {
    "HEIF": ("pillow_heif", "HEIC", "pillow-heif", "heif"),
    "JXL": ("pillow_jxl", "JPEG XL", "pillow-jxl-plugin", "jxl"),
}
"""Pillow's name for the format -> module, common name of the format, package, extra of fststyle."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def load(kind: str, name: str) -> None:
    """Load the Pillow plugin of a format. Nothing happens for a format that Pillow supports without a plugin.

    Args:
        kind: Pillow's name for the format, such as "HEIF".
        name: the file name to put at the start of the error message.

    Raises:
        DependencyError: the package of the plugin is not installed.
    """
    if kind not in _PACKAGES:
        return
    module, usual, package, extra = _PACKAGES[kind]
    try:
        plugin = importlib.import_module(module)
    except ImportError as error:
        hint = f"in a clone of fststyle: pip install '.[{extra}]'"
        raise DependencyError(f"{name}: {usual} needs {package}; {hint} [{error}]") from error
    if kind == "HEIF":
        plugin.register_heif_opener()


def kind_of(stream: BinaryIO) -> str | None:
    """Return "HEIF" or "JXL" if the content of a file is in that format, otherwise None.

    For AVIF files, it is None. The position of the stream is restored.
    """
    start = stream.tell()
    head = stream.read(64)
    stream.seek(start)
    if head.startswith((jxl.CODESTREAM, jxl.SIGNATURE)):
        return "JXL"
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
        if brands & _HEIF_BRANDS and not brands & _AVIF_BRANDS:
            return "HEIF"
    return None
