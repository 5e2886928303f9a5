"""Store finished segments of a video for ``--resume`` in a hidden folder next to the output.

A segment consists of a short video file and a JSON file with the times of its frames. The latest segment also
has a file with the state that the next frame needs, such as the previous frame for flicker suppression. The
JSON file is written last; a segment without it is ignored. Segments end at the same frames with and without
interruptions, so the result is the same.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fststyle import __version__, catalogue
from fststyle.arrays import Array
from fststyle.errors import InputError, OutputError
from fststyle.io.files import probe
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video import moving_mask
from fststyle.runtime.video.formats.base import Item, Source, TimedFrame
from fststyle.settings import to_dict

State = dict[str, Array]
"""State after the last frame of a segment, as a dict of named arrays. The next frame needs it."""

FRAMES = 100
"""Number of frames per segment. A segment is longer if it would end before a repeated frame."""

_IGNORED = {"resume", "ray", "threads", "skip_existing"}
"""Names of the settings that may differ between an interrupted run and the run that continues it."""


@dataclass(frozen=True)
class Segment:
    """Timestamps and frame format of a finished segment of the output video.

    ``pts`` are the presentation times of the frames, and ``durations`` are their durations (None if unknown).
    Both are in units of ``time_base``, a fraction of a second such as "1/25". ``size`` is the frame size
    (H, W). ``alpha``: True if the frames have transparency. ``last``: True if this is the last segment of the
    video.
    """

    pts: list[int]
    durations: list[int | None]
    time_base: str
    size: tuple[int, int]
    alpha: bool = False
    last: bool = False

    @property
    def base(self) -> Fraction:
        """The time base in seconds."""
        return Fraction(self.time_base)


class ResumeFolder:
    """Folder that stores the finished segments of the output ``target``, so that a run can be continued.

    Except on Windows, the folder is locked until `release` or the end of the process.

    Raises:
        InputError: a file in the folder is damaged, the folder belongs to a run with other values of
            `identity` or ``cuts``, or an input file is missing.
        OutputError: another process uses the folder, or it cannot be locked or written.
        StyleError: a style cannot be read.
    """

    def __init__(self, target: Path, source: Source, settings: VideoSettings, cuts: object = None):
        """Create the folder, or open it and register the finished segments.

        ``cuts`` is a JSON-serializable value that describes where segments end. None means that each segment
        ends after `FRAMES` frames.
        """
        self.folder = _folder(target)
        self.suffix = target.suffix
        self.segments: list[Segment] = []
        run = {**identity(source, settings), **({} if cuts is None else {"segment ends": cuts})}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as undo:
                self._lock = undo.enter_context(_locked(self.folder / "lock", target))
                run_file = self.folder / "run.json"
                if run_file.exists():
                    self._read(run_file, run, target)
                else:
                    _write(run_file, json.dumps(run).encode())
                undo.pop_all()
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written: {error.strerror or error}") from error

    @property
    def frames(self) -> int:
        """Number of frames in finished segments."""
        return sum(len(segment.pts) for segment in self.segments)

    @property
    def complete(self) -> bool:
        """Whether all frames are in finished segments."""
        return bool(self.segments) and self.segments[-1].last

    def video(self, number: int) -> Path:
        """Return the path of the video file of segment ``number``, counted from 0."""
        return self._file(number, self.suffix)

    def state(self) -> State:
        """Return the state after the last finished segment, which is needed to stylize the next frame.

        Raises `InputError` if the file of the state is missing or damaged.
        """
        path = self._file(len(self.segments) - 1, ".npz")
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # numpy raises various exceptions for a damaged file
            raise self._damaged(path.name) from error

    @contextlib.contextmanager
    def output(self, target: Path) -> Iterator[Path]:
        """Context manager that yields the path at which the caller writes the output in the folder.

        When the block ends without an exception, the file at this path is renamed to ``target``.
        Raises `OutputError` at the start if ``target`` cannot be replaced, and `OSError` if renaming fails.
        """
        probe(target)
        part = self.folder / "output.part"
        yield part
        os.replace(part, os.path.realpath(target))

    def commit(self, segment: Segment, written: Path, state: State | None) -> None:
        """Store the next segment, whose video is the file ``written``, and the ``state`` after it.

        The state of the previous segment is deleted. ``state`` may be None for the last segment. Raises
        `OSError` if a file cannot be written or renamed.
        """
        number = len(self.segments)
        if state is not None:
            temporary = self.folder / "state.part"
            with open(temporary, "wb") as file:
                np.savez(file, **state)  # type: ignore[arg-type]
            _synced(temporary)
            os.replace(temporary, self._file(number, ".npz"))
        self.store(number, segment, written)
        self.segments.append(segment)
        with contextlib.suppress(OSError):
            self._file(number - 1, ".npz").unlink(missing_ok=True)

    def store(self, number: int, segment: Segment, written: Path) -> None:
        """Store segment ``number``: rename its finished video file, ``written``, and save ``segment`` as
        JSON. Raises `OSError` if this fails.
        """
        _synced(written)
        os.replace(written, self._file(number, self.suffix))
        _write(self._file(number, ".json"), json.dumps(asdict(segment)).encode())

    def has(self, number: int) -> bool:
        """Return whether the folder contains the JSON file of segment ``number``."""
        return self._file(number, ".json").exists()

    def stored(self) -> Iterator[int]:
        """Yield the numbers of the finished segments in the folder, in order and without gaps.

        The caller must pass each segment to `add` before it requests the next number.
        """
        while self.has(len(self.segments)):
            yield len(self.segments)

    def add(self, number: int, segment: Segment) -> None:
        """Register a segment that is in the folder. Call this in the order of `stored`.

        ``number`` is the number of the segment. Only subclasses use it.
        """
        self.segments.append(segment)

    @property
    def kept(self) -> bool:
        """Whether `release` keeps the folder. It does so if at least one segment is finished."""
        return bool(self.segments)

    def remove(self) -> None:
        """Unlock and delete the folder. Call this after the output is complete."""
        self.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Unlock the folder, and delete it if no segment is finished."""
        self._lock.close()
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, run_file: Path, run: dict[str, object], target: Path) -> None:
        before = _json(run_file)
        if not isinstance(before, dict):
            raise self._damaged(run_file.name)
        if changed := [key for key in {**run, **before} if before.get(key) != run.get(key)]:
            raise InputError(
                f"{target}: the unfinished run in {self.folder} differs in {' and '.join(changed)};"
                " repeat the command of that run with the same input and version, or delete the folder"
            )
        for number in self.stored():
            path = self._file(number, ".json")
            try:
                fields = _json(path)
                segment = Segment(**{**fields, "size": tuple(fields["size"])})
                whole = len(segment.pts) == len(segment.durations) and segment.base > 0
            except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
                raise self._damaged(path.name) from error
            if not whole:
                raise self._damaged(path.name)
            if not (video := self._file(number, self.suffix)).is_file():
                raise self._damaged(video.name)
            self.add(number, segment)

    def _file(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:06d}{suffix}"

    def _damaged(self, name: str) -> InputError:
        return InputError(f"{self.folder}: {name} is missing or damaged; delete the folder to start again")


def finished_frames(target: Path) -> int:
    """Return the number of frames in the finished segments of an interrupted run for ``target``; 0 if there
    is none.
    """
    found = 0
    for path in _folder(target).glob("[0-9]*.json"):
        fields = _json(path)
        found += len(fields["pts"]) if isinstance(fields, dict) and "pts" in fields else 0
    return found


def identity(source: Source, settings: VideoSettings) -> dict[str, object]:
    """Return a dict of the values that must be equal in an interrupted run and the run that continues it.

    These are the version of fststyle, `FRAMES`, a hash of the settings, a hash of each style, and a hash of
    the paths, sizes and modification times of the input files. Raises `StyleError` if a style cannot be
    read, and `InputError` if an input file is missing.
    """
    path = Path(source.name)
    files = [path] if path.is_file() else sorted(getattr(source, "files", {}).values())
    files += [] if settings.mask is None else moving_mask.files(settings.mask)
    files += [] if settings.keyframes is None else [settings.keyframes]
    try:
        stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
    values = {name: value for name, value in to_dict(settings).items() if name not in _IGNORED}
    styles = {
        name: hashlib.sha256(catalogue.load(catalogue.locate(name))).hexdigest()
        for name in settings.timeline.names
    }
    settings_text = json.dumps([values, repr(settings.timeline)], sort_keys=True)
    return {
        "input": hashlib.sha256(json.dumps(stats).encode()).hexdigest(),
        "settings": hashlib.sha256(settings_text.encode()).hexdigest(),
        "style": styles,
        "version of fststyle": __version__,
        "frames per segment": FRAMES,
    }


def _folder(target: Path) -> Path:
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f".fststyle-{name}.resume")


def _locked(path: Path, target: Path) -> BinaryIO:
    """Open the file ``path``, lock it exclusively, and return it.

    The operating system unlocks it when it is closed or the process ends. On Windows, the file is not locked.
    ``target`` is the output path to name in messages. Raises `OutputError` if another process holds the lock
    or the file system does not support locks, and `OSError` if the file cannot be opened.
    """
    file = open(path, "ab")  # noqa: SIM115  (stays open while it is locked)
    try:
        import fcntl
    except ImportError:  # Windows has no flock; an open file cannot be deleted there
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise OutputError(f"{target}: is being written by another process") from error
    except OSError as error:
        file.close()
        raise OutputError(f"{path}: cannot be locked: {error.strerror or error}") from error
    return file


def _write(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, and rename it to ``path``."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    _synced(temporary)
    os.replace(temporary, path)


def _synced(path: Path) -> None:
    """Flush a closed file to disk, so that it is complete before it is renamed."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _json(path: Path) -> Any:
    """Return the content of a JSON file, or None if it cannot be read or parsed."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def frames_after(items: Iterator[Item], frames: int) -> Iterator[Item]:
    """Yield all frames of ``items`` except the first ``frames``. Packets are dropped."""
    for item in items:
        if isinstance(item, TimedFrame):
            if frames <= 0:
                yield item
            frames -= 1
