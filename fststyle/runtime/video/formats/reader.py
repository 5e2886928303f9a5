"""Video files, read through PyAV: frames as RGB arrays with their own times, packets of sound and subtitles
as they are.
"""

import itertools
import math
import os
import re
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.arrays import RGB, Gray
from fststyle.errors import InputError
from fststyle.io.pixels import Frame, uncovered
from fststyle.runtime.style import MIN_SIDE
from fststyle.runtime.video.formats.base import Item, Shot, Source
from fststyle.runtime.video.formats.clock import Join, Unordered
from fststyle.runtime.video.formats.colorimetry import HDR, alpha_of, rgb_of, see_through
from fststyle.runtime.video.formats.contents import is_cover, others_of, video_of
from fststyle.runtime.video.formats.deinterlace import Deinterlacer
from fststyle.runtime.video.formats.library import av, reason

MAX_PIXELS = 8192 * 8192
_MARGIN = 1.0
_STATING = ("mov", "matroska")
"""Containers whose header states how long they are, so that one that breaks off is known by it; of an AVI
that is guessed from the size of the file.
"""
_DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Matroska's tag of a stream: when its last frame ends, as FFmpeg and mkvmerge write it."""
_UNCOUNTED = 1 << 30
"""From here on an AVI's number of frames is none: what FFmpeg writes where it cannot go back to the header,
as in a pipe.
"""

# What H.273 defines of primaries, and of transfers for standard dynamic range.
_PRIMARIES = {1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22}
_TRANSFERS = {1, 4, 5, 6, 7, 11, 12, 13, 14, 15}


class Reader(Source):
    """A video file. ``deinterlace`` and ``field_rate``: `fststyle.runtime.video.formats.deinterlace`.

    Raises `InputError` for a file that is missing, no video, without frames or too large.
    """

    def __init__(self, path: Path, deinterlace: str = "auto", field_rate: str = "halve"):
        super().__init__()
        self._deinterlace = deinterlace, field_rate
        self.name, self.path = str(path), path
        self._av = av()
        self._turned = False  # by a quarter, so that its pixels are as high as they were wide
        self._untimed = False  # a frame came without a time
        self._wanted = 0.0
        self._packets_only = self._told = False
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
        self.stream_metadata = dict(self.stream.metadata)
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.origin = (self.container.start_time or 0) / 1e6
        stated = (
            self.stream.duration * self.stream.time_base
            if self.stream.duration
            else (self.container.duration or 0) / 1e6
        )
        self.seconds = float(stated) or None
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
        if self._wanted > _MARGIN and not self._packets_only:
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
        join = Join(self.container.format.name.startswith("mpeg"), float(1 / self.rate))
        unordered = Unordered(16 * step) if self.container.format.name == "avi" else None
        progressive = Deinterlacer(*self._deinterlace)
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
                    if stamp is not None:
                        yield packet
                    continue
                if self._packets_only:
                    continue
                if unordered is not None:
                    unordered.begin(packet)
                frames = self._decoder(packet)
            except end:
                break
            except (ffmpeg_error, OSError, ValueError) as error:
                # A damaged packet in the middle costs a frame or two; the rest of the file still counts.
                self.broken = self.broken or reason(error)
                if isinstance(error, self._av.error.InvalidDataError) and packet is not None:
                    continue
                break
            for frame in frames:
                # Those at the very beginning may lack what was before the recording: no damage.
                damaged += bool(frame.is_corrupt) and last is not None
                told = frame.pts if unordered is None else unordered.time_of(frame)
                self._untimed |= told is None
                pts = told if told is not None else 0 if last is None else last + step
                if last is not None and pts <= last:
                    pts = last + 1
                frame.pts, frame.time_base = pts, frame.time_base or self.stream.time_base
                last = pts
                ready = list(progressive(frame))
                if progressive.active:
                    self._tell(progressive)
                yield from map(self._shot, ready)
        yield from map(self._shot, progressive.flush())
        self.broken = self.broken or self._cut_off(shown - self.origin, reached - self.origin)
        if damaged and not self.broken:
            self.broken = f"{damaged} of its frames are damaged"

    def _shot(self, frame: Any) -> Shot:
        duration = getattr(frame, "duration", None) or None
        rgb, alpha = self._upright(frame), self._transparency(frame)
        if alpha is not None:
            rgb = uncovered(Frame(rgb, alpha)).rgb
        return Shot(rgb, frame.pts, frame.time_base, duration, alpha)

    def _tell(self, progressive: Deinterlacer) -> None:
        """Note, with the first of them, that frames are deinterlaced."""
        if self._told:
            return
        self._told = True
        rate, self.rate = self.rate, self.rate * (2 if progressive.doubles else 1)
        if progressive.doubles and self.frames:
            self.frames *= 2
        how = (
            f"its {float(rate):g} frames become {float(self.rate):g} per second, one per field"
            if progressive.doubles
            else "two fields make one frame (--field-rate keep keeps both; --deinterlace off neither)"
        )
        self.notes.append(f"{self.path}: is interlaced and is deinterlaced: {how}")

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
            stream.type != "attachment" and not is_cover(stream) for stream in self.container.streams
        ) > len(read):  # one not read may be the longest
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

    def packets(self) -> Source:
        again = Reader(self.path)
        again._packets_only = True
        return again

    def _decoder_of(self, stream: Any) -> "Callable[[Any], list[Any]]":
        """What decodes the packets: FFmpeg's own decoders of VP8 and VP9 ignore the alpha channel, libvpx
        does not.
        """
        codec = stream.codec_context.codec.canonical_name
        self.transparent = see_through(stream.codec_context.pix_fmt)
        wanted = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(codec)
        if stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) != "1" or wanted is None:
            return lambda packet: packet.decode()  # type: ignore[no-any-return]
        try:
            context = self._av.CodecContext.create(wanted, "r")
        except (self._av.codec.codec.UnknownCodecError, ValueError):
            self.notes.append(
                f"{self.path}: its transparency is left out, which {wanted} decodes and is not here"
            )
            return lambda packet: packet.decode()  # type: ignore[no-any-return]
        self.transparent = True
        return lambda packet: context.decode(packet if packet.size else None)  # type: ignore[no-any-return]

    def cover(self, stream: Any) -> Any:
        try:
            with self._av.open(os.path.abspath(self.path), metadata_errors="ignore") as container:
                return next(
                    packet for packet in container.demux(container.streams[stream.index]) if packet.size
                )
        except (self._av.error.FFmpegError, OSError, ValueError, StopIteration):
            return None

    def close(self) -> None:
        self.container.close()

    def _upright(self, frame: Any) -> RGB:
        """RGB of a decoded frame, turned and mirrored as its display matrix says."""
        return self._turn(rgb_of(frame, self._transfer), frame)

    def _transparency(self, frame: Any) -> Gray | None:
        """Alpha of a decoded frame, uint8 (H, W), turned likewise; None for an opaque format."""
        alpha = alpha_of(frame)
        return None if alpha is None else self._turn(alpha, frame)

    def _turn(self, picture: Any, frame: Any) -> Any:
        mirrored, quarter = _orientation(frame)
        self._turned = bool(quarter % 2)
        if not mirrored and not quarter:
            return picture
        return np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, quarter))

    def _open(self) -> None:
        try:
            # The whole path: a name with a colon in it would be taken for a URL.
            self.container = self._av.open(os.path.abspath(self.path), metadata_errors="ignore")
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.path}: is not a video ({reason(error)})") from error
        try:
            self.stream = video_of(self.container.streams)
            if self.stream is None:
                raise InputError(f"{self.path}: holds no video stream")
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
            self._decoder = self._decoder_of(self.stream)
        except InputError:
            self.container.close()
            raise
        self.streams = [stream for stream in self.container.streams if stream.index != self.stream.index]
        self.others = others_of(self.container.streams, self.stream)


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
