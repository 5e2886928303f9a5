"""Outputs of the webcam filter: a recording with timestamps, and a virtual camera for video-call apps."""

import contextlib
import queue
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, DeviceError, InputError, OutputError
from fststyle.io.files import replacing_path
from fststyle.io.folders import check_folder
from fststyle.runtime.video.formats.base import Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.writer import FORMATS, Writer
from fststyle.runtime.webcam.view import View
from fststyle.signals import ignored_interrupts

_CLOCK = Fraction(1, 1000)
_WAITING = 16


class Recording:
    """Records frames to a video file with the times at which they were captured, without audio.

    A thread writes the file, which is renamed to its path in `close`; call it always. If the encoder is too
    slow, `send` waits for it, so that no frame is lost.

    Raises `OutputError` for a path that cannot be written.
    """

    def __init__(self, path: Path, fps: float = 30.0):
        if path.suffix.lower() not in FORMATS:
            raise OutputError(f"{path}: cannot record to {path.suffix!r}; use one of {', '.join(FORMATS)}")
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
        """Add a frame, uint8 (H, W, 3) of constant size, captured at ``at`` (`time.monotonic`).

        Raises `OutputError` after writing has failed.
        """
        if self._begin is None:
            self._begin = at
        # Two frames within a millisecond would have the same time, which containers do not support.
        self._last = max(self._last + 1, round((at - self._begin) / _CLOCK))
        self.frames += 1
        self._put(TimedFrame(rgb, self._last, _CLOCK))

    def close(self) -> Path:
        """Finish the file and return its path. Ctrl-C is ignored meanwhile.

        Raises `OutputError`, also for a recording without frames.
        """
        with ignored_interrupts():
            self._put(None)
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self.path

    def _put(self, timed: TimedFrame | None) -> None:
        while self._error is None:
            with contextlib.suppress(queue.Full):
                return self._coming.put(timed, timeout=0.1)
        if timed is not None:
            raise self._error

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing_path(self.path) as place:
                first = self._coming.get()
                if first is None:
                    raise OutputError("no frame was recorded")
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
        except Exception as error:  # it is raised in the thread that sends frames
            self._error = OutputError(f"{self.path}: cannot be written: {type(error).__name__}: {error}")


_DRIVERS = {
    "linux": "v4l2loopback (sudo modprobe v4l2loopback exclusive_caps=1)",
    "darwin": "OBS 30 or newer, whose virtual camera was started once",
    "win32": "OBS Studio",
}


class VirtualCamera:
    """A virtual camera for other programs, with pyvirtualcam: v4l2loopback on Linux, OBS on macOS and
    Windows.

    Raises `DependencyError`, with the command or driver to install, if pyvirtualcam or a driver is missing;
    `DeviceError` if the camera fails.
    """

    def __init__(self, size: tuple[int, int], fps: float = 30.0):
        try:
            import pyvirtualcam
        except ImportError as error:
            raise DependencyError("--virtual needs pyvirtualcam: pip install pyvirtualcam") from error
        driver = _DRIVERS.get(sys.platform, "a driver for virtual cameras")
        try:
            self._camera: Any = pyvirtualcam.Camera(width=size[0], height=size[1], fps=fps, print_fps=False)
        except RuntimeError as error:
            raise DependencyError(f"--virtual: no virtual camera was found; it needs {driver}") from error
        self._size, self.device = size, str(self._camera.device)

    def send(self, rgb: RGB, at: float) -> None:
        """Show a frame, uint8 (H, W, 3) of the size given to the constructor, until the next one."""
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            raise InputError(
                f"the virtual camera takes {self._size[0]}x{self._size[1]}, not {rgb.shape[1]}x{rgb.shape[0]}"
            )
        try:
            self._camera.send(rgb)
        except RuntimeError as error:
            raise DeviceError(f"the virtual camera {self.device} failed: {error}") from error

    def close(self) -> None:
        self._camera.close()


class Outputs:
    """All outputs of the filter. `toggle` may be called from another thread than `send`."""

    def __init__(self, record: Path | None = None, virtual: bool = False, fps: float = 30.0):
        self._fps, self._virtual = fps, virtual
        self._camera: VirtualCamera | None = None
        self._recording = Recording(record, fps) if record else None
        self._swapping = threading.Lock()

    @property
    def recording(self) -> bool:
        return self._recording is not None

    def send(self, view: View) -> None:
        """Send a frame to all outputs. Raises their errors; a failed output is closed, and the next call
        continues without it.
        """
        if self._virtual and self._camera is None:
            self._virtual = False
            self._camera = VirtualCamera((view.rgb.shape[1], view.rgb.shape[0]), self._fps)
        with self._swapping:
            if self._recording is not None:
                try:
                    self._recording.send(view.rgb, view.at)
                except OutputError:
                    self._recording = None
                    raise
        if self._camera is not None:
            try:
                self._camera.send(view.rgb, view.at)
            except DeviceError:
                self._camera = None
                raise

    def toggle(self) -> str:
        """Start a recording in the current folder, with the time as its name, or stop the current one.
        Returns a message for the user. Raises `OutputError`.
        """
        if self._recording is not None:
            return self._stopped() or "nothing was recorded"
        recording = Recording(Path(f"fststyle-{time.strftime('%Y%m%d-%H%M%S')}.mp4"), self._fps)
        with self._swapping:
            self._recording = recording
        return f"recording {recording.path}"

    def close(self) -> str:
        """Close all outputs. Returns a message for the user. Raises `OutputError` after all are closed."""
        if self._camera is not None:
            self._camera.close()
        return self._stopped() if self._recording is not None else ""

    def _stopped(self) -> str:
        with self._swapping:
            recording, self._recording = self._recording, None
        if recording is None:
            return ""
        if not recording.frames:
            # The reason is reported elsewhere.
            with contextlib.suppress(OutputError):
                recording.close()
            return ""
        return f"recorded {recording.close()} ({recording.frames} frame{'s' * (recording.frames != 1)})"
