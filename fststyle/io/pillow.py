"""Process-wide state of Pillow: warnings, the pixel limit, the list of formats, and the messages of
libtiff.
"""

import contextlib
import ctypes
import functools
import logging
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

# Without a handler, Python writes errors in the Pillow log to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_lock = threading.Lock()
_bounds: list[int] = []
_restore = contextlib.ExitStack()
_libtiff = threading.local()

# Pillow runs Ghostscript for EPS, which is unsafe for untrusted files.
_REFUSED = {"EPS"}


def formats() -> list[str]:
    """Return Pillow's names for the formats that fststyle reads."""
    Image.init()
    return [kind for kind in Image.ID if kind not in _REFUSED]


def _count_error(module: bytes, message: bytes, arguments: int) -> None:
    _libtiff.errors = libtiff_errors() + 1


_count = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)(_count_error)


def libtiff_errors() -> int:
    """Return the number of errors that libtiff has reported in this thread so far.

    A higher number after decoding reveals damaged fax data, for which Pillow raises no exception. The number
    is always 0 if `silence_libtiff` returned False.
    """
    errors: int = getattr(_libtiff, "errors", 0)
    return errors


@functools.cache
def silence_libtiff() -> bool:
    """Make Pillow's libtiff count errors instead of writing them to stderr, and drop its warnings.

    Returns False if libtiff is linked statically, as on Windows. Its messages are then not suppressed.
    """
    try:
        from PIL import _imaging

        library = ctypes.CDLL(_imaging.__file__)
        for name, handler in (("TIFFSetErrorHandler", _count), ("TIFFSetWarningHandler", None)):
            setter = getattr(library, name)
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
            setter(handler and ctypes.cast(handler, ctypes.c_void_p))
    except (ImportError, OSError, AttributeError, TypeError):
        return False
    return True


@contextlib.contextmanager
def guarded(max_pixels: int) -> Iterator[None]:
    """Context manager in which Pillow emits no warnings, and raises `DecompressionBombError` for images with
    more than twice ``max_pixels`` pixels.

    If several threads use it, the largest limit applies to all: the first thread sets the process-wide state,
    and the last one restores it. From the first use on, libtiff writes nothing to stderr, unless it is linked
    statically (see `silence_libtiff`).
    """
    silence_libtiff()
    with _lock:
        if not _bounds:
            _restore.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
            _restore.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _bounds.append(max_pixels)
        Image.MAX_IMAGE_PIXELS = max(_bounds)
    try:
        yield
    finally:
        with _lock:
            _bounds.remove(max_pixels)
            if _bounds:
                Image.MAX_IMAGE_PIXELS = max(_bounds)
            else:
                _restore.close()
