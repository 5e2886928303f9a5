"""Animated GIF, WebP and PNG as video, with transparency: read by Pillow, written frame by frame."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from fststyle.errors import InputError, OutputError
from fststyle.io import animation, images
from fststyle.io.animation import DEFAULT_MS, Assembler
from fststyle.io.pixels import Frame, uncovered
from fststyle.runtime.video.formats.base import Shot, Sink, Source

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
"""Suffix of an output -> Pillow's name of the format."""

HIGHEST_RATE = {".gif": 50, ".webp": 90, ".apng": 90}
"""Frames a second: browsers show a frame of a hundredth of a second or less for ten, and a GIF counts in
whole ones.
"""

_MAGIC = (b"GIF8", b"\x89PNG\r\n\x1a\n")
DAMAGED = "is damaged ("
"""As `fststyle.io.images` begins to say so, and as the program does of a video."""
_MILLISECOND = Fraction(1, 1000)
_QUALITY = 90
_MAX_PIXELS = 8192 * 8192


def recognised(path: Path) -> bool:
    """Whether the file begins as an animated picture does, whatever it is called."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith(_MAGIC) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")


class AnimationSource(Source):
    """An animated picture; a frame without a time, or with one of 10 ms and less, is shown for 100 ms, as
    browsers do.

    Raises `InputError` for what is no picture and for a still.
    """

    animated = True

    def __init__(self, path: Path):
        super().__init__()
        self.name, self.path = str(path), path
        outline = images.outline(path, max_pixels=_MAX_PIXELS)
        if outline.frames < 2:
            raise InputError(f"{path}: is a still picture; paint it with `fststyle image`")
        self.frames, self.loop = outline.frames, outline.loop
        self.rate = Fraction(1000, DEFAULT_MS)

    def __iter__(self) -> Iterator[Shot]:
        clock = 0
        try:
            for frame in images.stream(self.path, max_pixels=_MAX_PIXELS):
                told = frame.duration_ms
                shown = DEFAULT_MS if told is None or told <= 10 else told
                yield Shot(uncovered(frame).rgb, clock, _MILLISECOND, shown, frame.alpha)
                clock += shown
        except InputError as error:
            if not clock:
                raise
            reason = str(error).removeprefix(f"{self.path}: ")
            self.broken = (
                reason.removeprefix(DAMAGED).removesuffix(")") if reason.startswith(DAMAGED) else reason
            )


class AnimationSink(Sink):
    """An animated picture being written at ``path``; it plays as often as ``source``, a video for ever."""

    def __init__(self, path: Path, suffix: str, source: Source, rate: Fraction):
        super().__init__()
        self._file, self._kind, self._loop = path.open("r+b"), FORMATS[suffix.lower()], source.loop
        self._alpha = source.animated or source.transparent
        self._still = Fraction(1) / rate
        self._waiting: Shot | None = None
        self._assembler: Assembler | None = None

    def write(self, shot: Shot) -> None:
        """A frame is written when the next one tells how long it is shown."""
        if self._waiting is not None:
            self._add(self._waiting, shot.pts * shot.time_base)
        self._waiting = shot

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
        except OSError:  # what is still buffered has no place to go
            return

    def _add(self, shot: Shot, until: Fraction) -> None:
        milliseconds = max(0, round(until * 1000) - round(shot.pts * shot.time_base * 1000))
        try:
            if self._assembler is None:
                self._alpha |= shot.alpha is not None
                self._assembler = animation.ASSEMBLERS[self._kind](self._file, shot.rgb.shape[:2], self._loop)
            still = images.encode(
                Frame(shot.rgb, shot.alpha), self._kind, alpha=self._alpha, quality=_QUALITY
            )
            self._assembler.add(still, milliseconds)
        except Exception as error:  # of Pillow's encoders, which raise what they like
            raise _failed(self._kind, error) from error


def _failed(kind: str, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputError(f"cannot be written as {kind}: {reason}")
