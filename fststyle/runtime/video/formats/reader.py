"""Read video files with PyAV: frames as RGB arrays with timestamps, and packets of all other streams."""

import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, InputError
from fststyle.io import images
from fststyle.io.pixels import MIN_SIDE, Frame, uncovered
from fststyle.runtime.video.formats import boxes, channels, frame_data
from fststyle.runtime.video.formats.base import TRANSPARENCY, Item, Source, TimedFrame
from fststyle.runtime.video.formats.colorimetry import HDR, alpha_of, finer_chroma, rgb_of, sdr_colors
from fststyle.runtime.video.formats.contents import alpha_of_avif, others_of, video_of
from fststyle.runtime.video.formats.cues import shown_at
from fststyle.runtime.video.formats.decoder import decoder_of
from fststyle.runtime.video.formats.deinterlace import Deinterlacer
from fststyle.runtime.video.formats.orientation import Orientation, orientation_of
from fststyle.runtime.video.formats.pyav import DecodedFrame, Packet, Stream, av, reason
from fststyle.runtime.video.formats.repeats import RepeatedFrames
from fststyle.runtime.video.formats.timestamps import AviTimestamps, FrameTimestamps, JoinedRecordings
from fststyle.runtime.video.formats.transport_stream import service_tags
from fststyle.runtime.video.formats.truncation import Extent, cut_off, ends_early

MAX_PIXELS = 8192 * 8192
"""Maximum number of pixels per frame."""

_MAX_RATE = 1000
"""Frame rate in frames per second above which the rate in a file is ignored if a lower rate is known."""

_MARGIN = 1.0
"""Time in seconds by which reading starts before the requested start, since audio packets may be stored
before the frames of the same time.
"""


class Reader(Source):
    """Source that reads a video file.

    ``deinterlace`` and ``field_rate`` are the ``mode`` and the ``field_rate`` of
    `fststyle.runtime.video.formats.deinterlace.Deinterlacer`. The attributes ``frames`` and ``seconds`` may
    be estimates.

    Raises `InputError` for a file that does not exist, cannot be read, is empty, is not a video or has an
    unknown codec, and for frames that are too small or too large. Raises `DependencyError` if PyAV is
    missing.
    """

    def __init__(self, path: Path, deinterlace: str = "auto", field_rate: str = "halve"):
        super().__init__()
        self._deinterlace = deinterlace, field_rate
        self.name, self.path = str(path), path
        self._av = av()
        self._orientation = Orientation()
        self._start = 0.0
        self._packets_only = self._noted_deinterlacing = False
        _check_file(path)
        self._open()
        self.metadata, self.chapters = dict(self.container.metadata), self.container.chapters()
        if self.container.format.name == "mpegts":
            self.metadata |= service_tags(path)
        self.has_chapters = bool(self.chapters)
        self.stream_metadata = dict(self.stream.metadata)
        self.rate = self.timecode_rate = _rate_of(self.stream)
        self.origin = self.video_origin = (self.container.start_time or 0) / 1e6
        if self.stream.start_time is not None:
            self.video_origin = float(self.stream.start_time * self.stream.time_base)
        duration = (
            self.stream.duration * self.stream.time_base
            if self.stream.duration
            else (self.container.duration or 0) / 1e6
        )
        self.seconds = float(duration) or None
        self.frames = self.stream.frames or (round(self.seconds * self.rate) if self.seconds else None)
        if self.container.format.name.startswith("mov"):
            self.lost += self._unread()
        self._transfer = int(self.stream.codec_context.color_trc)
        pixels = self.stream.codec_context.format
        if pixels is not None and any(component.bits > 8 for component in pixels.components):
            self.lost.append("more than 8 bits per channel")
        self.chroma = finer_chroma(pixels)
        if self._transfer in HDR:
            self.lost.append(f"high dynamic range ({HDR[self._transfer]})")
            self.notes.append(f"{path}: HDR video ({HDR[self._transfer]}) is converted to SDR (BT.709)")

    @property
    def seekable(self) -> bool:
        """Whether frames have the same timestamps after `seek` as when the whole file is read."""
        return str(self.container.format.name).startswith(("mov", "matroska"))

    def key_frames(self) -> list[float]:
        """Return the times of the key frames in seconds from `origin`.

        This reads the whole file without decoding. If the file is damaged, the result ends at the damage.
        """
        found = []
        with self._av.open(os.path.abspath(self.path), metadata_errors="ignore") as container:
            try:
                for packet in container.demux(container.streams[self.stream.index]):
                    if packet.is_keyframe and packet.pts is not None:
                        found.append(float(packet.pts * packet.time_base) - self.origin)
            except (self._av.error.FFmpegError, OSError, ValueError):
                return found  # damage is reported when frames are read
        return found

    @property
    def aspect(self) -> Fraction | None:
        stated = self.stream.sample_aspect_ratio
        if not stated:
            return None
        result: Fraction | None = 1 / stated if self._orientation.swaps_sides else stated
        return result

    @property
    def colors(self) -> tuple[int, int]:
        """Color primaries and transfer characteristic of the converted frames; see `sdr_colors`."""
        context = self.stream.codec_context
        return sdr_colors(int(context.color_primaries), int(context.color_trc))

    def seek(self, seconds: float) -> None:
        self._start = seconds

    def __iter__(self) -> Iterator[Item]:
        if self._start > _MARGIN and not self._packets_only:
            if (items := self._from_key_frame(self._start - _MARGIN)) is not None:
                yield from items
                return
            self.container.close()
            self._open()
        yield from self._items()

    def cues(self, seconds: float) -> list[Packet]:
        subtitles = [stream for stream in self.others if stream.type == "subtitle"]
        return shown_at(self.path, self.stream, subtitles, seconds + self.origin)

    def packets(self) -> Source:
        again = Reader(self.path)
        again._packets_only = True
        return again

    def cover(self, stream: Stream) -> Packet | None:
        try:
            with self._av.open(os.path.abspath(self.path), metadata_errors="ignore") as container:
                return next(
                    packet for packet in container.demux(container.streams[stream.index]) if packet.size
                )
        except (self._av.error.FFmpegError, OSError, ValueError, StopIteration):
            return None

    def close(self) -> None:
        self.container.close()

    def _open(self) -> None:
        try:
            # Use the absolute path, since FFmpeg interprets a name with a colon as a URL.
            self.container = self._av.open(os.path.abspath(self.path), metadata_errors="ignore")
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            if boxes.lacks_index(self.path):
                raise InputError(
                    f"{self.path}: is incomplete: the index at its end is missing (interrupted recording or"
                    " download)"
                ) from error
            problem = "is not a video" if isinstance(error, ValueError | EOFError) else "cannot be read"
            raise InputError(f"{self.path}: {problem} ({reason(error)})") from error
        try:
            self.stream = self._checked(video_of(self.container.streams))
        except InputError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self._decoder = decoder_of(self.stream)
        self.transparent = self._decoder.transparent
        if self._decoder.problem and (note := f"{self.path}: {self._decoder.problem}") not in self.notes:
            self.notes.append(note)
        alpha = alpha_of_avif(self.container)
        if alpha or self._decoder.problem:
            self.lost.append(TRANSPARENCY)
        self.streams = [
            stream
            for stream in self.container.streams
            if stream.index != self.stream.index and stream not in alpha
        ]
        self.others = others_of(self.streams, self.stream)
        orders = {other.index: channels.prepare(other) for other in self.others if other.type == "audio"}
        self.channel_orders = {index: order for index, order in orders.items() if order is not None}

    def _unread(self) -> list[str]:
        """Return the names of the data in an MP4, MOV or AVIF file that FFmpeg does not read."""
        if self.container.metadata.get("major_brand") not in ("avif", "avis"):
            return boxes.unread(self.path)
        try:
            outline = images.outline(self.path, max_pixels=MAX_PIXELS)
        except (InputError, DependencyError):  # Pillow may lack AVIF
            return boxes.unread(self.path)
        return [*outline.metadata, *boxes.unread(self.path, known=(b"meta",))]

    def _checked(self, stream: Stream) -> Stream:
        """Check the video stream to read, and return it.

        Raises `InputError` if ``stream`` is None, its codec or frame size is unknown, or its frames are too
        small or too large.
        """
        if stream is None:
            raise InputError(f"{self.path}: contains no video stream")
        context = stream.codec_context
        if context is None:
            raise InputError(f"{self.path}: its video codec is not supported")
        width, height = context.width, context.height
        if not width or not height:
            raise InputError(f"{self.path}: is not a video, or is damaged (its frame size is unknown)")
        if not min(width, height) >= MIN_SIDE or width * height > MAX_PIXELS:
            raise InputError(
                f"{self.path}: its frames have {width}x{height} pixels; each side must have at least"
                f" {MIN_SIDE}, and a frame at most {MAX_PIXELS:,} pixels"
            )
        return stream

    def _from_key_frame(self, seconds: float) -> Iterator[Item] | None:
        """Return an iterator over all items from the key frame at or before ``seconds`` (from `origin`).

        Returns None if the file cannot seek or is damaged there, or if the first frame after the seek has no
        timestamp or is later than ``seconds`` plus `_MARGIN`.
        """
        try:
            self.container.seek(int((seconds + self.origin) / self.stream.time_base), stream=self.stream)
        except (self._av.error.FFmpegError, OSError, OverflowError):
            return None
        items, begin = self._items(), []
        for item in items:
            begin.append(item)
            if isinstance(item, TimedFrame):
                break
        self.broken, broken = None, self.broken
        if (
            not begin
            or not isinstance(begin[-1], TimedFrame)
            or self._timestamps.missing
            or begin[-1].seconds - self.origin > seconds + _MARGIN
            or broken
        ):
            return None
        return itertools.chain(begin, items)

    def _items(self) -> Iterator[Item]:
        """Yield frames and packets from the current position to the end of the file.

        Sets ``broken`` at the end.
        """
        step = max(1, round(1 / (self.rate * self.stream.time_base)))
        avi = AviTimestamps(16 * step) if self.container.format.name == "avi" else None
        self._timestamps = FrameTimestamps(step, self.stream.time_base, avi)
        extent, deinterlacer, damaged = Extent(), Deinterlacer(*self._deinterlace), 0
        repeats = RepeatedFrames(self.stream.codec_context.codec.canonical_name == "theora")
        for packet in self._demuxed(extent):
            if packet.stream is not self.stream:
                if packet.pts is not None or packet.dts is not None:
                    yield packet
                continue
            if self._packets_only:
                continue
            if not packet.size and packet.pts is not None:  # decoding an empty packet would end the stream
                repeats.note(packet.pts * (2 if deinterlacer.halves_time_base else 1))
                continue
            frames = self._decoded(packet)
            if frames is None:
                break
            extent.frames += len(frames)
            for frame in frames:
                # The first frames may depend on frames before the recording, which is not damage.
                damaged += bool(frame.is_corrupt) and self._timestamps.started
                self._timestamps.stamp(frame)
                ready = list(deinterlacer(frame))
                if deinterlacer.active:
                    self._note_deinterlacing(deinterlacer)
                yield from repeats.between(map(self._timed_frame, ready))
        yield from repeats.between(map(self._timed_frame, deinterlacer.flush()))
        yield from repeats.rest()
        self.broken = (
            cut_off(self.container, self.path, self.stream, self.others, self.origin, extent)
            or self.broken
            or ends_early(self.container, self.stream, self.others, self.rate, self.origin, extent)
        )
        if damaged and not self.broken:
            self.broken = f"{damaged} of its frames {'is' if damaged == 1 else 'are'} damaged"

    def _demuxed(self, extent: Extent) -> Iterator[Packet]:
        """Yield the packets of all streams that are read, with corrected timestamps.

        Sets ``broken`` if the container is damaged.
        """
        recordings = JoinedRecordings(self.container.format.name.startswith("mpeg"), float(1 / self.rate))
        packets = self.container.demux([self.stream, *self.others])
        while True:
            try:
                packet = next(packets, None)
            except self._av.error.EOFError:
                return
            except (self._av.error.FFmpegError, OSError, ValueError) as error:
                self.broken = self.broken or reason(error)
                return
            if packet is None:
                return
            recordings.correct(packet)
            extent.add(packet, packet.stream is self.stream)
            yield packet

    def _decoded(self, packet: Packet) -> list[DecodedFrame] | None:
        """Return the frames of a packet, or None if decoding cannot continue.

        Sets ``broken`` if the data is damaged.
        """
        try:
            self._timestamps.begin(packet)
            return self._decoder.decode(packet)
        except self._av.error.EOFError:
            return None
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            self.broken = self.broken or reason(error)
            # A damaged packet loses a few frames; the rest of the file can still be decoded.
            return [] if isinstance(error, self._av.error.InvalidDataError) else None

    def _timed_frame(self, frame: DecodedFrame) -> TimedFrame:
        """Convert a decoded frame, and add the names of its side data to ``lost``."""
        self.lost += [name for name in frame_data.names(frame) if name not in self.lost]
        duration = getattr(frame, "duration", None) or None
        rgb, alpha = self._upright(frame), alpha_of(frame)
        if alpha is not None:
            alpha = self._orientation.apply(alpha)
            rgb = uncovered(Frame(rgb, alpha)).rgb
        return TimedFrame(rgb, frame.pts, frame.time_base, duration, alpha)

    def _upright(self, frame: DecodedFrame) -> RGB:
        """Return a decoded frame as RGB, rotated and mirrored according to its display matrix."""
        self._orientation = orientation_of(frame)
        return self._orientation.apply(rgb_of(frame, self._transfer))

    def _note_deinterlacing(self, deinterlacer: Deinterlacer) -> None:
        """Add a note about deinterlacing, and update the frame rate and the number of frames.

        Only the first call has an effect.
        """
        if self._noted_deinterlacing:
            return
        self._noted_deinterlacing = True
        rate, self.rate = self.rate, self.rate * (2 if deinterlacer.doubles else 1)
        if deinterlacer.doubles and self.frames:
            self.frames *= 2
        how = (
            f"one frame per field, {float(self.rate):g} instead of {float(rate):g} frames per second"
            if deinterlacer.doubles
            else "one frame per two fields (--field-rate keep gives one per field, --deinterlace off disables"
            " it)"
        )
        self.notes.append(f"{self.path}: interlaced video is deinterlaced: {how}")


def _rate_of(stream: Stream) -> Fraction:
    """Return the average frame rate in frames per second, or 25 if it is unknown.

    A rate above `_MAX_RATE` is used only if no other is known. For raw DV, FFmpeg reports the rate of its
    clock as the average rate.
    """
    rates = [rate for rate in (stream.average_rate, stream.guessed_rate) if rate]
    return next((rate for rate in rates if rate <= _MAX_RATE), rates[0] if rates else Fraction(25))


def _check_file(path: Path) -> None:
    """Raise `InputError` unless ``path`` is a regular file with content."""
    if not path.is_file():
        if path.is_dir():
            problem = "is a folder, not a video"
        else:
            problem = "is not a regular file" if path.exists() else "no such file"
        raise InputError(f"{path}: {problem}")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty")
