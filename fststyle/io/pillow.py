"""What Pillow keeps for the whole process, held down while we use it: warnings, the bound on pixels, the list of formats."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

_lock = threading.Lock()
_bounds: list[int] = []
_restore = contextlib.ExitStack()

# EPS is run by Ghostscript, an outside program that no stranger's file should reach.
_REFUSED = {"EPS"}


def formats() -> list[str]:
    """The formats that are read, by Pillow's names."""
    Image.init()
    return [kind for kind in Image.ID if kind not in _REFUSED]


@contextlib.contextmanager
def guarded(max_pixels: int) -> Iterator[None]:
    """Inside, Pillow warns of nothing and raises `DecompressionBombError` above twice ``max_pixels`` (of the largest, if threads differ).

    Threads may be inside together: the first one in sets the process-wide state and the last one out puts it back.
    """
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
