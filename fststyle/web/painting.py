"""Stylize images for concurrent requests in a thread pool."""

import asyncio
import io
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO

from fststyle import catalogue
from fststyle.errors import InputError, StyleError
from fststyle.io import images
from fststyle.io.encode import format_of
from fststyle.mixture import parse as parse_mixture
from fststyle.runtime.frame_stylizer import load_for_settings
from fststyle.runtime.image import stylize_picture
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import Style
from fststyle.settings import check
from fststyle.web.errors import BusyError

LOADED = 6
"""Maximum number of loaded styles."""
WAITING = 128
"""Maximum number of images that are waiting or being stylized. Large uploads wait on disk."""
MIXED = 3
"""Maximum number of styles in a mixture."""

MEDIA_TYPES = {
    **{"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"},
    **{"AVIF": "image/avif", "TIFF": "image/tiff", "BMP": "image/bmp", "JPEG2000": "image/jp2"},
    **{"HEIF": "image/heic", "JXL": "image/jxl", "PPM": "image/x-portable-pixmap"},
}
SUFFIXES = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "HEIF": ".heic"}
"""File suffixes, by format. The suffix of any other format is its name."""


@dataclass(frozen=True)
class PaintedPhoto:
    """A stylized image as an encoded file.

    ``suffix`` begins with a dot. ``width`` and ``height`` are in pixels. ``seconds`` is the processing time,
    which excludes the time in the queue.
    """

    content: bytes
    media_type: str
    suffix: str
    width: int
    height: int
    seconds: float


def checked_style(text: str) -> str:
    """Check that a text such as "udnie" or "udnie:0.6,great-wave:0.4" names only styles of the catalogue.

    Files are refused. Returns the text with the weights scaled to a sum of 1. Raises `InputError` for invalid
    text or more than `MIXED` styles, and `StyleError` for an unknown name.
    """
    parts = parse_mixture(text)
    if len(parts) > MIXED:
        raise InputError(f"a mixture may have at most {MIXED} styles")
    known = {entry.name for entry in catalogue.styles()}
    for name, _ in parts:
        if name not in known:
            raise StyleError(f"no style is called {name[:80]!r}")
    return ",".join(f"{name}:{share:.6f}" for name, share in parts) if len(parts) > 1 else parts[0][0]


class PaintingPool:
    """Stylizes images in a thread pool, with a cache of the `LOADED` most recently used styles.

    The pool has one thread per two CPU cores plus one, so that an image can be decoded or encoded while
    another is stylized. The number of threads bounds the memory, regardless of the number of clients.

    ``device`` is the device for stylization, as in `ImageSettings`. ``max_pixels`` limits the size of an
    image, as in `fststyle.io.images.read`.
    """

    def __init__(self, device: str = "auto", max_pixels: int = images.MAX_PIXELS):
        self.device, self.max_pixels = device, max_pixels
        self._styles: OrderedDict[tuple[object, ...], Style] = OrderedDict()
        self._lock = threading.Lock()
        threads = 1 + (os.cpu_count() or 1) // 2
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="fststyle-painting")
        self._waiting = 0
        # One more than the number of threads, so that the next image is ready when a thread becomes idle.
        self._turns = asyncio.Semaphore(threads + 1)

    async def paint(
        self,
        photo: BinaryIO,
        settings: ImageSettings,
        format: str | None = None,
        gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> PaintedPhoto:
        """Stylize the image in an open binary file.

        Args:
            photo: the file.
            settings: the settings; their device is replaced by that of the pool.
            format: format of the result, as a Pillow name or a suffix; None is the format of the image, or
                PNG if that format cannot be written.
            gone: async function that returns whether the client has disconnected. It is called before the
                image is stylized.

        Raises:
            InputError: the image cannot be read, a setting is invalid, or the client has disconnected.
            OutputError: the image cannot be written in the format.
            StyleError: the style does not exist or fails.
            DeviceError: the device of the pool is not available.
            DependencyError: the package for an image format is not installed.
            BusyError: too many images are waiting.
        """
        if self._waiting >= WAITING:
            raise BusyError(f"{WAITING} images are waiting or being stylized; try again later")
        self._waiting += 1
        try:
            async with self._turns:
                if gone is not None and await gone():
                    raise InputError("the client has disconnected")
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, self.paint_now, photo, settings, format
                )
        finally:
            self._waiting -= 1

    def paint_now(
        self, photo: BinaryIO | bytes, settings: ImageSettings, format: str | None = None
    ) -> PaintedPhoto:
        """Stylize an image, given as an open binary file or as bytes, in the calling thread.

        The other arguments, the result and the errors are those of `paint`, except that `BusyError` is not
        raised.
        """
        check(settings)
        begin = time.perf_counter()
        picture = images.read(photo, max_pixels=self.max_pixels)
        painted = stylize_picture(picture, self.style(settings), settings)
        kind = images_format(format, picture)
        file = io.BytesIO()
        images.write(
            painted,
            file,
            format=kind,
            quality=settings.quality,
            lossless=settings.lossless,
            strip_metadata=settings.strip_metadata,
        )
        height, width = painted.size
        return PaintedPhoto(
            file.getvalue(),
            MEDIA_TYPES[kind],
            SUFFIXES.get(kind, f".{kind.lower()}"),
            width,
            height,
            round(time.perf_counter() - begin, 3),
        )

    def style(self, settings: ImageSettings) -> Style:
        """Return the style ``settings.style`` on the device of the pool, from the cache if possible.

        ``settings.style`` may be a mixture (`checked_style`). Raises `InputError` if its text is invalid,
        `StyleError` if a style cannot be loaded, and `DeviceError` if the device is not available.
        """
        text = checked_style(settings.style)
        settings = replace(settings, style=text, device=self.device)
        # A user's file may have been replaced by another file with the same name.
        files = tuple(_version(catalogue.find(name)) for name, _ in parse_mixture(text))
        # A strength below 1 may need the float file instead of the int8 file.
        key = (text, settings.precision, settings.strength < 1, *files)
        with self._lock:  # so that concurrent requests do not load the same style twice
            style = self._styles.pop(key, None) or load_for_settings(settings, text)
            self._styles[key] = style
            while len(self._styles) > LOADED:
                self._styles.popitem(last=False)
        return style

    def close(self) -> None:
        """Wait for the images that are being stylized, and stop the threads. Waiting images are dropped."""
        self._pool.shutdown(cancel_futures=True)


def images_format(format: str | None, picture: images.Picture) -> str:
    """Return the Pillow name of ``format``, which is a Pillow name or a suffix.

    If ``format`` is None or empty, return the format of ``picture``, or "PNG" if that cannot be written.
    Raises `OutputError` if ``format`` cannot be written, and `DependencyError` if it needs a package that is
    not installed.
    """
    if format:
        return format_of(format, "format")
    return picture.format if picture.format in images.WRITABLE.values() else "PNG"  # type: ignore[return-value]


def _version(entry: catalogue.Entry) -> tuple[str, int]:
    """Return the path of a style file and its modification time in nanoseconds.

    Raises `StyleError` if the file cannot be accessed.
    """
    try:
        return str(entry.path), entry.path.stat().st_mtime_ns
    except OSError as error:
        raise StyleError(f"{entry.name}: cannot be read: {error.strerror}") from error
