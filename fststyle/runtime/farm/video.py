"""Stylize one video on a Ray cluster.

Each part (`fststyle.runtime.farm.parts`) is a task of the cluster. Finished parts are joined in the same way
as the segments that ``--resume`` stores.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fststyle.errors import InputError, OutputError
from fststyle.runtime.farm.cluster import Cluster, working_folder
from fststyle.runtime.farm.parts import MIN_FRAMES, Part, StylizedPart, split_video, stylize_part
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.conversion import VideoConversion
from fststyle.runtime.video.formats.base import Source
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.output import Output
from fststyle.runtime.video.report import Progress
from fststyle.runtime.video.resume import ResumeFolder, Segment


class FarmConversion(VideoConversion):
    """`VideoConversion` that stylizes the frames on the cluster given by ``settings.ray``.

    All machines must be able to read the input at the same path. Only this machine writes the output.
    Finished parts are kept until the output is complete. If the run is interrupted, the same command
    continues with the missing parts.
    """

    @property
    def _keeps_segments(self) -> bool:
        return True

    def _open_resume_folder(self) -> ResumeFolder:
        path, source = self._target.path, self._source
        if path is None or not self._target.encoded or not isinstance(source, Reader):
            what = self._target.name if isinstance(source, Reader) else source.name
            raise OutputError(f"--ray needs a video file as input and as output, not {what}")
        self._cluster = Cluster(str(self._settings.ray))
        length = MIN_FRAMES / float(self._fps or source.rate)
        self._parts = split_video(self._key_frames(source), self._seconds(source), length)
        folder = self._finished = _PartsFolder(path, source, self._settings, self._parts)
        if folder.done:
            self._done = self._skipped = sum(len(one.pts) for one in folder.done.values())
            self._note(f"{self._target.name}: continues after {self._done} finished frames")
        return folder

    def _key_frames(self, source: Reader) -> list[float]:
        """Return the times of the key frames after the start, in seconds from the start of the output."""
        start, end = self._settings.start, self._settings.end
        found = [time - start for time in source.key_frames() if end is None or time < end]
        return [time for time in found if time > 0]

    def _seconds(self, source: Source) -> float | None:
        """Return the duration of the output in seconds, or None if it is unknown."""
        ends = [seconds for seconds in (self._settings.end, source.seconds) if seconds is not None]
        return max(0.0, min(ends) - self._settings.start) if ends else None

    def _stylize(self, place: Path) -> Output:
        finished, source, target = self._finished, self._source, self._target
        waiting = [number for number in range(len(self._parts)) if number not in finished.done]
        given = str(Path(source.name).absolute()), str(target.path and target.path.suffix)
        local = replace(self._settings, ray=None, threads=self._settings.threads or 1)
        tasks = [
            (os.getcwd(), *given, self._parts[number], local, self._encoding, self._fps) for number in waiting
        ]
        results = self._cluster.run(_work, tasks, self._settings.device, self._settings.threads)
        with contextlib.closing(results):
            for place_, result in results:
                self._keep(waiting[place_], result)
        finished.join()
        if not finished.segments:
            raise InputError(f"{source.name}: {self._no_frames()}")
        output = Output(source.name, target.name, lambda first: self._open_sink(place, first), self._note)
        output.resume(self._done, finished.segments[-1])
        try:
            output.close()
        except BaseException:
            output.abandon()
            raise
        return output

    def _keep(self, number: int, result: StylizedPart) -> None:
        """Store the result of part ``number``, and report its notes and the progress.

        Damage and lost properties are recorded in the source. Raises `OutputError` if the part cannot be
        stored.
        """
        source = self._source
        for note in result.notes:
            if note not in self._notes:
                self._note(note)
        source.rate, source.broken = result.rate, source.broken or result.broken
        source.lost += [name for name in result.lost if name not in source.lost]
        try:
            self._finished.keep(number, result.segment, result.video)
        except OSError as error:
            raise OutputError(
                f"part {number + 1} of the video cannot be stored: {error.strerror or error}"
            ) from error
        self._done += 0 if result.segment is None else len(result.segment.pts)
        fps = (self._done - self._skipped) / (time.perf_counter() - self._begin)
        self._listener.on_progress(Progress(self._done, self._total, fps))


class _PartsFolder(ResumeFolder):
    """`ResumeFolder` whose segments are parts, which may be finished in any order.

    ``done`` maps the number of each finished part to its segment. The argument ``planned`` is a list of all
    parts of the video. Raises the errors of `ResumeFolder`.
    """

    def __init__(self, target: Path, source: Source, settings: VideoSettings, planned: list[Part]):
        self.done: dict[int, Segment] = {}
        self._count = len(planned)
        super().__init__(target, source, settings, [[part.begin, part.end] for part in planned])

    @property
    def frames(self) -> int:
        return sum(len(segment.pts) for segment in self.done.values())

    @property
    def kept(self) -> bool:
        return bool(self.done)

    def keep(self, number: int, segment: Segment | None, video: bytes) -> None:
        """Store part ``number`` as finished.

        ``segment`` describes its frames; it is None if the part has no frames. ``video`` contains the bytes
        of its video file.
        """
        part = self.folder / f"{number:06d}.part"
        part.write_bytes(video)
        self.store(number, segment or Segment([], [], "1", (0, 0)), part)
        self.done[number] = segment or Segment([], [], "1", (0, 0))

    def join(self) -> None:
        """Set ``segments`` to the finished parts in chronological order, without those that have no frames.

        Raises `InputError` if the parts differ in frame size, transparency or time base.
        """
        self.numbers = [number for number in sorted(self.done) if self.done[number].pts]
        self.segments = [self.done[number] for number in self.numbers]
        if len({(one.size, one.alpha, one.time_base) for one in self.segments}) > 1:
            raise InputError(
                "--ray does not support videos whose frame size, transparency or time base changes; stylize"
                " this one without --ray"
            )

    def video(self, number: int) -> Path:
        """Return the path of the video file for ``segments[number]`` (see `join`)."""
        return super().video(self.numbers[number])

    def stored(self) -> Iterator[int]:
        return (number for number in range(self._count) if self.has(number))

    def add(self, number: int, segment: Segment) -> None:
        self.done[number] = segment


def _work(
    folder: str,
    source: str,
    suffix: str,
    part: Part,
    settings: VideoSettings,
    encoding: Encoding,
    fps: float | None,
) -> StylizedPart:
    """Run `stylize_part` in a worker, with paths relative to ``folder``."""
    with working_folder(folder):
        return stylize_part(source, suffix, part, settings, encoding, fps)
