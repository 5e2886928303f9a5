"""Repeat frames for which a video file contains only an empty packet."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fststyle.runtime.video.formats.base import TimedFrame


class RepeatedFrames:
    """Inserts repeated frames at the times of empty packets.

    In Theora, an empty packet repeats the previous frame (Theora specification, section 7.11). FFmpeg does
    not decode it, and a decoder with several threads returns the previous frame only later. ``enabled``: True
    if empty packets have this meaning in the stream; if False, no frames are inserted. A repeated frame
    shares the pixel array of the previous frame.
    """

    def __init__(self, enabled: bool):
        self._enabled = enabled
        self._times: list[int] = []
        self._last: TimedFrame | None = None

    def note(self, pts: int) -> None:
        """Record the presentation time of an empty packet, in units of the time base of the frames."""
        if self._enabled:
            self._times.append(pts)

    def between(self, frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
        """Yield the decoded ``frames``, each preceded by the repeated frames that are due before it.

        The frames must follow those of the previous call in presentation order.
        """
        for frame in frames:
            yield from self._before(frame.pts)
            self._last = frame
            yield frame

    def rest(self) -> Iterator[TimedFrame]:
        """Yield the repeated frames after the last decoded frame."""
        yield from self._before(None)

    def _before(self, pts: int | None) -> Iterator[TimedFrame]:
        due = [time for time in self._times if pts is None or time < pts]
        self._times = self._times[len(due) :]
        if self._last is not None:
            yield from (replace(self._last, pts=time) for time in due if time > self._last.pts)
