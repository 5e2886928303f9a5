"""One video from its source to its output: the frames, the notes for the user, and what is kept of a
broken run.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fststyle.errors import InputError, OutputError
from fststyle.io.files import replacing_path
from fststyle.runtime.video import ignored_options, pipeline, retime
from fststyle.runtime.video.checkpoint import FRAMES, Checkpoint, after
from fststyle.runtime.video.formats import contents
from fststyle.runtime.video.formats.base import Shot, Sink, Source
from fststyle.runtime.video.formats.open import Target
from fststyle.runtime.video.formats.raw import RawSource
from fststyle.runtime.video.formats.segments import SegmentSink
from fststyle.runtime.video.formats.writer import Encoding
from fststyle.runtime.video.frames import Frames, fitted, resized, side_by_side
from fststyle.runtime.video.transitions import Painters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fststyle.arrays import RGB
    from fststyle.runtime.settings import VideoSettings

PATIENCE = 1.0
"""Seconds that a pipe is waited for when the work is stopped."""


@dataclass(frozen=True)
class Listener:
    """Callbacks: one per frame, and one per line for the user."""

    on_progress: "Callable[[Progress], None]" = lambda progress: None
    on_note: Callable[[str], None] = lambda note: None


@dataclass(frozen=True)
class Progress:
    """Frames done, frames in total where known, and frames per second.

    ``rgb``: the last stylized frame, uint8 (H, W, 3); not to be changed.
    """

    frames: int
    of: int | None
    fps: float
    rgb: "RGB | None" = None


@dataclass(frozen=True)
class PaintedVideo:
    """A finished video: size in pixels, number of frames, seconds of work. "-" is stdin or stdout."""

    input: str
    output: str
    width: int
    height: int
    frames: int
    seconds: float
    style: str
    device: str
    broken: str | None = None
    lost: tuple[str, ...] = ()
    """Streams, chapters and tags of the input that are not in the output."""
    notes: tuple[str, ...] = ()
    """Other lines for the user."""


class Job:
    """One video being stylized, from an open ``source`` to ``target``."""

    def __init__(
        self,
        source: Source,
        target: Target,
        settings: "VideoSettings",
        listener: Listener,
        encoding: Encoding,
    ):
        self._source, self._target, self._settings, self._listener = source, target, settings, listener
        self._encoding = encoding
        self._checkpoint: Checkpoint | None = None
        self._notes: list[str] = []
        settings, self._workers = side_by_side(settings)
        source.cut = bool(settings.start)
        source.chapters = retime.chapters(source, settings.start, settings.end)
        self._painters = Painters(settings.timeline, settings, self._note)
        self._frames = Frames(source, settings, self._painters)
        self._said = 0
        self._say_source_notes()
        for note in ignored_options.settings(settings, source, target):
            self._note(note)
        self._fps = settings.fps
        if target.highest_rate and (self._fps or source.rate) > target.highest_rate:
            self._fps = target.highest_rate
            self._note(
                f"{target.name}: is written with at most {self._fps} frames a second, more are not shown as"
                " they should be"
            )
        self._begin, self._done, self._size = time.perf_counter(), 0, (0, 0)
        self._skipped = self._written = self._cut = 0
        self._states: dict[int, dict[str, NDArray[Any]]] = {}
        self._of = retime.expected(
            source, settings.start, settings.end, retime.rational(self._fps) if self._fps else None
        )
        self._sink: Sink | None = None
        self._waiting: list[Any] = []
        self._shown: float | None = None
        self._steps: set[float] = set()
        self._told_sizes = False

    def paint(self) -> PaintedVideo:
        """Raises as `fststyle.runtime.video.stylize.stylize_video`."""
        source, target = self._source, self._target
        try:
            if self._settings.resume:
                self._resume()
            with self._place() as place:
                self._paint(place)
            if self._checkpoint is not None:
                self._checkpoint.remove()
        except KeyboardInterrupt:
            if self._checkpoint is not None and self._checkpoint.segments:
                frames = self._checkpoint.frames
                self._note(f"{target.name}: {frames} frames are kept; repeat the command to continue")
            raise
        except OutputError as error:
            raise OutputError(f"{target.name}: {str(error).removeprefix(f'{target.name}: ')}") from error
        except OSError as error:
            raise OutputError(f"{target.name}: cannot be written: {error.strerror or error}") from error
        finally:
            if self._checkpoint is not None:
                self._checkpoint.release()
        if self._sink is None:
            raise OutputError(f"{target.name}: no frame was written")
        seconds = round(time.perf_counter() - self._begin, 3)
        height, width = self._sink.size or self._size
        ends = source.name, str(target.path or "-")
        lost = tuple(contents.lost(source, self._sink))
        name, device = self._painters.name, self._painters.device
        return PaintedVideo(
            *ends, width, height, self._done, seconds, name, device, source.broken, lost, tuple(self._notes)
        )

    def _paint(self, place: Any) -> None:
        source, target = self._source, self._target
        try:
            items = items_of(source, self._settings, self._fps)
            if self._checkpoint is not None:
                items = after(items, self._skipped)
            # A pipe may wait for ever, and nobody closes it; a file that is still read must not be closed.
            patience = (
                PATIENCE if isinstance(source, RawSource) else None,
                PATIENCE if target.path is None else None,
            )
            write = functools.partial(self._write, place=place)
            pipeline.run(items, self._frames.begin, self._finish, write, self._workers, patience)
            if self._sink is None and self._skipped:
                self._sink = self._opened(place, None)
            if self._sink is None:
                part = f" from {settings.start:g} seconds on" if (settings := self._settings).start else ""
                why = f" ({source.broken})" if source.broken else ""
                raise InputError(f"{source.name}: holds no frames{part}{why}")
            if isinstance(self._sink, SegmentSink):
                self._sink.cut(None, self._size, last=True)
            self._say_source_notes()
            said = len(self._sink.notes)
            self._sink.close()
            for note in dict.fromkeys(self._sink.notes[said:]):
                self._note(f"{target.name}: {note}")
            shown = (self._shown or 0.0) - retime.begins(source, self._settings.start)
            for note in ignored_options.keyframes(self._settings, shown):
                self._note(note)
            if not self._sink.keeps_times and self._steps and max(self._steps) > 1.5 * min(self._steps):
                told = "cannot say how long each frame is shown, and they differ; --fps makes them even"
                self._note(f"{target.name}: {told}")
        except BaseException:
            if self._sink is not None:
                self._sink.abandon()
            raise

    def _resume(self) -> None:
        """Open the finished segments, and go on after them."""
        path = self._target.path
        if path is None or not self._target.encoded or isinstance(self._source, RawSource):
            what = self._source.name if isinstance(self._source, RawSource) else self._target.name
            raise OutputError(
                f"--resume: needs a file as input and a video file as output, which {what} is not"
            )
        self._checkpoint = checkpoint = Checkpoint(path, self._source, self._settings)
        if not checkpoint.segments:
            return
        self._skipped = self._done = self._written = self._cut = checkpoint.frames
        last = checkpoint.segments[-1]
        self._size, self._shown = last.size, float(last.pts[-1] * last.base)
        if not checkpoint.complete:
            self._frames.restore(checkpoint.state())
        self._note(f"{self._target.name}: continues after {self._done} frames that are finished")

    def _opened(self, place: Any, first: Shot | None) -> Sink:
        rate = retime.rational(self._fps) if self._fps else self._source.rate
        if self._checkpoint is not None:
            return SegmentSink(place, self._source, rate, self._encoding, self._checkpoint, self._packets)
        if first is None:
            raise InputError(f"{self._source.name}: has no frame to stylize")
        return self._target.open(place, self._source, first, rate)

    def _packets(self) -> Iterator[Any]:
        """The packets of the other streams, as they come between the frames."""
        with contextlib.closing(self._source.packets()) as again:
            again.origin, again.rate = self._source.origin, self._source.rate
            yield from retime.between(again, self._settings.start, self._settings.end)

    def _place(self) -> contextlib.AbstractContextManager[Any]:
        path = self._target.path
        if path is None:
            return contextlib.nullcontext()
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._checkpoint is not None:
            return self._checkpoint.output(path)
        return replacing_path(path) if self._target.single else contextlib.nullcontext(path)

    def _finish(self, painted: tuple[Any, Any]) -> Any:
        # A segment ends before a frame that is stylized anew, not before a repeated one.
        full = self._checkpoint is not None and self._done - self._cut >= FRAMES
        if full and painted[1] is not None:
            self._cut = self._done
            self._states[self._done] = self._frames.state()
        item = self._frames.finish(painted)
        if isinstance(item, Shot):
            self._done += 1
            self._listener.on_progress(
                Progress(
                    self._done,
                    self._of,
                    (self._done - self._skipped) / (time.perf_counter() - self._begin),
                    item.rgb,
                )
            )
        return item

    def _write(self, item: Any, place: Any) -> None:
        """Write an item. The output is opened with the first frame; packets before it wait."""
        if self._sink is None:
            self._waiting.append(item)
            if not isinstance(item, Shot):
                return
            if not self._skipped:
                self._size = item.rgb.shape[:2]
            self._say_source_notes()
            self._sink = self._opened(place, item)
            for note in dict.fromkeys(self._sink.notes):
                self._note(f"{self._target.name}: {note}")
            items, self._waiting = self._waiting, []
        else:
            items = [item]
        for one in items:
            if isinstance(one, Shot):
                if isinstance(self._sink, SegmentSink) and self._written in self._states:
                    self._sink.cut(self._states.pop(self._written), self._size)
                self._sink.write(self._fitted(one))
                self._written += 1
                self._note_time(one.seconds)
            else:
                self._sink.copy(one)

    def _fitted(self, shot: Shot) -> Shot:
        """The shot in the size that the first one had, which streams may change on the way and files may
        not.
        """
        if shot.rgb.shape[:2] == self._size:
            return shot
        if not self._told_sizes:
            height, width = self._size
            self._note(
                f"{self._source.name}: its frames change their size; all are written as {width}x{height}"
            )
            self._told_sizes = True
        return replace(shot, rgb=resized(shot.rgb, self._size), alpha=fitted(shot.alpha, self._size))

    def _note_time(self, seconds: float) -> None:
        """Note the shortest and the longest time between two frames, at least one millisecond."""
        if self._shown is not None:
            self._steps |= {max(0.001, seconds - self._shown)}
            self._steps = {min(self._steps), max(self._steps)}
        self._shown = seconds

    def _say_source_notes(self) -> None:
        """What the source has noted since; some is known with its first frame only, such as its field
        rate.
        """
        notes, said = self._source.notes, self._said
        self._said = len(notes)
        for note in notes[said:]:
            self._note(note)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._listener.on_note(text)


def items_of(source: Source, settings: "VideoSettings", fps: float | None) -> Iterator[Any]:
    """The frames and packets of the part of ``source`` that is stylized, at ``fps`` where given."""
    items = retime.between(source, settings.start, settings.end)
    if not fps:
        return items
    end = settings.end
    if end is not None:  # in the time of the items
        end += retime.begins(source, settings.start) - settings.start
    return retime.at_rate(items, retime.rational(fps), end, repeat=bool(settings.fps))
