"""Video files, read through PyAV: frames as RGB arrays with their own times, packets of sound and subtitles
as they are.
"""

import itertools
import math
import os
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, InputError
from fststyle.runtime.style import MIN_SIDE
from fststyle.runtime.video.formats.base import Item, Packet, Shot, Source
from fststyle.runtime.video.formats.colorimetry import HDR, rgb_of
from fststyle.signals import postponed

MAX_PIXELS = 8192 * 8192
_ATTACHED_PICTURE = 0x400
_MARGIN = 1.0
_BACK = 0.1
"""Seconds that times must go back by to be a beginning and no mere disorder."""
_STATING = ("mov", "matroska")
"""Containers whose header states how long they are, so that one that breaks off is known by it; of an AVI
that is guessed from the size of the file.
"""
_DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Matroska's tag of a stream: when its last frame ends, as FFmpeg and mkvmerge write it."""
_SEE_THROUGH = ("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16")
"""How FFmpeg's names of pixels with transparency begin."""
_UNCOUNTED = 1 << 30
"""From here on an AVI's number of frames is none: what FFmpeg writes where it cannot go back to the header,
as in a pipe.
"""

# What H.273 defines of primaries, and of transfers for standard dynamic range.
_PRIMARIES = {1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22}
_TRANSFERS = {1, 4, 5, 6, 7, 11, 12, 13, 14, 15}


def av() -> Any:
    """PyAV. Raises `DependencyError` with the line that installs it."""
    try:
        with postponed():
            import av
    except ImportError as error:
        raise DependencyError(f"video needs PyAV: pip install av [{error}]") from error
    # None, and no level at all: with any, FFmpeg's threads wait for Python to hear their errors, while Python
    # waits for them to end (PyAV's issue 909).
    av.logging.set_level(None)
    return av


class Reader(Source):
    """A video file. Raises `InputError` for what is missing, no video, without frames or too large."""

    def __init__(self, path: Path):
        super().__init__()
        self.name, self.path = str(path), path
        self._av = av()
        self._turned = False  # by a quarter, so that its pixels are as high as they were wide
        self._untimed = False  # a frame came without a time
        self._wanted = 0.0
        if not path.is_file():
            found = (
                "is a folder, not a video"
                if path.is_dir()
                else "is no file that can be searched"
                if path.exists()
                else "no such file"
            )
            raise InputError(f"{path}: {found}")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty")
        self._open()
        self.metadata, self.chapters = dict(self.container.metadata), self.container.chapters()
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.origin = (self.container.start_time or 0) / 1e6
        stated = (
            self.stream.duration * self.stream.time_base
            if self.stream.duration
            else (self.container.duration or 0) / 1e6
        )
        self.seconds = float(stated) or None
        if (self.stream.codec_context.pix_fmt or "").startswith(_SEE_THROUGH) or self.stream.metadata.get(
            "alpha_mode"
        ) == "1":
            self.notes.append(f"{path}: its transparency is left out")
        self._transfer = int(self.stream.codec_context.color_trc)
        if self._transfer in HDR:
            self.notes.append(
                f"{path}: its high dynamic range ({HDR[self._transfer]}) is painted and written as BT.709,"
                " highlights pressed together"
            )
        self.frames = self.stream.frames or (round(self.seconds * self.rate) if self.seconds else None)

    @property
    def aspect(self) -> Fraction | None:
        told = self.stream.sample_aspect_ratio
        return (1 / told if self._turned else told) if told else None

    @property
    def colours(self) -> tuple[int, int]:
        """The file's own where it states them and they are not those of high dynamic range, which is brought
        down to BT.709.
        """
        context = self.stream.codec_context
        told = int(context.color_primaries), int(context.color_trc)
        return (
            (1, 1)
            if told[1] in HDR
            else (told[0] if told[0] in _PRIMARIES else 1, told[1] if told[1] in _TRANSFERS else 1)
        )

    def seek(self, seconds: float) -> None:
        self._wanted = seconds

    def __iter__(self) -> Iterator[Item]:
        if self._wanted > _MARGIN:
            # Sound may lie a little before the pictures it belongs to, so a little more is read than the
            # frames need.
            if (found := self._found(self._wanted - _MARGIN)) is not None:
                yield from found
                return
            self.container.close()
            self._open()
        yield from self._items()

    def _found(self, seconds: float) -> Iterator[Item] | None:
        """Everything from a key frame before this time on, or None where the file cannot be searched for
        it.
        """
        try:
            self.container.seek(int((seconds + self.origin) / self.stream.time_base), stream=self.stream)
        except (self._av.error.FFmpegError, OSError, OverflowError):
            return None
        items, begin = self._items(), []
        for item in items:
            begin.append(item)
            if isinstance(item, Shot):
                break
        self.broken, broken = None, self.broken
        if (
            not begin
            or not isinstance(begin[-1], Shot)
            or self._untimed
            or begin[-1].seconds - self.origin > seconds + _MARGIN
            or broken
        ):
            return None
        return itertools.chain(begin, items)

    def _items(self) -> Iterator[Item]:
        ffmpeg_error, end = self._av.error.FFmpegError, self._av.error.EOFError
        step = max(1, round(1 / (self.rate * self.stream.time_base)))
        last, shown, reached, damaged = None, 0.0, 0.0, 0
        join = _Join(self.container.format.name.startswith("mpeg"), float(1 / self.rate))
        unordered = _Unordered(16 * step) if self.container.format.name == "avi" else None
        packets = self.container.demux([self.stream, *self.others])
        while True:
            packet = None
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                join.mend(packet)
                if (stamp := packet.dts if packet.pts is None else packet.pts) is not None:
                    until = float((stamp + (packet.duration or 0)) * packet.time_base)
                    reached = max(reached, until)
                    if packet.stream is self.stream:
                        shown = max(shown, until)
                if packet.stream is not self.stream:
                    if packet.dts is not None:
                        yield packet
                    continue
                if unordered is not None:
                    unordered.begin(packet)
                frames = packet.decode()
            except end:
                break
            except (ffmpeg_error, OSError, ValueError) as error:
                # A damaged packet in the middle costs a frame or two; the rest of the file still counts.
                self.broken = self.broken or reason(error)
                if isinstance(error, self._av.error.InvalidDataError) and packet is not None:
                    continue
                return
            for frame in frames:
                # Those at the very beginning may lack what was before the recording: no damage.
                damaged += bool(frame.is_corrupt) and last is not None
                told = frame.pts if unordered is None else unordered.time_of(frame)
                self._untimed |= told is None
                pts = told if told is not None else 0 if last is None else last + step
                if last is not None and pts <= last:
                    pts = last + 1
                last = pts
                rgb = self._upright(frame)
                yield Shot(
                    rgb,
                    pts,
                    frame.time_base or self.stream.time_base,
                    getattr(frame, "duration", None) or None,
                )
        self.broken = self.broken or self._cut_off(shown - self.origin, reached - self.origin)
        if damaged and not self.broken:
            self.broken = f"{damaged} of its frames are damaged"

    def _cut_off(self, shown: float, reached: float) -> str | None:
        """What to say of a file whose last frame, or last packet of all, ends clearly before it should; None
        for a whole one.
        """
        stated, counted = (self.container.duration or 0) / 1e6, self._counted()
        if counted - shown > min(1 + 0.01 * counted, max(2 / float(self.rate), 0.05 * counted)):
            return f"it ends after {max(0.0, shown):.1f} of {counted:.1f} seconds"
        read = [self.stream, *self.others]
        # one not read may be the longest
        if sum(
            stream.type != "attachment" and not _attached(stream) for stream in self.container.streams
        ) > len(read):
            lengths = [float(stream.duration * stream.time_base) for stream in read if stream.duration]
            stated = max(lengths, default=0.0)
        if self.container.format.name.startswith("matroska"):
            stated -= max(0.0, self.origin)  # counted from 0, whenever its first frame is
        if self.container.format.name.startswith(_STATING) and stated - reached > 1 + 0.01 * stated:
            return f"it ends after {reached:.1f} of {stated:.1f} seconds"
        return None

    def _counted(self) -> float:
        """When the last frame ends by the container's table of frames, or by what Matroska's says of its
        video; 0 where neither is there.

        By their times: an edit list leaves out frames that are counted, and an AVI counts those that are
        dropped.
        """
        stream, form = self.stream, self.container.format.name
        if form.startswith("matroska") and (
            found := _DURATION.fullmatch(stream.metadata.get("DURATION", ""))
        ):
            hours, minutes, seconds = (float(part) for part in found.groups())
            return (
                min(3600 * hours + 60 * minutes + seconds, (self.container.duration or 0) / 1e6) - self.origin
            )
        if form == "avi":
            ticks = stream.frames if stream.frames < _UNCOUNTED else 0
        else:
            ticks = (stream.duration or 0) if form.startswith("mov") and stream.frames else 0
        return float(((stream.start_time or 0) + ticks) * stream.time_base) - self.origin if ticks else 0.0

    def close(self) -> None:
        self.container.close()

    def _upright(self, frame: Any) -> RGB:
        """RGB of a decoded frame, turned and mirrored as its display matrix says."""
        rgb = rgb_of(frame, self._transfer)
        mirrored, quarter = _orientation(frame)
        self._turned = bool(quarter % 2)
        return (
            np.ascontiguousarray(np.rot90(rgb[:, ::-1] if mirrored else rgb, quarter))
            if mirrored or quarter
            else rgb
        )

    def _open(self) -> None:
        try:
            # The whole path: a name with a colon in it would be taken for a URL.
            self.container = self._av.open(os.path.abspath(self.path), metadata_errors="ignore")
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.path}: is not a video ({reason(error)})") from error
        try:
            videos = [stream for stream in self.container.streams.video if not _attached(stream)]
            if not videos:
                raise InputError(f"{self.path}: holds no video stream")
            self.stream = videos[0]
            context = self.stream.codec_context
            if context is None:
                raise InputError(f"{self.path}: its video codec is not known here")
            if (
                not min(context.width, context.height) >= MIN_SIDE
                or context.width * context.height > MAX_PIXELS
            ):
                raise InputError(
                    f"{self.path}: {context.width}x{context.height} pixels is not between"
                    f" {MIN_SIDE}x{MIN_SIDE} and 8192x8192"
                )
            self.stream.thread_type = "AUTO"
        except InputError:
            self.container.close()
            raise
        # Sound and subtitles; data streams (timecodes, telemetry) have no meaning outside their own
        # container.
        self.others = [
            s
            for s in self.container.streams
            if s.type in ("audio", "subtitle") and s.codec_context is not None
        ]


def _orientation(frame: Any) -> tuple[bool, int]:
    """Whether a frame is to be mirrored, left to right, and by how many quarters it is turned then, against
    the clock.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, 0
    # A place (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return mirrored, round(math.degrees(math.atan2(-b, a)) / 90) % 4


def _attached(stream: Any) -> bool:
    """Whether it is a cover and no video."""
    return bool(int(stream.disposition) & _ATTACHED_PICTURE)


class _Unordered:
    """An AVI says when its frames are decoded, not when they are shown, and FFmpeg's guess is wrong where
    some look ahead at others (B-frames).

    The frames come out in their order, each with the time of the packet that let it out, which is late by as
    many frames as the decoder keeps back.
    """

    def __init__(self, most: int):
        self._most = most
        self._first: int | None = None
        self._late: int | None = None

    def begin(self, packet: Packet) -> None:
        """Note the first packet."""
        self._first = packet.dts if self._first is None else self._first

    def time_of(self, frame: Any) -> int | None:
        """When the next frame is shown, None where that is not told."""
        if frame.dts is None or self._first is None:
            return None
        if self._late is None:
            # More than a decoder keeps: what came first was damaged.
            self._late = late if (late := frame.dts - self._first) <= self._most else 0
        return frame.dts - self._late


class _Join:
    """Recordings laid end to end in one file begin anew in the middle, as transport streams may: what comes
    then is moved behind what there was.
    """

    def __init__(self, possible: bool, usual: float):
        self._possible, self._usual, self._moved, self._end = possible, usual, 0.0, 0.0
        self._last: dict[int, float] = {}

    def mend(self, packet: Packet) -> None:
        """Move the packet's times, in place."""
        if not self._possible or packet.dts is None:
            return
        begins = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
        if (decoded := float(packet.dts * packet.time_base)) + self._moved < self._last.get(
            packet.stream.index, -math.inf
        ) - _BACK:
            self._moved = self._end - begins
        self._last[packet.stream.index] = decoded + self._moved
        lasts = float(packet.duration * packet.time_base) if packet.duration else self._usual
        self._end = max(self._end, begins + self._moved + lasts)
        if self._moved:
            by = round(self._moved / packet.time_base)
            packet.pts, packet.dts = None if packet.pts is None else packet.pts + by, packet.dts + by


def reason(error: Exception) -> str:
    """What FFmpeg says, without its codes."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
