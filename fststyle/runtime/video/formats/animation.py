"""Read and write animated GIF, WebP, PNG and AVIF as video, with transparency."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from fststyle.errors import InputError, OutputError
from fststyle.io import animation, images
from fststyle.io.animation import DEFAULT_MS, Assembler
from fststyle.io.encode import PARTIAL, is_partial
from fststyle.io.pixels import Frame, uncovered
from fststyle.runtime.video.formats.base import Sink, Source, TimedFrame

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
"""Pillow format name for each output suffix."""

MAX_RATE = {".gif": 50, ".webp": 90, ".apng": 90, ".png": 90}
"""Maximum frame rate in frames per second by output suffix. Browsers show frames of 10 ms or less for 100 ms,
and GIF durations are multiples of 10 ms.
"""

_MAGIC = (b"GIF8", b"\x89PNG\r\n\x1a\n")
_HEADER = 1 << 16
"""Number of bytes at the start of a file that are searched for an animation marker."""
_AVIF = (b"ftypavis", b"ftypavif")
DAMAGED = "is damaged ("
"""Start of the error message of `fststyle.io.images` for a damaged file."""
_MILLISECOND = Fraction(1, 1000)
_QUALITY = 90
_MAX_PIXELS = 8192 * 8192


def is_animation_format(path: Path) -> bool:
    """Return whether a file is to be opened with `AnimationSource`.

    These are GIF, PNG and WebP files, including still images, and animated AVIF files with transparency. The
    format is detected from the content, not from the suffix. Returns False if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    if head[4:] in _AVIF:
        return _is_transparent_animation(path)
    return head.startswith(_MAGIC) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")


def is_animation(path: Path) -> bool:
    """Return whether a file is an animated PNG, WebP or AVIF image.

    Only the beginning of the file is read for most still images. Returns False if the file cannot be read,
    and True if it has the marker of an animation but is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except OSError:
        return False
    if head[4:12] == _AVIF[0]:
        return True
    webp = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20:21]) and bool(head[20] & 2)
    if not webp and not (head.startswith(_MAGIC[1]) and b"acTL" in head):
        return False
    try:
        return images.outline(path, max_pixels=_MAX_PIXELS).frames > 1
    except InputError:
        return True  # the error is reported when the file is stylized


def _is_transparent_animation(path: Path) -> bool:
    """Return whether Pillow reads an AVIF file as an animation with an alpha channel.

    Returns False if Pillow cannot read the file. FFmpeg would return the alpha channel as a separate stream.
    Other AVIF files are read with FFmpeg, since only FFmpeg reports the transfer characteristic, which is
    needed to convert HDR.
    """
    try:
        outline = images.outline(path, max_pixels=_MAX_PIXELS)
    except InputError:
        return False
    return outline.frames > 1 and outline.alpha


class AnimationSource(Source):
    """Source that reads an animated image.

    As in browsers, frames of 10 ms or less, or without a duration, are shown for 100 ms. If the file is
    damaged after the first frame, the readable frames are yielded, and ``broken`` is the reason. Raises
    `InputError` for a file that is not an image, is too small or too large, or is a still image.
    """

    animated = True

    def __init__(self, path: Path):
        super().__init__()
        self.name, self.path = str(path), path
        outline = images.outline(path, max_pixels=_MAX_PIXELS)
        if outline.frames < 2:
            raise InputError(f"{path}: is a still image; use `fststyle image`")
        self.frames, self.loop = outline.frames, outline.loop
        self.lost += [*outline.lost, *outline.metadata]
        self.rate = Fraction(1000, DEFAULT_MS)

    def __iter__(self) -> Iterator[TimedFrame]:
        clock, opaque = 0, self._is_opaque()
        try:
            for frame in images.stream(self.path, max_pixels=_MAX_PIXELS):
                stated = frame.duration_ms
                shown = DEFAULT_MS if stated is None or stated <= 10 else stated
                yield TimedFrame(
                    uncovered(frame).rgb, clock, _MILLISECOND, shown, None if opaque else frame.alpha
                )
                clock += shown
        except InputError as error:
            if not clock:
                raise
            reason = str(error).removeprefix(f"{self.path}: ")
            self.broken = (
                reason.removeprefix(DAMAGED).removesuffix(")") if reason.startswith(DAMAGED) else reason
            )

    def _is_opaque(self) -> bool:
        """Return whether all pixels of all readable frames are opaque.

        Frames are decoded up to the first one that is not opaque. If a frame cannot be read, the check ends
        there, and only the frames before it count. The presence of an alpha channel alone is not enough: a
        file may have one just because some frames update only a part of the previous frame.
        """
        try:
            frames = images.stream(self.path, max_pixels=_MAX_PIXELS)
            return all(frame.alpha is None or frame.alpha.min() == 255 for frame in frames)
        except InputError:
            return True  # all readable frames are opaque


class AnimationSink(Sink):
    """Sink that writes an animated image to the existing file ``path``.

    ``suffix`` is a key of `FORMATS`. The animation repeats as often as ``source``, or forever if ``source``
    is not an animated image. If the last frame has no duration, it is shown for 1 / ``rate`` seconds.
    """

    def __init__(self, path: Path, suffix: str, source: Source, rate: Fraction):
        super().__init__()
        self._file, self._kind, self._loop = path.open("r+b"), FORMATS[suffix.lower()], source.loop
        self._alpha = source.animated or source.transparent
        self._still = Fraction(1) / rate
        self._waiting: TimedFrame | None = None
        self._assembler: Assembler | None = None

    def write(self, timed: TimedFrame) -> None:
        """Add a frame. It is encoded in the next call or in `close`, since its duration depends on the
        timestamp of the next frame.

        Raises `OutputError` if the previous frame cannot be encoded or written.
        """
        if self._waiting is not None:
            self._add(self._waiting, timed.pts * timed.time_base)
        self._waiting = timed

    def close(self) -> None:
        if self._waiting is not None:
            last = self._waiting
            self._add(
                last,
                last.pts * last.time_base
                + (last.duration * last.time_base if last.duration else self._still),
            )
            self._waiting = None
        try:
            if self._assembler is not None:
                self._assembler.close()
            self._file.close()
        except OSError as error:
            raise _failed(self._kind, error) from error

    def abandon(self) -> None:
        try:
            self._file.close()
        except OSError:  # buffered data cannot be written
            return

    def _add(self, timed: TimedFrame, until: Fraction) -> None:
        if self._kind == "GIF" and PARTIAL not in self.lost and is_partial(timed.alpha):
            self.lost.append(PARTIAL)
        milliseconds = max(0, round(until * 1000) - round(timed.pts * timed.time_base * 1000))
        try:
            if self._assembler is None:
                self._alpha |= timed.alpha is not None
                self._assembler = animation.ASSEMBLERS[self._kind](
                    self._file, timed.rgb.shape[:2], self._loop
                )
            still = images.encode(
                Frame(timed.rgb, timed.alpha), self._kind, alpha=self._alpha, quality=_QUALITY
            )
            self._assembler.add(still, milliseconds)
        except Exception as error:  # Pillow's encoders raise various exceptions
            raise _failed(self._kind, error) from error


def _failed(kind: str, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputError(f"cannot be written as {kind}: {reason}")
