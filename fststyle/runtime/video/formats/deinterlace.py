"""Deinterlace frames with the FFmpeg filter bwdif."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from fststyle.runtime.video.formats.pyav import DecodedFrame, av


class Deinterlacer:
    """Deinterlacing filter. Call it with each decoded frame of a stream to get the frames to show.

    ``mode`` selects the frames to deinterlace: "auto" (those marked as interlaced), "off" (none) or "on"
    (all). ``field_rate`` is "halve" for one output frame per two fields, or "keep" for one per field.

    The filter starts at the first frame that needs it; earlier frames are passed through. If ``field_rate``
    is "keep" and ``mode`` is not "off", the time base of all frames is halved, since the second field of a
    frame is shown halfway between two frames.
    """

    def __init__(self, mode: str, field_rate: str):
        self._av, self._mode, self._keep = av(), mode, field_rate == "keep"
        self._graph: Any = None
        self._layout: tuple[int | str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether the filter is running."""
        return self._graph is not None

    @property
    def doubles(self) -> bool:
        """Whether the filter is running and returns one frame per field."""
        return self.active and self._keep

    @property
    def halves_time_base(self) -> bool:
        """Whether the time base of the output frames is half that of the decoded frames."""
        return self._keep and self._mode != "off"

    def __call__(self, frame: DecodedFrame) -> Iterator[DecodedFrame]:
        """Yield the output frames that are available after ``frame``: none, one or several.

        Every ``frame`` must have a timestamp, which may be changed in place. If the frame size or the pixel
        format changes, the filter is flushed and started again.
        """
        layout = (frame.width, frame.height, frame.format.name)
        if self.active and layout != self._layout:
            yield from self.flush()
            self._graph = None
        wanted = self._mode == "on" or (self._mode == "auto" and frame.interlaced_frame)
        if self._graph is None and wanted:
            self._layout, self._graph = layout, self._built(frame)
        if self._graph is None:
            if self.halves_time_base:
                frame.pts, frame.time_base = frame.pts * 2, frame.time_base / 2
                _scale_duration(frame, Fraction(2))
            yield frame
            return
        self._graph.push(frame)
        yield from self._ready()

    def flush(self) -> Iterator[DecodedFrame]:
        """Yield the frames that the filter still holds. Call this at the end of the stream."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()

    def _built(self, frame: DecodedFrame) -> Any:
        graph = self._av.filter.Graph()
        buffer = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
        )
        chosen = "all" if self._mode == "on" else "interlaced"
        made = graph.add("bwdif", f"mode={'send_field' if self._keep else 'send_frame'}:deint={chosen}")
        sink = graph.add("buffersink")
        buffer.link_to(made)
        made.link_to(sink)
        graph.configure()
        return graph

    def _ready(self) -> Iterator[DecodedFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, self._av.error.EOFError):
                return
            if not self._keep:  # the filter halves the time base in both modes
                frame.pts, frame.time_base = frame.pts // 2, Fraction(frame.time_base) * 2
                _scale_duration(frame, Fraction(1, 2))
            yield frame


def _scale_duration(frame: DecodedFrame, by: Fraction) -> None:
    """Multiply the duration of a frame by ``by``, in place, if the duration is known."""
    if duration := getattr(frame, "duration", None):
        frame.duration = int(duration * by)
