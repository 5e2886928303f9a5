"""Sources of sound: an input of the system, or a file that is played in real time."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.errors import DependencyError, FststyleError, InputError
from fststyle.runtime.video.formats.pyav import av, reason
from fststyle.runtime.webcam.controls.analysis import HOP, RATE, Samples

_WAITING = 64
"""Blocks of an input that wait; older ones are dropped."""

SILENT = 5.0
"""Seconds without samples after which an input counts as disconnected."""


def decoded(path: Path) -> Iterator[Samples]:
    """The sound of a file, mono at `RATE`, in blocks. Raises `InputError`."""
    library = av()
    try:
        with library.open(str(path.absolute()), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no sound")
            resampler = library.AudioResampler(format="flt", layout="mono", rate=RATE)
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().reshape(-1)
            for piece in resampler.resample(None):
                yield piece.to_ndarray().reshape(-1)
    except (library.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: its sound cannot be read: {reason(error)}") from error


def played(path: Path, stop: threading.Event) -> Iterator[Samples]:
    """As `decoded`, in real time and repeated, until ``stop`` is set. Raises `InputError`."""
    due = time.monotonic()
    while True:
        count = 0
        for block in decoded(path):
            for start in range(0, len(block), HOP):
                piece = block[start : start + HOP]
                count += len(piece)
                due = max(due + len(piece) / RATE, time.monotonic() - 0.5)
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                yield piece
        if not count:
            raise InputError(f"{path}: has no sound")


def recorded(wanted: str, stop: threading.Event) -> Iterator[Samples]:
    """The sound of an input of the system, mono at `RATE`, until ``stop`` is set.

    ``wanted``: "auto" for the default input, or a part of its name. Raises `DependencyError` without
    sounddevice or PortAudio, and `InputError` if there is no such input or it stops.
    """
    sounddevice, device = _library(), None if wanted == "auto" else wanted
    waiting: queue.Queue[Samples] = queue.Queue(_WAITING)

    def take(block: Any, *_: object) -> None:
        if waiting.full():
            waiting.get_nowait()
        waiting.put_nowait(block.mean(axis=1))

    try:
        found = sounddevice.query_devices(device, "input")
        # Many devices have one rate only.
        rate = int(found["default_samplerate"])
        resampler = av().AudioResampler(format="flt", layout="mono", rate=RATE)
        with sounddevice.InputStream(
            samplerate=rate,
            channels=min(2, int(found["max_input_channels"])),
            blocksize=HOP,
            dtype="float32",
            device=device,
            callback=take,
        ):
            heard = time.monotonic()
            while not stop.is_set():
                try:
                    block = waiting.get(timeout=0.2)
                    heard = time.monotonic()
                except queue.Empty:
                    if time.monotonic() - heard > SILENT:
                        raise InputError("the sound input gives no samples; is it disconnected?") from None
                    continue
                yield from _resampled(block, rate, resampler)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise InputError(f"--audio: the sound input {wanted} cannot be used: {error}") from error


def _resampled(block: Samples, rate: int, resampler: Any) -> Iterator[Samples]:
    """Samples at `RATE`."""
    if rate == RATE:
        yield block
        return
    frame = av().AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="flt", layout="mono")
    frame.sample_rate = rate
    for piece in resampler.resample(frame):
        yield piece.to_ndarray().reshape(-1)


class Listener:
    """Passes the sound of a source to ``feed`` in a thread. A source that fails is opened again every
    ``retry`` seconds, which is reported once for each reason.

    ``source``: "auto", a part of the name of an input, or a file. Raises `InputError` for a file without
    sound and an input that does not exist, and `DependencyError`.
    """

    def __init__(
        self,
        source: str,
        feed: Callable[[Samples], None],
        on_note: Callable[[str], None],
        retry: float = 2.0,
    ):
        self._stop, self._feed, self._on_note, self._retry = threading.Event(), feed, on_note, retry
        path = Path(source)
        self._open: Callable[[], Iterator[Samples]] = (
            (lambda: played(path, self._stop)) if path.is_file() else (lambda: recorded(source, self._stop))
        )
        self.alive = True
        """Whether samples come."""
        self._first = self._open()
        feed(next(self._first, np.zeros(0, np.float32)))  # errors come before the show
        self._thread = threading.Thread(target=self._listen, name="fststyle-sound", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(3)

    def _listen(self) -> None:
        blocks, told = self._first, set[str]()
        while not self._stop.is_set():
            try:
                for block in blocks:
                    self.alive = True
                    self._feed(block)
            except Exception as error:  # a sound card that fails does not end the show
                text = str(error) if isinstance(error, FststyleError) else f"{type(error).__name__}: {error}"
                if text not in told and len(told) < 10:
                    told.add(text)
                    self._on_note(f"{text}; trying again every {self._retry:g} seconds")
            self.alive = False
            self._stop.wait(self._retry)
            blocks = self._open()


def _library() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise DependencyError("--audio needs sounddevice: pip install sounddevice") from error
    except OSError as error:
        raise DependencyError(
            f"--audio needs the library PortAudio (Debian: apt-get install libportaudio2): {error}"
        ) from error
    return sounddevice
