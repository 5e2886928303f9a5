"""Sound sources: an audio input of the system, or an audio file that is read in real time."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.errors import DependencyError, FststyleError, InputError
from fststyle.runtime.video.formats.pyav import av, reason
from fststyle.runtime.webcam.controls.analysis import HOP, SAMPLE_RATE, Samples

_MAX_BLOCKS = 64
"""Maximum number of blocks of an input that are queued. Older blocks are dropped."""

INPUT_TIMEOUT = 5.0
"""Time in seconds without samples after which an input is treated as failed."""


def decode_file(path: Path) -> Iterator[Samples]:
    """Decode the first audio stream of a file, and yield blocks of mono samples at `SAMPLE_RATE`.

    Raises `InputError` if the file has no audio stream or cannot be read or decoded, and `DependencyError` if
    PyAV is not installed.
    """
    library = av()
    try:
        with library.open(str(path.absolute()), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no audio")
            resampler = library.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().reshape(-1)
            for piece in resampler.resample(None):
                yield piece.to_ndarray().reshape(-1)
    except (library.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: the audio cannot be read: {reason(error)}") from error


def play_file(path: Path, stop: threading.Event) -> Iterator[Samples]:
    """Yield the samples of a file like `decode_file`, but in real time and in a loop, until ``stop`` is set.

    Blocks have at most `HOP` samples. Raises the errors of `decode_file`, and `InputError` if the audio
    stream is empty.
    """
    due = time.monotonic()
    while True:
        count = 0
        for block in decode_file(path):
            for start in range(0, len(block), HOP):
                piece = block[start : start + HOP]
                count += len(piece)
                due = max(due + len(piece) / SAMPLE_RATE, time.monotonic() - 0.5)
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                yield piece
        if not count:
            raise InputError(f"{path}: has no audio")


def record_input(wanted: str, stop: threading.Event) -> Iterator[Samples]:
    """Record an audio input of the system, and yield blocks of mono samples at `SAMPLE_RATE`.

    ``wanted`` is "auto" for the default input, or part of the name of an input. The recording ends when
    ``stop`` is set. Raises `DependencyError` if sounddevice, PortAudio or PyAV is not installed, and
    `InputError` if there is no such input, it cannot be used or it returns no samples for `INPUT_TIMEOUT`
    seconds.
    """
    sounddevice, device = _import_sounddevice(), None if wanted == "auto" else wanted
    waiting: queue.Queue[Samples] = queue.Queue(_MAX_BLOCKS)

    def on_block(block: Samples, *_: object) -> None:
        if waiting.full():
            waiting.get_nowait()
        waiting.put_nowait(block.mean(axis=1))

    try:
        found = sounddevice.query_devices(device, "input")
        # Many devices support only one sample rate.
        rate = int(found["default_samplerate"])
        resampler = av().AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        with sounddevice.InputStream(
            samplerate=rate,
            channels=min(2, int(found["max_input_channels"])),
            blocksize=HOP,
            dtype="float32",
            device=device,
            callback=on_block,
        ):
            last = time.monotonic()
            while not stop.is_set():
                try:
                    block = waiting.get(timeout=0.2)
                    last = time.monotonic()
                except queue.Empty:
                    if time.monotonic() - last > INPUT_TIMEOUT:
                        raise InputError(
                            f"--audio: the audio input {wanted} returns no samples; is it disconnected?"
                        ) from None
                    continue
                yield from _resample(block, rate, resampler)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise InputError(f"--audio: the audio input {wanted} cannot be used: {error}") from error


def _resample(block: Samples, rate: int, resampler: Any) -> Iterator[Samples]:
    """Resample a block of samples from ``rate`` to `SAMPLE_RATE`, and yield the resulting blocks.

    All blocks of a stream must use the same ``resampler``.
    """
    if rate == SAMPLE_RATE:
        yield block
        return
    frame = av().AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="flt", layout="mono")
    frame.sample_rate = rate
    for piece in resampler.resample(frame):
        yield piece.to_ndarray().reshape(-1)


class AudioSource:
    """Reads a sound source in a thread.

    The constructor waits for the first block of samples. If the source fails later, it is reopened after
    ``retry`` seconds. Each error is reported once.

    Args:
        source: "auto" for the default input, part of the name of an input, or path of an audio file.
        feed: called with each block of samples: by the constructor for the first block, then in the thread.
        on_note: called with messages for the user, in the thread.
        retry: interval in seconds between attempts to reopen a failed source.

    Raises:
        InputError: the file has no audio or cannot be decoded, or the input cannot be used.
        DependencyError: a package is missing.
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
            (lambda: play_file(path, self._stop))
            if path.is_file()
            else (lambda: record_input(source, self._stop))
        )
        self.alive = True
        """Whether samples are arriving."""
        self._first = self._open()
        feed(next(self._first, np.zeros(0, np.float32)))  # raises the errors of the source
        self._thread = threading.Thread(target=self._run, name="fststyle-sound", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread. Waits for at most three seconds."""
        self._stop.set()
        self._thread.join(3)

    def _run(self) -> None:
        blocks, reported = self._first, set[str]()
        while not self._stop.is_set():
            try:
                for block in blocks:
                    self.alive = True
                    self._feed(block)
            except Exception as error:  # a failing sound card must not stop the filter
                text = str(error) if isinstance(error, FststyleError) else f"{type(error).__name__}: {error}"
                if text not in reported and len(reported) < 10:
                    reported.add(text)
                    self._on_note(f"{text}; retrying every {self._retry:g} seconds")
            self.alive = False
            self._stop.wait(self._retry)
            blocks = self._open()


def _import_sounddevice() -> Any:
    """Import and return sounddevice. Raises `DependencyError` if it or PortAudio is missing."""
    try:
        import sounddevice
    except ImportError as error:
        raise DependencyError(f"--audio needs sounddevice: pip install sounddevice [{error}]") from error
    except OSError as error:
        raise DependencyError(
            f"--audio needs the library PortAudio (Debian: apt-get install libportaudio2): {error}"
        ) from error
    return sounddevice
