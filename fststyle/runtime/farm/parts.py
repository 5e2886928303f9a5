"""Split a video into parts (time ranges) that are stylized independently, one per task."""

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

MIN_FRAMES = 250
"""Approximate minimum number of frames per part; the last part may have half as many. Parts end at key
frames, so that workers decode few extra frames.
"""

OVERLAP = 25
"""Number of frames before a part that are stylized only for flicker suppression. The total weight of all
earlier frames is at most 0.85^25 (`fststyle.runtime.temporal.HOLD`), which is below 2%.
"""


@dataclass(frozen=True)
class Part:
    """Time range of a video that is stylized as one task.

    The range extends from ``begin`` up to but excluding ``end``, in seconds from the start of the output. If
    ``end`` is None, it extends to the end of the video.
    """

    begin: float
    end: float | None


@dataclass(frozen=True)
class StylizedPart:
    """A stylized and encoded part of a video.

    Attributes:
        segment: timestamps and format of the part; None if it has no frames.
        video: bytes of the encoded video file; empty if the part has no frames.
        rate: frame rate of the source in frames per second.
        broken: message about damage to the source, or None if no damage was found.
        notes: messages for the user.
        lost: names of the properties of the source, such as metadata, that are not in the output.
    """

    segment: Segment | None
    video: bytes
    rate: Fraction
    broken: str | None
    notes: tuple[str, ...]
    lost: tuple[str, ...]


def split_video(key_frames: Iterable[float], seconds: float | None, length: float) -> list[Part]:
    """Split a video at its key frames into parts of at least ``length`` seconds.

    The last part has at least half this length, unless the whole video is shorter. If key frames are more
    than twice this length apart, parts also end between them. The first part begins at 0, and the last
    part ends with the video.

    Args:
        key_frames: times of the key frames in seconds from the start of the output.
        seconds: duration of the output in seconds, or None if it is unknown. The last part may then be
            shorter.
        length: minimum duration of a part in seconds.
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


def stylize_part(
    source: str, suffix: str, part: Part, settings: VideoSettings, encoding: Encoding, fps: float | None
) -> StylizedPart:
    """Stylize one part of a video file.

    Args:
        source: path of the video file.
        suffix: suffix of the output, such as ".mp4".
        part: the part.
        settings: the settings of the whole video.
        encoding: codec, quality and pixel format of the output.
        fps: frame rate of the output in frames per second; None keeps the timestamps.

    Raises the errors of `fststyle.runtime.video.stylize.stylize_video`.
    """
    notes: list[str] = []
    reader = Reader(Path(source), settings.deinterlace, settings.field_rate)
    with contextlib.closing(reader), tempfile.TemporaryDirectory() as folder:
        frames = FrameProcessor(
            reader, settings, TransitionStylizer(settings.timeline, settings, notes.append), notes.append
        )
        writing = _PartWriter(Path(folder, "part"), suffix, reader, settings, encoding, fps)
        with contextlib.closing(frames):
            pipeline.run(
                _items(reader, part, settings, fps),
                frames.begin,
                lambda done: (frames.finish(done), done[0]),
                lambda done: writing.write(
                    done[0], retime.output_time(done[1], reader, settings.start) >= part.begin - _TOLERANCE
                ),
            )
        segment, lost = writing.close(part.end is None)
        video = writing.path.read_bytes() if segment is not None else b""
        return StylizedPart(
            segment, video, reader.rate, reader.broken, (*reader.notes, *notes), (*reader.lost, *lost)
        )


_TOLERANCE = 1e-6
"""Tolerance for comparing times, in seconds."""


def _items(reader: Reader, part: Part, settings: VideoSettings, fps: float | None) -> Iterator[Item]:
    """Yield the frames of ``part``, preceded by up to `OVERLAP` earlier frames for flicker suppression."""
    rate = float(fps or reader.rate)
    first = max(0.0, part.begin - OVERLAP / rate)
    # Frame rate conversion and deinterlacing need frames before the first one.
    lead = first - 4 / float(reader.rate) if reader.seekable else 0.0
    items = retime.between(reader, settings.start, settings.end, settings.start + max(0.0, lead))
    for item in retime.changed(items, reader, settings, fps):
        if not isinstance(item, TimedFrame):
            continue
        shown = retime.output_time(item, reader, settings.start)
        if part.end is not None and shown >= part.end - _TOLERANCE:
            return
        if shown >= first - _TOLERANCE:
            yield item


class _PartWriter:
    """Encodes the frames of a part to the file ``path``. The file is created with the first frame."""

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
        self._frames: list[TimedFrame] = []
        self._size = (0, 0)

    def write(self, timed: TimedFrame, wanted: bool) -> None:
        """Encode a frame. If ``wanted`` is False, because the frame precedes the part, it is skipped."""
        if not wanted:
            return
        if self._writer is None:
            self._size = timed.rgb.shape[:2]
            rate = retime.rational(self._fps) if self._fps else self._reader.rate
            self._alpha = timed.alpha is not None
            self._writer = Writer(
                self.path, self._suffix, FramesOnly(self._reader), timed, rate, self._encoding
            )
        self._writer.write(timed)
        self._frames.append(TimedFrame(timed.rgb[:0], timed.pts, timed.time_base, timed.duration))

    def close(self, last: bool) -> tuple[Segment | None, list[str]]:
        """Finish the file. Returns its timestamps and format, and the names of lost properties of the source.

        The first value is None if there are no frames. ``last``: True for the last part of the video.
        """
        if self._writer is None:
            return None, []
        self._writer.close()
        times, durations = [timed.pts for timed in self._frames], [timed.duration for timed in self._frames]
        base = str(self._frames[0].time_base)
        return Segment(times, durations, base, self._size, self._alpha, last), self._writer.lost
