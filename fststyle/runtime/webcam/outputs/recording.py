"""Record the webcam filter to a video file."""

import contextlib
import queue
import threading
from fractions import Fraction
from pathlib import Path

from fststyle.arrays import RGB
from fststyle.errors import OutputError
from fststyle.io.files import replacing_path
from fststyle.io.folders import check_folder
from fststyle.runtime.video.formats.base import Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.writer import FORMATS, Writer
from fststyle.signals import deferred_interrupts

_CLOCK = Fraction(1, 1000)
_WAITING = 16


class Recording:
    """Records frames with their capture times to a video file, without audio.

    A thread writes a temporary file, which is renamed to ``path`` after `close` is called. Always call
    `close`. If the encoder is too slow, `send` waits for it, so that no frame is lost. ``fps`` is the nominal
    frame rate; the timestamps of the file are the capture times. Raises `OutputError` if ``path`` has an
    unsupported suffix or its folder is not writable.

    Attributes:
        path: path of the video file.
        frames: number of frames that were sent.
    """

    def __init__(self, path: Path, fps: float = 30.0):
        if path.suffix.lower() not in FORMATS:
            raise OutputError(
                f"{path}: cannot record to a file with this suffix; use one of {', '.join(FORMATS)}"
            )
        check_folder(path.parent)
        self.path, self.frames = path, 0
        self._rate = Fraction(fps).limit_denominator(1000)
        self._begin: float | None = None
        self._last = -1
        self._coming: queue.Queue[TimedFrame | None] = queue.Queue(_WAITING)
        self._error: OutputError | None = None
        self._thread = threading.Thread(target=self._write, name="fststyle-recording", daemon=True)
        self._thread.start()

    def send(self, rgb: RGB, at: float) -> None:
        """Add a frame, uint8 (H, W, 3), with the capture time ``at`` in seconds (`time.monotonic`).

        All frames must have the same size. The array must not be modified afterwards. Blocks while the queue
        is full. Raises `OutputError` if writing has failed.
        """
        if self._begin is None:
            self._begin = at
        # Two frames within a millisecond would have equal timestamps, which containers do not support.
        self._last = max(self._last + 1, round((at - self._begin) / _CLOCK))
        self.frames += 1
        self._put(TimedFrame(rgb, self._last, _CLOCK))

    def close(self) -> Path:
        """Wait until the file is complete, and return its path. Ctrl-C takes effect only afterwards.

        Raises `OutputError` if writing has failed or there are no frames.
        """
        with deferred_interrupts():
            self._put(None)
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self.path

    def _put(self, timed: TimedFrame | None) -> None:
        """Queue a frame, or None for the end. Raises `OutputError` for a frame if writing has failed."""
        while self._error is None:
            with contextlib.suppress(queue.Full):
                return self._coming.put(timed, timeout=0.1)
        if timed is not None:
            raise self._error

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            first = self._coming.get()
            if first is None:
                raise OutputError("no frame was recorded")
            with replacing_path(self.path) as place:
                writer = Writer(place, self.path.suffix, Source(), first, self._rate, Encoding())
                try:
                    timed: TimedFrame | None = first
                    while timed is not None:
                        writer.write(timed)
                        timed = self._coming.get()
                    writer.close()
                except BaseException:
                    writer.abandon()
                    raise
        except OutputError as error:
            self._error = OutputError(f"{self.path}: {error}")
        except OSError as error:
            self._error = OutputError(f"{self.path}: cannot be written: {error.strerror or error}")
        except Exception as error:  # raised by the next `send` or `close`
            self._error = OutputError(f"{self.path}: cannot be written: {type(error).__name__}: {error}")
