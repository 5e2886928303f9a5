"""Paint a video: every frame once, at its own time, with the sound as it was."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from fststyle.arrays import RGB
from fststyle.errors import BatchError, InputError, OutputError
from fststyle.io.files import replacing_path, spare
from fststyle.runtime.output_paths import check_folder
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.style import Style
from fststyle.runtime.video import ignored_options, pipeline, retime
from fststyle.runtime.video.formats.base import Item, Shot, Sink, Source
from fststyle.runtime.video.formats.open import Incoming, Target, open_source, target_of
from fststyle.runtime.video.formats.raw import RawSource
from fststyle.runtime.video.formats.writer import Encoding
from fststyle.runtime.video.frames import Frames, fitted, resized, side_by_side
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.runtime.video.transitions import Painters
from fststyle.settings import check, unknown

PATIENCE = 1.0
"""Seconds that a pipe is waited for when the work is stopped."""


@dataclass(frozen=True)
class Listener:
    """Who hears how a video goes: of each frame, and of what the user should know of it."""

    on_progress: "Callable[[Progress], None]" = lambda progress: None
    on_note: Callable[[str], None] = lambda note: None


@dataclass(frozen=True)
class Progress:
    """After a frame: how many are done, how many there are (as far as the file tells), frames a second so
    far.
    """

    frames: int
    of: int | None
    fps: float


@dataclass(frozen=True)
class PaintedVideo:
    """One video done: its size in pixels, its frames, and the seconds it took; "-" is stdin or stdout."""

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
    """Streams that the output's container cannot hold."""
    notes: tuple[str, ...] = ()
    """What else the user should know."""


def stylize_video(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings | None = None,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    **changes: Any,
) -> PaintedVideo:
    """Paint the video ``source`` into ``target``; the keyword arguments are the fields of `VideoSettings`.

    ``source``: a video file, an animated GIF, WebP or PNG, numbered pictures (``frames/%05d.png`` or their
    folder), or "-" for raw frames from ``stdin``. ``target``: a file in the container of its suffix, an
    animated picture, numbered pictures, a folder (the name is kept), or "-" for raw frames to ``stdout``.

    Every frame keeps its own time unless ``fps`` asks for another rate; sound and subtitles are copied as
    they are (sound encoded anew only where the container cannot hold it), metadata and chapters kept. A file
    appears whole or not at all. A damaged video gives what could be read, and says so in ``broken``. Raises
    `InputError`, `OutputError`, `StyleError`, `DeviceError`.
    """
    settings = checked(_changed(settings or VideoSettings(), changes))
    return paint_video(source, target, settings, Listener(on_progress, on_note), stdin, stdout)


def paint_video(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings,
    listener: Listener,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> PaintedVideo:
    """As `stylize_video`, for checked settings."""
    if not str(target):
        raise OutputError("the name of the output is empty")
    opened = open_source(source, Incoming(retime.rational(settings.rate), settings.frame_size), stdin)
    try:
        place = target_of(
            target, opened, Encoding(settings.codec, settings.crf, settings.pix_fmt, settings.preset), stdout
        )
        if place.path is not None:
            if place.single:
                spare((source, *filter(None, (settings.mask,))), place.path)
            check_folder(place.path.parent)
        return _Job(opened, place, settings, listener).paint()
    finally:
        opened.close()


def video_frames(
    source: str | Path, style: str | Path | Style = "starry-night-live", **changes: Any
) -> Iterator[RGB]:
    """The painted frames of a video, one after another: uint8 (H, W, 3) RGB.

    Keyword arguments and errors as of `stylize_video`.

    A damaged video gives what could be read, and then raises `BatchError`.
    """
    loaded = style if isinstance(style, Style) else None
    settings = checked(
        _changed(VideoSettings(style=style.name if isinstance(style, Style) else str(style)), changes)
    )
    opened = open_source(source, Incoming(retime.rational(settings.rate), settings.frame_size))
    try:
        frames = Frames(opened, settings, Painters(settings.timeline, settings, style=loaded))
        for item in _items(opened, settings, settings.fps):
            if isinstance(item, Shot):
                yield frames.finish(frames.begin(item)()).rgb
        if opened.broken:
            raise BatchError(f"{source}: is damaged ({opened.broken}); what could be read was painted")
    finally:
        opened.close()


class _Job:
    """One video being painted."""

    def __init__(self, source: Source, target: Target, settings: VideoSettings, listener: Listener):
        self._source, self._target, self._settings, self._listener = source, target, settings, listener
        self._notes: list[str] = []
        settings, self._workers = side_by_side(settings)
        source.chapters = retime.chapters(source, settings.start, settings.end)
        self._painters = Painters(settings.timeline, settings, self._note)
        self._frames = Frames(source, settings, self._painters)
        for note in (*source.notes, *ignored_options.settings(settings, source, target)):
            self._note(note)
        self._fps = settings.fps
        if target.highest_rate and (self._fps or source.rate) > target.highest_rate:
            self._fps = target.highest_rate
            self._note(
                f"{target.name}: is written with at most {self._fps} frames a second, more are not shown as"
                " they should be"
            )
        self._begin, self._done, self._size = time.perf_counter(), 0, (0, 0)
        self._of = retime.expected(
            source, settings.start, settings.end, retime.rational(self._fps) if self._fps else None
        )
        self._sink: Sink | None = None
        self._waiting: list[Item] = []
        self._shown: float | None = None
        self._steps: set[float] = set()
        self._told_sizes = False

    def paint(self) -> PaintedVideo:
        """Raises as `stylize_video`."""
        source, target = self._source, self._target
        try:
            with self._place() as place:
                try:
                    items = _items(source, self._settings, self._fps)
                    # A pipe may wait for ever, and nobody closes it; a file that is still read must not be
                    # closed.
                    patience = (
                        PATIENCE if isinstance(source, RawSource) else None,
                        (PATIENCE if target.path is None else None),
                    )
                    pipeline.run(
                        items,
                        self._frames.begin,
                        self._finish,
                        lambda item: self._write(item, place),
                        self._workers,
                        patience,
                    )
                    if self._sink is None:
                        part = (
                            f" from {settings.start:g} seconds on"
                            if (settings := self._settings).start
                            else ""
                        )
                        raise InputError(
                            f"{source.name}: holds no"
                            f" frames{part}{f' ({source.broken})' if source.broken else ''}"
                        )
                    self._sink.close()
                    for note in ignored_options.keyframes(
                        self._settings, (self._shown or 0.0) - retime.begins(source, self._settings.start)
                    ):
                        self._note(note)
                    if (
                        not self._sink.keeps_times
                        and self._steps
                        and max(self._steps) > 1.5 * min(self._steps)
                    ):
                        self._note(
                            f"{target.name}: cannot say how long each frame is shown, and they differ; --fps"
                            " makes them even"
                        )
                except BaseException:
                    if self._sink is not None:
                        self._sink.abandon()
                    raise
        except OutputError as error:
            raise OutputError(f"{target.name}: {str(error).removeprefix(f'{target.name}: ')}") from error
        except OSError as error:
            raise OutputError(f"{target.name}: cannot be written: {error.strerror or error}") from error
        seconds, (height, width) = round(time.perf_counter() - self._begin, 3), self._sink.size or self._size
        ends = source.name, str(target.path or "-")
        lost = tuple(self._sink.lost)
        return PaintedVideo(
            *ends,
            width,
            height,
            self._done,
            seconds,
            self._painters.name,
            self._painters.device,
            source.broken,
            lost,
            tuple(self._notes),
        )

    def _place(self) -> contextlib.AbstractContextManager[Path | None]:
        path = self._target.path
        if path is None:
            return contextlib.nullcontext()
        path.parent.mkdir(parents=True, exist_ok=True)
        return replacing_path(path) if self._target.single else contextlib.nullcontext(path)

    def _finish(self, painted: tuple[Item, RGB | None]) -> Item:
        item = self._frames.finish(painted)
        if isinstance(item, Shot):
            self._done += 1
            self._listener.on_progress(
                Progress(self._done, self._of, self._done / (time.perf_counter() - self._begin))
            )
        return item

    def _write(self, item: Item, place: Any) -> None:
        """The file is begun with the first frame, whose size it takes; sound that comes before waits."""
        if self._sink is None:
            self._waiting.append(item)
            if not isinstance(item, Shot):
                return
            self._size = item.rgb.shape[:2]
            rate = retime.rational(self._fps) if self._fps else self._source.rate
            self._sink = self._target.open(place, self._source, item, rate)
            for note in dict.fromkeys(self._sink.notes):
                self._note(f"{self._target.name}: {note}")
            items, self._waiting = self._waiting, []
        else:
            items = [item]
        for one in items:
            if isinstance(one, Shot):
                self._sink.write(self._fitted(one))
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
        """The shortest and the longest time between two frames, in milliseconds at the least: clocks tick in
        those.
        """
        if self._shown is not None:
            self._steps |= {max(0.001, seconds - self._shown)}
            self._steps = {min(self._steps), max(self._steps)}
        self._shown = seconds

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._listener.on_note(text)


def _changed(settings: VideoSettings, changes: dict[str, Any]) -> VideoSettings:
    try:
        return replace(settings, **changes)
    except TypeError as error:
        raise unknown("a video", error) from error


def checked(settings: VideoSettings) -> VideoSettings:
    """The settings, if they can be right. Raises `InputError`."""
    check(settings)
    parse_keyframes(settings.style, settings.strength, settings.keyframes, settings.fade)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--end: {settings.end:g} is not after the start at {settings.start:g} seconds")
    return settings


def _items(source: Source, settings: VideoSettings, fps: float | None) -> Iterator[Item]:
    items = retime.between(source, settings.start, settings.end)
    if not fps:
        return items
    end = settings.end
    if end is not None:  # in the time of the items
        end += retime.begins(source, settings.start) - settings.start
    return retime.at_rate(items, retime.rational(fps), end, repeat=bool(settings.fps))
