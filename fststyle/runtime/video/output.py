"""Write the frames and packets of a video to a sink.

The sink is opened when the first frame is written. All frames are resized to the size of the first frame.
With ``--resume``, the frames are written in segments.
"""

from collections.abc import Callable
from dataclasses import replace

from fststyle.errors import InputError
from fststyle.io.resize import resize_to
from fststyle.runtime.video.formats.base import Item, Sink, TimedFrame
from fststyle.runtime.video.formats.segments import SegmentSink
from fststyle.runtime.video.resume import Segment, State

UNEVEN = 1.5
"""Ratio of the longest to the shortest interval between frames above which a note says that an output without
timestamps does not preserve the variable frame rate.
"""


class Output:
    """Writes frames, and packets of audio and other streams, to a sink.

    ``open_sink`` returns the sink. It is called with the first frame, or with None if a resumed run has no
    frames left to write. ``source`` and ``target`` are the names of the input and the output in messages, and
    ``on_note`` is called with each message. All methods raise the errors of the sink.
    """

    def __init__(
        self,
        source: str,
        target: str,
        open_sink: Callable[[TimedFrame | None], Sink],
        on_note: Callable[[str], None],
    ):
        self._source, self._target, self._open_sink, self._on_note = source, target, open_sink, on_note
        self._sink: Sink | None = None
        self._waiting: list[Item] = []
        self._states: dict[int, State] = {}
        self._size: tuple[int, int] | None = None
        self._written = 0
        self._intervals: tuple[float, float] | None = None
        self._noted_size = False
        self.shown: float | None = None
        """Presentation time of the last frame in seconds; None before the first frame."""

    @property
    def sink(self) -> Sink:
        """The open sink. Raises `InputError` before the first frame."""
        if self._sink is None:
            raise InputError(f"{self._source}: no frame was stylized")
        return self._sink

    @property
    def opened(self) -> bool:
        """Whether the sink is open."""
        return self._sink is not None

    @property
    def size(self) -> tuple[int, int]:
        """Size (H, W) of the output in pixels. Raises `InputError` before the first frame."""
        return self.sink.size or self._size or (0, 0)

    def resume(self, frames: int, last: Segment) -> None:
        """Continue after the finished segments of an interrupted run. Call this before `write`.

        ``frames`` is the number of frames in these segments, and ``last`` is the last segment.
        """
        self._written, self._size, self.shown = frames, last.size, float(last.pts[-1] * last.base)

    def end_segment(self, frame: int, state: State) -> None:
        """Schedule the end of the current segment before frame number ``frame``, counted from 0.

        The segment ends, and ``state`` is stored with it, when this frame is written.
        """
        self._states[frame] = state

    def write(self, item: Item) -> None:
        """Write a frame, or a packet of an audio or other stream.

        The first frame opens the sink. Packets that arrive earlier are kept until it is open.
        """
        if self._sink is None and not isinstance(item, TimedFrame):
            self._waiting.append(item)
            return
        if self._sink is None:
            self._open(item)
            for packet in self._waiting:
                self.sink.copy(packet)
            self._waiting = []
        if isinstance(item, TimedFrame):
            self._write_frame(item)
        else:
            self.sink.copy(item)

    def close(self) -> None:
        """Finish the output. If no frame was written, all frames must be in finished segments (`resume`)."""
        if self._sink is None:
            self._open(None)
        sink = self.sink
        if isinstance(sink, SegmentSink):
            sink.cut(None, self._size or (0, 0), last=True)
        noted = len(sink.notes)
        sink.close()
        self._note_all(sink.notes[noted:])
        if not sink.keeps_times and self._intervals and self._intervals[1] > UNEVEN * self._intervals[0]:
            self._note_all(
                ["does not store timestamps, and the frame rate varies; --fps gives a constant frame rate"]
            )

    def abandon(self) -> None:
        """Close the sink, if it is open, without finishing the output."""
        if self._sink is not None:
            self._sink.abandon()

    def _open(self, first: TimedFrame | None) -> None:
        if self._size is None and first is not None:
            self._size = first.rgb.shape[:2]
        self._sink = self._open_sink(first)
        self._note_all(self._sink.notes)

    def _write_frame(self, timed: TimedFrame) -> None:
        sink = self.sink
        if isinstance(sink, SegmentSink) and self._written in self._states and self._size is not None:
            sink.cut(self._states.pop(self._written), self._size)
        sink.write(self._fitted(timed))
        self._written += 1
        if self.shown is not None:
            interval = max(0.001, timed.seconds - self.shown)
            shortest, longest = self._intervals or (interval, interval)
            self._intervals = min(shortest, interval), max(longest, interval)
        self.shown = timed.seconds

    def _fitted(self, timed: TimedFrame) -> TimedFrame:
        """Resize a frame to the size of the first frame if its size differs.

        The frame size may change in an input stream, but not in an output file.
        """
        size = self._size
        if size is None or timed.rgb.shape[:2] == size:
            return timed
        if not self._noted_size:
            self._on_note(
                f"{self._source}: the frame size changes; all frames are resized to {size[1]}x{size[0]}"
            )
            self._noted_size = True
        alpha = None if timed.alpha is None else resize_to(timed.alpha, size)
        return replace(timed, rgb=resize_to(timed.rgb, size), alpha=alpha)

    def _note_all(self, notes: list[str]) -> None:
        for note in dict.fromkeys(notes):
            self._on_note(f"{self._target}: {note}")
