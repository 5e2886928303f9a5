"""Write a video file in segments, and join them at the end without re-encoding."""

import bisect
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from fststyle.errors import OutputError
from fststyle.runtime.video.formats.base import Sink, Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.pyav import Packet, av, reason
from fststyle.runtime.video.formats.writer import Writer
from fststyle.runtime.video.resume import ResumeFolder, Segment, State

_FILTERS = {
    "h264": "h264_mp4toannexb,filter_units=remove_types=7-8",
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-34",
}
"""For some codecs, the FFmpeg bitstream filters that convert packets of a container back to packets of the
encoder.
"""


class SegmentSink(Sink):
    """Sink that writes a video in segments to ``resume_folder``.

    `close` joins all segments in this folder into the file ``path``. ``rate`` is the average frame rate in
    frames per second. ``packets`` is a function that returns the packets of the audio and other streams of
    ``source``. `close` calls it and writes these packets; `copy` does nothing.
    """

    keeps_aspect = True

    def __init__(
        self,
        path: Path,
        source: Source,
        rate: Fraction,
        encoding: Encoding,
        resume_folder: ResumeFolder,
        packets: Callable[[], Iterable[Packet]],
    ):
        super().__init__()
        self._path, self._source, self._rate = path, source, rate
        self._encoding = replace(encoding, repeatable=True)
        self._resume_folder, self._packets = resume_folder, packets
        self._writer: Writer | None = None
        self._timed_frames: list[TimedFrame] = []

    def write(self, timed: TimedFrame) -> None:
        if self._writer is None:
            self._part = self._resume_folder.folder / "segment.part"
            self._writer = self._opened(self._part, FramesOnly(self._source), timed)
            self.size = self._writer.size
            if not self._resume_folder.segments:
                self.notes += self._writer.notes
        self._writer.write(timed)
        self._timed_frames.append(TimedFrame(timed.rgb[:0], timed.pts, timed.time_base, timed.duration))

    def cut(self, state: State | None, size: tuple[int, int], last: bool = False) -> None:
        """End the current segment and store it. Nothing happens if it has no frames.

        ``state`` is the state after the segment, from `FrameProcessor.state`; it may be None for the last
        segment. ``size`` is the frame size (H, W). ``last``: True for the last segment of the video. Raises
        `OutputError` if the segment cannot be stored.
        """
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            timed_frames, self._timed_frames = self._timed_frames, []
            times, durations = (
                [timed.pts for timed in timed_frames],
                [timed.duration for timed in timed_frames],
            )
            segment = Segment(times, durations, str(timed_frames[0].time_base), size, self._alpha, last)
            try:
                self._resume_folder.commit(segment, self._part, state)
            except OSError as error:
                raise OutputError(
                    f"a segment cannot be stored in {self._resume_folder.folder}: {error.strerror or error}"
                ) from error

    def close(self) -> None:
        """Join the segments without re-encoding. Call `cut` first; at least one segment is needed.

        Raises `OutputError` if a segment is damaged or the file cannot be written.
        """
        segments = self._resume_folder.segments
        height, width = segments[0].size
        first = TimedFrame(np.zeros((height, width, 3), np.uint8), segments[0].pts[0], segments[0].base)
        self._writer = joined = self._opened(self._path, self._source, first)
        self.size = joined.size
        for kind, packet in heapq.merge(self._video(), self._others(), key=lambda item: _seconds(item[1])):
            if kind == "video":
                joined.put(packet)
            else:
                joined.copy(packet)
        joined.close()
        self.notes += [note for note in joined.notes if note not in self.notes]
        self.kept, self.tags, self.chapters = joined.kept, joined.tags, joined.chapters
        self.lost, self.stream_metadata = joined.lost, joined.stream_metadata

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    def _opened(self, path: Path, source: Source, first: TimedFrame) -> Writer:
        """Return a writer of the file ``path`` for frames of the size of ``first``.

        The frames have alpha if the first stored segment has it. If no segment is stored yet, they have alpha
        if ``first`` has it.
        """
        segments = self._resume_folder.segments
        self._alpha = segments[0].alpha if segments else first.alpha is not None
        alpha = np.zeros(first.rgb.shape[:2], np.uint8) if self._alpha else None
        first = replace(first, alpha=alpha)
        return Writer(path, self._resume_folder.suffix, source, first, self._rate, self._encoding)

    def _others(self) -> Iterator[tuple[str, Packet]]:
        return (("other", packet) for packet in self._packets())

    def _video(self) -> Iterator[tuple[str, Packet]]:
        """Yield ("video", packet) for each video packet of all segments, with continuous times.

        The order within a segment is that of its video file, and the presentation times are those of its
        JSON file. Decoding times are set as encoders do: ``delay`` is the maximum number of places by which a
        frame is decoded later than it is shown, and packet n is decoded at the time at which frame n -
        ``delay`` is shown. The first ``delay`` packets are decoded before frame 0 is shown. Raises
        `OutputError` if a segment is damaged.
        """
        segments = self._resume_folder.segments
        pts = [time for segment in segments for time in segment.pts]
        durations = [duration for segment in segments for duration in segment.durations]
        ranks = [_ranks(self._packets_of(number)) for number in range(len(segments))]
        delay = max(place - rank for order in ranks for place, rank in enumerate(order))
        lead = pts[min(delay, len(pts) - 1)] - pts[0]
        done = 0
        for number, segment in enumerate(segments):
            if len(ranks[number]) != len(segment.pts):
                raise OutputError(
                    f"{self._resume_folder.video(number)}: is damaged (it has {len(ranks[number])} instead of"
                    f" {len(segment.pts)} frames); delete its folder to start again"
                )
            for place, packet in enumerate(self._packets_of(number)):
                shown, order = done + ranks[number][place], done + place
                packet.time_base = segment.base
                packet.pts = pts[shown]
                packet.dts = pts[order - delay] if order >= delay else pts[order] - lead
                packet.duration = durations[shown] or (
                    pts[shown + 1] - pts[shown] if shown + 1 < len(pts) else 0
                )
                yield "video", packet
            done += len(segment.pts)

    def _packets_of(self, number: int) -> Iterator[Packet]:
        """Yield the packets of a segment in decoding order, as the encoder returned them.

        Raises `OutputError` if the file cannot be read.
        """
        library = av()
        try:
            with library.open(str(self._resume_folder.video(number))) as container:
                stream = container.streams.video[0]
                wanted = _FILTERS.get(stream.codec_context.codec.canonical_name)
                made = library.bitstream.BitStreamFilterContext(wanted, in_stream=stream) if wanted else None
                for packet in container.demux(stream):
                    if packet.size:
                        yield from (packet,) if made is None else made.filter(packet)
        except (library.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(
                f"{self._resume_folder.video(number)}: cannot be read: {reason(error)}"
            ) from error


def _ranks(packets: Iterable[Packet]) -> list[int]:
    """Return the position of each packet in presentation order, counted from 0."""
    times = [packet.pts for packet in packets]
    ordered = sorted(times)
    return [bisect.bisect_left(ordered, time) for time in times]


def _seconds(packet: Packet) -> float:
    """Return the decoding time of a packet in seconds, or its presentation time if that is unknown."""
    return float((packet.pts if packet.dts is None else packet.dts) * packet.time_base)


class FramesOnly(Source):
    """Wrapper with only the name, frame rate, transparency, pixel aspect ratio and colors of ``source``.

    The frames, other streams, tags and chapters of ``source`` are omitted.
    """

    def __init__(self, source: Source):
        super().__init__()
        self._source = source
        self.name, self.rate, self.transparent = source.name, source.rate, source.transparent

    @property
    def aspect(self) -> Fraction | None:
        return self._source.aspect

    @property
    def colors(self) -> tuple[int, int]:
        return self._source.colors
