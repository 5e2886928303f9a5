"""All outputs of the webcam filter behind one interface."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fststyle.arrays import RGB
from fststyle.errors import DeviceError, OutputError
from fststyle.runtime.webcam.outputs.ndi import Ndi
from fststyle.runtime.webcam.outputs.recording import Recording
from fststyle.runtime.webcam.outputs.spout import Spout
from fststyle.runtime.webcam.outputs.stream import Stream, check_url
from fststyle.runtime.webcam.outputs.syphon import Syphon
from fststyle.runtime.webcam.outputs.virtual import VirtualCamera
from fststyle.runtime.webcam.view import View


class Output(Protocol):
    """Interface of the outputs of the webcam filter.

    `send` outputs a frame, uint8 (H, W, 3), with its capture time in seconds (`time.monotonic`). It raises
    `DeviceError` or `OutputError` if the output fails, and `InputError` if the frame size has changed and the
    output does not support this. `close` ends the output.
    """

    def send(self, rgb: RGB, at: float) -> None: ...
    def close(self) -> object: ...


class Outputs:
    """All outputs of the webcam filter. `toggle` and `send` may be called from different threads.

    Outputs that need the frame size are opened with the first frame.

    Args:
        record: video file to record to from the start, or None.
        virtual: whether to open a virtual camera.
        fps: nominal frame rate of the outputs.
        stream: URL to stream to, or None.
        ndi: whether to publish an NDI source.
        spout: whether to publish a Spout sender.
        syphon: whether to publish a Syphon server.
        on_note: called with messages about the stream for the user, in any thread.

    Raises:
        InputError: the URL is not supported.
        OutputError: the video file has an unsupported suffix or cannot be written.
    """

    def __init__(
        self,
        record: Path | None = None,
        virtual: bool = False,
        fps: float = 30.0,
        stream: str | None = None,
        ndi: bool = False,
        spout: bool = False,
        syphon: bool = False,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self._fps = fps
        self._waiting: list[Callable[[tuple[int, int]], Output]] = [
            functools.partial(kind, fps=fps)
            for kind, wanted in ((VirtualCamera, virtual), (Ndi, ndi), (Spout, spout), (Syphon, syphon))
            if wanted
        ]
        if stream is not None:
            check_url(stream)
            self._waiting.append(lambda size: Stream(stream, size, fps, on_note))
        self._outputs: list[Output] = []
        self._recording = Recording(record, fps) if record else None
        self._swapping = threading.Lock()

    @property
    def recording(self) -> bool:
        """Whether a recording is in progress."""
        return self._recording is not None

    def send(self, view: View) -> None:
        """Send a frame to all outputs. The first call opens those that need the frame size.

        If an output cannot be opened or fails, its error is raised, and the next call continues without it.
        After an `InputError`, the output is kept.

        Raises:
            DependencyError: a package or driver for an output is missing.
            DeviceError: an output cannot be opened or fails.
            OutputError: the recording or the stream fails.
            InputError: the frame size has changed, and an output does not support this.
        """
        while self._waiting:
            self._outputs.append(self._waiting.pop(0)((view.rgb.shape[1], view.rgb.shape[0])))
        with self._swapping:
            if self._recording is not None:
                try:
                    self._recording.send(view.rgb, view.at)
                except OutputError:
                    self._recording = None
                    raise
        for output in list(self._outputs):
            try:
                output.send(view.rgb, view.at)
            except (DeviceError, OutputError):
                self._outputs.remove(output)
                with contextlib.suppress(Exception):  # it has already failed
                    output.close()
                raise

    def toggle(self) -> str:
        """Start a recording to an MP4 file in the current folder, or stop the recording in progress.

        The file name contains the date and time. Returns a message for the user. Raises `OutputError` if the
        folder is not writable or the recording failed.
        """
        if self._recording is not None:
            return self._stopped() or "no frame was recorded"
        recording = Recording(Path(f"fststyle-{time.strftime('%Y%m%d-%H%M%S')}.mp4"), self._fps)
        with self._swapping:
            self._recording = recording
        return f"recording {recording.path}"

    def close(self) -> str:
        """Close all outputs. Returns a message for the user about the recording, or "" if there is none.

        Raises `OutputError`, after all outputs are closed, if the recording failed.
        """
        for output in self._outputs:
            with contextlib.suppress(DeviceError, OutputError):
                output.close()
        self._outputs.clear()
        return self._stopped() if self._recording is not None else ""

    def _stopped(self) -> str:
        """Finish the recording. Returns a message for the user, or "" if nothing was recorded.

        Raises `OutputError` if the recording failed.
        """
        with self._swapping:
            recording, self._recording = self._recording, None
        if recording is None:
            return ""
        if not recording.frames:
            # Without frames, `close` raises an error.
            with contextlib.suppress(OutputError):
                recording.close()
            return ""
        return f"recorded {recording.close()} ({recording.frames} frame{'s' * (recording.frames != 1)})"
