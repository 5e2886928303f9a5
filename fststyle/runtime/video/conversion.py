"""Convert one video: read, stylize and write its frames concurrently."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from fststyle.arrays import RGB
from fststyle.errors import InputError, OutputError
from fststyle.io.files import PIPE, replacing_path
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video import ignored_options, pipeline, retime
from fststyle.runtime.video.formats import contents
from fststyle.runtime.video.formats.base import Item, Sink, Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.open import Target
from fststyle.runtime.video.formats.pyav import Packet
from fststyle.runtime.video.formats.raw import RawSource
from fststyle.runtime.video.formats.segments import SegmentSink
from fststyle.runtime.video.frame_processor import FrameProcessor, concurrency
from fststyle.runtime.video.output import Output
from fststyle.runtime.video.report import PaintedVideo, Progress, VideoListener
from fststyle.runtime.video.resume import FRAMES, ResumeFolder, frames_after
from fststyle.runtime.video.transitions import TransitionStylizer

PATIENCE = 1.0
"""Time in seconds to wait for a blocked pipe after an error or interruption."""


class VideoConversion:
    """Stylizes the frames of one video, the open ``source``, and writes them to ``target``.

    ``listener`` receives the progress and the messages. ``encoding`` holds the encoder options for
    ``--resume`` and ``--ray``, which encode the video in several files; otherwise, ``target`` determines how
    it is encoded. The constructor loads the styles and the mask, and raises the errors of
    `TransitionStylizer` and `FrameProcessor`. The caller closes ``source``.
    """

    def __init__(
        self,
        source: Source,
        target: Target,
        settings: VideoSettings,
        listener: VideoListener,
        encoding: Encoding,
    ):
        self._source, self._target, self._settings, self._listener = source, target, settings, listener
        self._encoding = encoding
        self._resume_folder: ResumeFolder | None = None
        self._notes: list[str] = []
        settings, self._workers = concurrency(settings)
        source.cut = bool(settings.start)
        source.chapters = retime.chapters(source, settings.start, settings.end)
        self._transitions = TransitionStylizer(settings.timeline, settings, self._note)
        self._frames = FrameProcessor(source, settings, self._transitions, self._note)
        self._source_notes = 0
        self._note_source()
        for note in ignored_options.notes_on_settings(settings, source, target):
            self._note(note)
        self._fps = self._output_fps()
        self._total = retime.expected(
            source, settings.start, settings.end, retime.rational(self._fps) if self._fps else None
        )
        self._begin = time.perf_counter()
        self._done = self._skipped = self._segment_start = 0

    def run(self) -> PaintedVideo:
        """Stylize the video, write the target, and return a summary. Call this once.

        Raises the errors of `fststyle.runtime.video.stylize.stylize_video`.
        """
        target = self._target
        try:
            if self._keeps_segments:
                self._resume_folder = self._open_resume_folder()
            with self._place() as place:
                output = self._stylize(place)
            if self._resume_folder is not None:
                self._resume_folder.remove()
        except (KeyboardInterrupt, SystemExit):  # SystemExit is raised for SIGTERM
            if self._resume_folder is not None and self._resume_folder.kept:
                frames = self._resume_folder.frames
                self._note(f"{target.name}: {frames} frames are kept; repeat the command to continue")
            raise
        except OutputError as error:
            raise OutputError(f"{target.name}: {str(error).removeprefix(f'{target.name}: ')}") from error
        except OSError as error:
            raise OutputError(f"{target.name}: cannot be written: {error.strerror or error}") from error
        finally:
            self._frames.close()
            if self._resume_folder is not None:
                self._resume_folder.release()
        height, width = output.size
        return PaintedVideo(
            input=self._source.name,
            output=str(target.path or "-"),
            width=width,
            height=height,
            frames=self._done,
            seconds=round(time.perf_counter() - self._begin, 3),
            style=self._transitions.name,
            device=self._transitions.device,
            broken=self._source.broken,
            lost=tuple(contents.lost(self._source, output.sink)),
            notes=tuple(self._notes),
        )

    @property
    def _keeps_segments(self) -> bool:
        return self._settings.resume

    def _stylize(self, place: Path) -> Output:
        source, target = self._source, self._target
        output = Output(source.name, target.name, lambda first: self._open_sink(place, first), self._note)
        if self._resume_folder is not None and self._resume_folder.segments:
            output.resume(self._skipped, self._resume_folder.segments[-1])
        try:
            # Access to a pipe may block forever, even if the pipe is closed. Threads that use files must end
            # before the files are closed.
            patience = (
                PATIENCE if isinstance(source, RawSource) else None,
                PATIENCE if target.path is None else None,
            )
            pipeline.run(
                self._items(),
                self._frames.begin,
                lambda stylized: self._finish(stylized, output),
                output.write,
                self._workers,
                patience,
            )
            if not output.opened and not self._skipped:
                raise InputError(f"{source.name}: {self._no_frames()}")
            self._note_source()
            output.close()
        except BaseException:
            output.abandon()
            raise
        shown = (output.shown or 0.0) - retime.first_time(source, self._settings.start)
        for note in ignored_options.notes_on_keyframes(self._settings, shown):
            self._note(note)
        return output

    def _items(self) -> Iterator[Item]:
        items = items_of(self._source, self._settings, self._fps)
        return items if self._resume_folder is None else frames_after(items, self._skipped)

    def _finish(self, stylized: tuple[Item, RGB | None], output: Output) -> Item:
        # A segment may end only before a frame that is stylized, not before a repeated one.
        full = self._resume_folder is not None and self._done - self._segment_start >= FRAMES
        if full and stylized[1] is not None:
            self._segment_start = self._done
            output.end_segment(self._done, self._frames.state())
        item = self._frames.finish(stylized)
        if isinstance(item, TimedFrame):
            self._done += 1
            fps = (self._done - self._skipped) / (time.perf_counter() - self._begin)
            self._listener.on_progress(Progress(self._done, self._total, fps, item.rgb))
        return item

    def _open_resume_folder(self) -> ResumeFolder:
        """Open the folder with the finished segments of the target, and restore the state after the last one.

        Raises `OutputError` if the input or the output does not support ``--resume``, and the errors of
        `ResumeFolder`.
        """
        path = self._target.path
        if path is None or not self._target.encoded or isinstance(self._source, RawSource):
            what = self._source.name if isinstance(self._source, RawSource) else self._target.name
            raise OutputError(
                "--resume: needs a video or an image sequence as input and a video file as output, not"
                f" {what}"
            )
        resume_folder = ResumeFolder(path, self._source, self._settings)
        if resume_folder.segments:
            self._skipped = self._done = self._segment_start = resume_folder.frames
            try:
                if not resume_folder.complete:
                    self._restore(resume_folder)
            except BaseException:
                resume_folder.release()
                raise
            self._note(f"{self._target.name}: continues after {self._done} finished frames")
        return resume_folder

    def _restore(self, resume_folder: ResumeFolder) -> None:
        state = resume_folder.state()
        try:
            self._frames.restore(state)
        except InputError as error:
            raise InputError(f"{resume_folder.folder}: {error}; delete the folder to start again") from error

    def _open_sink(self, place: Path, first: TimedFrame | None) -> Sink:
        self._note_source()
        rate = retime.rational(self._fps) if self._fps else self._source.rate
        if self._resume_folder is not None:
            return SegmentSink(place, self._source, rate, self._encoding, self._resume_folder, self._packets)
        if first is None:
            raise InputError(f"{self._source.name}: {self._no_frames()}")
        return self._target.open(place, self._source, first, rate)

    def _packets(self) -> Iterator[Packet]:
        """Yield the packets of the audio, subtitle and other streams from ``--start`` to ``--end``.

        The source is opened again for this.
        """
        with contextlib.closing(self._source.packets()) as again:
            again.origin, again.rate = self._source.origin, self._source.rate
            yield from retime.between(again, self._settings.start, self._settings.end)

    def _place(self) -> contextlib.AbstractContextManager[Path]:
        """Return a context manager that yields the path to write to, or "-" for stdout.

        A missing folder is created. A single file is written under a temporary name, and renamed to the
        target if the block ends without an exception.
        """
        path = self._target.path
        if path is None:
            return contextlib.nullcontext(Path(PIPE))
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._resume_folder is not None:
            return self._resume_folder.output(path)
        return replacing_path(path) if self._target.single else contextlib.nullcontext(path)

    def _output_fps(self) -> float | None:
        """Return the frame rate of the output in frames per second, or None to keep the timestamps.

        If the requested rate, or the rate of the source if none is requested, exceeds the maximum of the
        output format, the maximum is returned and a note is added.
        """
        fps, highest = self._settings.fps, self._target.highest_rate
        if not highest or (fps or self._source.rate) <= highest:
            return fps
        self._note(
            f"{self._target.name}: is written with {highest} frames per second, the maximum that browsers"
            " show correctly in this format"
        )
        return highest

    def _no_frames(self) -> str:
        start, end = self._settings.start, self._settings.end
        part = f" after {start:g} seconds" if start else ""
        part += "" if end is None else f"{' and' if start else ''} before {end:g} seconds"
        why = f" ({self._source.broken})" if self._source.broken else ""
        return f"contains no frames{part}{why}"

    def _note_source(self) -> None:
        """Report the notes that the source has added since the last call.

        Some notes, such as the one about deinterlacing, are added only while frames are read.
        """
        notes, noted = self._source.notes, self._source_notes
        self._source_notes = len(notes)
        for note in notes[noted:]:
            self._note(note)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._listener.on_note(text)


def items_of(source: Source, settings: VideoSettings, fps: float | None) -> Iterator[Item]:
    """Return an iterator over the frames and packets of ``source`` from ``--start`` to ``--end``.

    ``fps`` is the frame rate to convert to, in frames per second, or None to keep the timestamps.
    """
    items = retime.between(source, settings.start, settings.end)
    return retime.changed(items, source, settings, fps)
