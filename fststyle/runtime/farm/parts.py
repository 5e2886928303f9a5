"""The parts of a film: ranges of time that are stylized separately, each by one task."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video import pipeline, retime
from fststyle.runtime.video.formats.base import Item, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.segments import FramesOnly
from fststyle.runtime.video.formats.writer import Writer
from fststyle.runtime.video.frame_processor import FrameProcessor
from fststyle.runtime.video.resume import Segment
from fststyle.runtime.video.transitions import TransitionStylizer

FRAMES = 250
"""Least number of frames of a part. Parts end at the next key frame, so that a worker decodes few others."""

OVERLAP = 25
"""Frames before a part that are stylized for flicker suppression only. Of what came before them, a share of
0.85 to the power of 25, below 2 %, would be left.
"""


@dataclass(frozen=True)
class Part:
    """The frames from ``begin`` to before ``end`` in seconds of the output; None is the end of the film."""

    begin: float
    end: float | None


@dataclass(frozen=True)
class Stylized:
    """A finished part: its ``video`` (a file) with its times, None without frames, and what the source
    reports.
    """

    segment: Segment | None
    video: bytes
    rate: Fraction
    broken: str | None
    notes: tuple[str, ...]
    lost: tuple[str, ...]


def parts(key_frames: Iterable[float], seconds: float | None, length: float) -> list[Part]:
    """Parts of at least ``length`` seconds that begin at key frames, given by their times in the output.

    Where key frames are rarer than twice the length, a part ends between two. ``seconds`` is the length of
    the output if it is known.
    """
    begins = [0.0]
    for time in [*sorted(key_frames), *([] if seconds is None else [seconds])]:
        while time - begins[-1] > 2 * length:
            begins.append(begins[-1] + length)
        rest = length if seconds is None else seconds - time
        if time - begins[-1] >= length and rest >= length / 2:
            begins.append(time)
    ends: list[float | None] = [*begins[1:], None]
    return [Part(begin, end) for begin, end in zip(begins, ends, strict=True)]


def stylized_part(
    source: str, suffix: str, part: Part, settings: VideoSettings, encoding: Encoding, fps: float | None
) -> Stylized:
    """Stylize one part of the video file ``source``, with ``fps`` frames per second if given.

    Raises as `fststyle.runtime.video.stylize.stylize_video`.
    """
    notes: list[str] = []
    reader = Reader(Path(source), settings.deinterlace, settings.field_rate)
    with contextlib.closing(reader), tempfile.TemporaryDirectory() as folder:
        frames = FrameProcessor(
            reader, settings, TransitionStylizer(settings.timeline, settings, notes.append), notes.append
        )
        writing = _Writing(Path(folder, "part"), suffix, reader, settings, encoding, fps)
        with contextlib.closing(frames):
            pipeline.run(
                _items(reader, part, settings, fps),
                frames.begin,
                lambda done: (frames.finish(done), done[0]),
                lambda done: writing.write(
                    done[0], _shown(done[1], reader, settings) >= part.begin - _TOLERANCE
                ),
            )
        segment, lost = writing.close(part.end is None)
        video = writing.path.read_bytes() if segment is not None else b""
        return Stylized(
            segment, video, reader.rate, reader.broken, (*reader.notes, *notes), (*reader.lost, *lost)
        )


_TOLERANCE = 1e-6
"""Seconds by which two times of one frame differ at most."""


def _items(reader: Reader, part: Part, settings: VideoSettings, fps: float | None) -> Iterator[Item]:
    """The frames of a part, after those for flicker suppression."""
    rate = float(fps or reader.rate)
    first = max(0.0, part.begin - OVERLAP / rate)
    # Further frames, since the first ones of a changed rate or of interlaced video lack those before them.
    lead = first - 4 / float(reader.rate) if reader.searchable else 0.0
    items = retime.between(reader, settings.start, settings.end, settings.start + max(0.0, lead))
    for item in retime.changed(items, reader, settings, fps):
        if not isinstance(item, TimedFrame):
            continue
        shown = _shown(item, reader, settings)
        if part.end is not None and shown >= part.end - _TOLERANCE:
            return
        if shown >= first - _TOLERANCE:
            yield item


def _shown(shot: TimedFrame, reader: Reader, settings: VideoSettings) -> float:
    """Seconds from the start of the output."""
    return shot.seconds - retime.first_time(reader, settings.start)


class _Writing:
    """Encodes the frames of a part to ``path``; those for flicker suppression are left out."""

    def __init__(
        self,
        path: Path,
        suffix: str,
        reader: Reader,
        settings: VideoSettings,
        encoding: Encoding,
        fps: float | None,
    ):
        self.path, self._suffix, self._reader = path, suffix, reader
        self._encoding, self._fps = replace(encoding, repeatable=True), fps
        self._writer: Writer | None = None
        self._shots: list[TimedFrame] = []
        self._size = (0, 0)

    def write(self, shot: TimedFrame, wanted: bool) -> None:
        if not wanted:
            return
        if self._writer is None:
            self._size = shot.rgb.shape[:2]
            rate = retime.rational(self._fps) if self._fps else self._reader.rate
            self._alpha = shot.alpha is not None
            self._writer = Writer(
                self.path, self._suffix, FramesOnly(self._reader), shot, rate, self._encoding
            )
        self._writer.write(shot)
        self._shots.append(TimedFrame(shot.rgb[:0], shot.pts, shot.time_base, shot.duration))

    def close(self, last: bool) -> tuple[Segment | None, list[str]]:
        """The segment, None without frames, and what the encoder does not keep."""
        if self._writer is None:
            return None, []
        self._writer.close()
        times, durations = [shot.pts for shot in self._shots], [shot.duration for shot in self._shots]
        base = str(self._shots[0].time_base)
        return Segment(times, durations, base, self._size, self._alpha, last), self._writer.lost
