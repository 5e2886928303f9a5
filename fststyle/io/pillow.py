"""Process-wide state of Pillow: warnings, the pixel limit, the list of formats, and messages of libtiff."""

import contextlib
import ctypes
import functools
import logging
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

# Without a handler, Python writes errors of the Pillow log to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_lock = threading.Lock()
_bounds: list[int] = []
_restore = contextlib.ExitStack()
_libtiff = threading.local()

# Pillow runs Ghostscript for EPS, which is unsafe for untrusted files.
_REFUSED = {"EPS"}


def formats() -> list[str]:
    """Pillow's names of the formats that are read."""
    Image.init()
    return [kind for kind in Image.ID if kind not in _REFUSED]


def _count_error(module: bytes, message: bytes, arguments: int) -> None:
    _libtiff.errors = libtiff_errors() + 1


_count = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)(_count_error)


def libtiff_errors() -> int:
    """Number of errors of libtiff in this thread. Pillow does not report those in fax data."""
    errors: int = getattr(_libtiff, "errors", 0)
    return errors


@functools.cache
def silence_libtiff() -> bool:
    """Make the libtiff of Pillow count errors instead of writing them to stderr, and drop warnings.

    Returns False if libtiff is linked statically, as on Windows; its messages remain then.
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
    """Inside the block, Pillow emits no warnings and raises `DecompressionBombError` above twice
    ``max_pixels`` (the largest value of all threads). libtiff writes nothing to stderr from then on.

    Several threads may be inside: the first one sets the process-wide state, and the last one restores it.
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
