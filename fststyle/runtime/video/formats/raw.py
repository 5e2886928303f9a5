"""Read and write raw rgb24 frames in pipes, like ``ffmpeg -f rawvideo -pix_fmt rgb24``."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import numpy as np

from fststyle.errors import InputError, OutputError
from fststyle.io.pixels import MIN_SIDE, on_white
from fststyle.runtime.video.formats.base import TRANSPARENCY, Sink, Source, TimedFrame


def parse_size(text: str, flag: str = "--frame-size") -> tuple[int, int]:
    """Parse WIDTHxHEIGHT, such as ``"640x480"``, and return (H, W).

    Raises `InputError`, with the option ``flag`` in the message, for any other text, and for a side below
    `MIN_SIDE` or above 16384 pixels.
    """
    found = re.fullmatch(r"(\d{1,9})x(\d{1,9})", text.strip().lower())
    if not found:
        raise InputError(f"{flag}: {text!r} is not WIDTHxHEIGHT, such as 640x480")
    if not all(MIN_SIDE <= int(side) <= 16384 for side in found.groups()):
        raise InputError(f"{flag}: both sides of {text!r} must be from {MIN_SIDE} to 16384 pixels")
    return int(found[2]), int(found[1])


def unbuffered(stream: BinaryIO) -> BinaryIO:
    """Return the raw stream of a buffered stream, or the stream itself if it has none.

    A thread that is blocked in a buffered stream holds a lock that Python needs at exit.
    """
    return getattr(stream, "raw", stream)


class RawSource(Source):
    """Source that reads rgb24 frames of ``size`` (H, W) from a pipe, with ``rate`` frames per second.

    Iterating raises `InputError` if the pipe cannot be read. An incomplete last frame is dropped and reported
    in ``broken``.
    """

    def __init__(self, stdin: BinaryIO, size: tuple[int, int], rate: Fraction):
        super().__init__()
        self.name, self.rate = "stdin", rate
        self._stdin, self._size = unbuffered(stdin), size

    def __iter__(self) -> Iterator[TimedFrame]:
        height, width = self._size
        length, number = height * width * 3, 0
        while content := self._frame(length):
            if len(content) < length:
                self.broken = f"its last frame has {len(content)} of {length} bytes; check --frame-size"
                return
            yield TimedFrame(
                np.frombuffer(content, np.uint8).reshape(height, width, 3), number, 1 / self.rate, 1
            )
            number += 1

    def _frame(self, length: int) -> bytes:
        """Read ``length`` bytes, or fewer at the end of the stream. Raises `InputError` if reading fails."""
        parts, left = [], length
        try:
            while left and (part := self._stdin.read(left)):
                parts.append(part)
                left -= len(part)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from error
        return b"".join(parts)


class RawSink(Sink):
    """Sink that writes rgb24 frames to a pipe, without timestamps. Transparency is composited on white."""

    keeps_times = False

    def __init__(self, stdout: BinaryIO, source: Source):
        super().__init__()
        self._stdout = unbuffered(stdout)
        if source.transparent:
            self.notes.append("transparency is composited on white, since raw frames are rgb24")
            self.lost.append(TRANSPARENCY)

    def write(self, timed: TimedFrame) -> None:
        rgb = timed.rgb if timed.alpha is None else on_white(timed.rgb, timed.alpha)
        try:
            left = np.ascontiguousarray(rgb).data.cast("B")
            while left:  # an unbuffered pipe may accept only a part
                left = left[self._stdout.write(left) :]
            self._stdout.flush()
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            raise OutputError(f"stdout: cannot be written: {problem}") from error
