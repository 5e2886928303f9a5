"""Raw frames in pipes: rgb24, row after row, nothing between the frames, as ``ffmpeg -f rawvideo -pix_fmt rgb24`` reads and writes them."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from fststyle.errors import InputError, OutputError
from fststyle.runtime.session import MIN_SIDE
from fststyle.runtime.shots import Shot, Sink, Source


def parse_size(text: str, flag: str = "--frame-size") -> tuple[int, int]:
    """``"640x480"`` -> (480, 640). Raises `InputError`, which names the option it came by."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if not found or not all(MIN_SIDE <= int(side) <= 16384 for side in found.groups()):
        raise InputError(f"{flag}: {text!r} is not WIDTHxHEIGHT of {MIN_SIDE} to 16384 pixels")
    return int(found[2]), int(found[1])


class RawSource(Source):
    """Frames of ``size`` (H, W) from a pipe, ``rate`` a second."""

    def __init__(self, stdin: BinaryIO, size: tuple[int, int], rate: Fraction):
        super().__init__()
        self.name, self.rate = "stdin", rate
        self._stdin, self._size = stdin, size

    def __iter__(self) -> Iterator[Shot]:
        import numpy as np

        height, width = self._size
        length, number = height * width * 3, 0
        while content := self._stdin.read(length):
            if len(content) < length:
                self.broken = f"its last frame has {len(content)} of {length} bytes; is --frame-size right?"
                return
            yield Shot(np.frombuffer(content, np.uint8).reshape(height, width, 3), number, 1 / self.rate, 1)
            number += 1


class RawSink(Sink):
    """Frames into a pipe, one after another; when each was shown is lost."""

    keeps_times = False

    def __init__(self, stdout: BinaryIO, source: Source):
        super().__init__()
        self._stdout = stdout
        self.lost = [f"{stream.type} {stream.codec_context.name}" for stream in source.others]

    def write(self, shot: Shot) -> None:
        import numpy as np

        try:
            left = np.ascontiguousarray(shot.rgb).data.cast("B")
            while left:  # a pipe without a buffer takes as much as it has room for
                left = left[self._stdout.write(left) :]
            self._stdout.flush()
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot be written: {getattr(error, 'strerror', None) or error}") from error
