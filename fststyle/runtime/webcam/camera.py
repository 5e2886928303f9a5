"""Read a camera in a thread, so that its latest frame is always available."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images

MAX_FRAME_SECONDS = 4.0
"""Maximum time in seconds for which a frame of a video file is shown."""

TIMEOUT = 5.0
"""Timeout in seconds for opening a network camera and for reading a frame, if reconnecting is enabled."""

POLL = 0.1
"""Interval in seconds at which `Camera.newest` checks for an interruption of the program."""

RETRY = 1.0
"""Interval in seconds between attempts to reconnect."""


@dataclass(frozen=True)
class CameraFrame:
    """Frame that was read from a camera or a video file.

    Attributes:
        rgb: uint8 (H, W, 3).
        number: number of the frame, from 0.
        at: time at which the frame was read, in seconds (`time.monotonic`).
    """

    rgb: RGB
    number: int
    at: float


class Camera:
    """A camera, or a video file that is played in real time.

    Args:
        source: index ("0"), device path or URL of a camera, or a video file.
        size: (width, height) to request from a camera, which may return a different size; None does not
            request a size. Ignored for a video file.
        repeat: whether a video file is played in a loop.
        wait: timeout in seconds for the first frame.
        reconnect: time in seconds to try to reconnect to a network camera (a URL) that stops; 0 disables
            reconnecting.
        on_note: called with messages for the user, in another thread.
        interrupted: function that `newest` calls at intervals of `POLL`. When it returns True, `newest`
            returns None. If this happens before the first frame, the constructor raises no error.

    Raises:
        InputError: the camera or the file cannot be opened, it returns no frames, or the file is a single
            image.
    """

    def __init__(
        self,
        source: str,
        size: tuple[int, int] | None = None,
        repeat: bool = True,
        wait: float = 10.0,
        reconnect: float = 0.0,
        on_note: Callable[[str], None] = lambda note: None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self._interrupted = interrupted
        self.source, self.file = source, os.path.isfile(source)
        self._reconnect, self._on_note = reconnect if _network(source) and not self.file else 0.0, on_note
        if hasattr(cv2, "utils") and hasattr(cv2.utils, "logging"):
            cv2.utils.logging.setLogLevel(0)  # errors are reported below, in one line
        # AV_LOG_QUIET for the FFmpeg in OpenCV, which reads this variable once.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        self._video = self._open()
        # A Motion JPEG file looks like a still image, but has a second frame.
        if self.file and _still(source) and not (self._video.grab() and self._video.grab()):
            self._video.release()
            raise InputError(f"{source}: is a single image, not a camera or a video")
        if not self._video.isOpened():
            raise InputError(_cannot_open(source, self.file))
        if size is not None and not self.file:
            self._video.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._video.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._repeat, self._period = (
            repeat,
            (1 / (self._video.get(cv2.CAP_PROP_FPS) or 30) if self.file else 0.0),
        )
        self._clock: float | None = None  # timestamp of the last frame of the file, in seconds
        self._changed = threading.Condition()
        self._newest: CameraFrame | None = None
        self._ended = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fststyle-camera", daemon=True)
        self._thread.start()
        if self.newest(after=-1, wait=wait) is None and not interrupted():
            self.close()
            if self.file:
                raise InputError(f"{source}: contains no frames that can be read")
            raise InputError(f"camera {source}: returns no frames; is another program using it?")

    def newest(self, after: int, wait: float = 5.0) -> CameraFrame | None:
        """Return the latest frame if its number is above ``after``; otherwise wait for the next frame.

        The method blocks for up to ``wait`` seconds, plus the time for reconnecting if ``after`` is at least
        0. If there is no frame in this time, it returns None, and the camera counts as ended. It returns None
        immediately if the camera has ended or the program is interrupted.
        """
        if after >= 0:
            wait += self._reconnect
        deadline = time.monotonic() + wait
        with self._changed:
            while not self._interrupted():
                if self._newest is not None and self._newest.number > after:
                    return self._newest
                if self._ended or (left := deadline - time.monotonic()) <= 0:
                    break
                self._changed.wait(min(left, POLL))
            else:
                return None
            self._ended = self._ended or f"the camera returned no frame for {wait:g} seconds"
            return None

    @property
    def ended(self) -> str:
        """The reason why no more frames arrive, for the user, or "" if the camera has not ended."""
        return self._ended

    def close(self) -> None:
        """Stop the thread and release the camera.

        The method waits for the thread for at most five seconds. If the thread is still blocked in the driver
        then, the camera is not released.
        """
        self._stop.set()
        self._thread.join(5)
        if not self._thread.is_alive():  # a thread that is blocked in the driver still uses the camera
            self._video.release()

    def _run(self) -> None:
        number, due, failed = 0, time.monotonic(), 0
        while not self._stop.is_set():
            success, bgr = self._video.read()
            if not success or bgr is None:
                failed += 1
                if self.file and self._repeat and failed < 3:
                    # Reopen the file, since seeking to the start fails silently for transport streams.
                    self._video.release()
                    self._video = cv2.VideoCapture(os.path.abspath(self.source))
                    self._clock = None
                    continue
                if self.file or failed > 30:
                    if self._reconnect and self._reopen():
                        failed = 0
                        continue
                    break
                time.sleep(0.02)
                continue
            failed = 0
            if self.file:
                since = self._frame_interval()
                due = max(due + (since if number else 0.0), time.monotonic() - 0.5)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    break
            rgb: RGB = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            with self._changed:
                self._newest = CameraFrame(rgb, number, time.monotonic())
                self._changed.notify_all()
            number += 1
        if self._stop.is_set():
            return  # closed by the caller
        with self._changed:
            self._ended = (
                "end of the video" if self.file else "the camera returns no more frames; is it disconnected?"
            )
            self._changed.notify_all()

    def _open(self) -> cv2.VideoCapture:
        """Open the source with OpenCV, with the timeout `TIMEOUT` if reconnecting is enabled.

        The result may be a capture that is not open.
        """
        if self._reconnect:
            limit = round(TIMEOUT * 1000)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
            return cv2.VideoCapture(self.source, cv2.CAP_FFMPEG, limits)
        number = int(self.source) if _numbered(self.source) else None
        # Use the absolute path, since FFmpeg interprets a name with a colon as a URL.
        path = os.path.abspath(self.source) if self.file else self.source
        return cv2.VideoCapture(path) if number is None else cv2.VideoCapture(number)

    def _reopen(self) -> bool:
        """Try to reopen the network camera until it returns a frame, and return True if this succeeds.

        Returns False after ``reconnect`` seconds, or if `close` is called.
        """
        self._on_note(f"camera {self.source}: stopped; reconnecting for up to {self._reconnect:g} seconds")
        deadline = time.monotonic() + self._reconnect
        while time.monotonic() < deadline and not self._stop.is_set():
            self._video.release()
            self._video = self._open()
            if self._video.isOpened() and self._video.grab():
                self._on_note(f"camera {self.source}: reconnected")
                return True
            self._stop.wait(min(RETRY, max(0.0, deadline - time.monotonic())))
        return False

    def _frame_interval(self) -> float:
        """Return the time in seconds between the previous and the current frame of the file.

        The result is the nominal frame interval for the first frame and if the timestamp has not increased.
        Intervals above `MAX_FRAME_SECONDS` are reduced to this value.
        """
        now = self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        since = self._period if self._clock is None else now - self._clock
        self._clock = now
        return min(since, MAX_FRAME_SECONDS) if since > 0 else self._period


def _network(source: str) -> bool:
    """Return whether the source is a URL."""
    return "://" in source


def _numbered(source: str) -> bool:
    """Return whether the source is the index of a camera."""
    return source.isascii() and source.isdigit() and len(source) < 5


def _still(source: str) -> bool:
    """Return whether the file is an image with a single frame. Returns False if it is not an image."""
    try:
        return images.outline(Path(source)).frames == 1
    except InputError:
        return False


def _cannot_open(source: str, file: bool) -> str:
    """Return the error message for a source that OpenCV cannot open. ``file``: True if it is a file."""
    if file:
        return f"{source}: cannot be read as a video"
    if _numbered(source) or source.startswith("/dev/"):
        found = sorted(str(path) for path in Path("/dev").glob("video*")) if Path("/dev").is_dir() else []
        hint = f"found: {', '.join(found)}" if found else "no camera was found"
        return (
            f"camera {source}: cannot be opened ({hint}); choose another camera or a video file with --camera"
        )
    if _network(source):
        return f"camera {source}: cannot be opened: the URL is not reachable, or is not a video"
    return f"camera {source}: cannot be opened: there is no such file or device"
