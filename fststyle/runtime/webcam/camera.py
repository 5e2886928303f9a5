"""The newest frame of a camera: a thread takes every frame as it comes, so that what is painted is never
older than the last one.
"""

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

LONGEST = 4.0
"""Seconds that a frame of a file stands, at most: a camera that gives none for longer counts as unplugged."""

TIMEOUT = 5.0
"""Seconds that a network camera may take to answer, where it is tried again."""

RETRY = 1.0
"""Seconds between two trials."""


@dataclass(frozen=True)
class Taken:
    """One frame, uint8 (H, W, 3) RGB, its number, and when it was taken (`time.monotonic`)."""

    rgb: RGB
    number: int
    at: float


class Camera:
    """A camera by its index ("0"), device path or URL, or a video file, played in real time (for ever where
    ``repeat``).

    A network camera (a URL) that stops is opened again for ``reconnect`` seconds. ``on_note`` is told so, in
    another thread.

    Raises `InputError` with what can be done, for a camera that is not there, is busy, or gives nothing, and
    for a still.
    """

    def __init__(
        self,
        source: str,
        size: tuple[int, int] | None = None,
        repeat: bool = True,
        wait: float = 10.0,
        reconnect: float = 0.0,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self.source, self.file = source, os.path.isfile(source)
        self._reconnect, self._on_note = reconnect if _network(source) and not self.file else 0.0, on_note
        if hasattr(cv2, "utils") and hasattr(cv2.utils, "logging"):
            cv2.utils.logging.setLogLevel(0)  # what matters is said below, in one line
        # AV_LOG_QUIET, for the FFmpeg within OpenCV, which reads it once
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        # Of a file the whole path: a name with a colon in it would be taken for a URL.
        self._video = self._opened()
        # Motion JPEG looks like a still, but goes on
        if self.file and _still(source) and not (self._video.grab() and self._video.grab()):
            self._video.release()
            raise InputError(f"{source}: is a single picture, not a camera or a video")
        if not self._video.isOpened():
            raise InputError(_not_there(source, self.file))
        if size is not None and not self.file:
            self._video.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._video.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._repeat, self._period = (
            repeat,
            (1 / (self._video.get(cv2.CAP_PROP_FPS) or 30) if self.file else 0.0),
        )
        self._clock: float | None = None  # the time of the file's last frame, in its own seconds
        self._changed = threading.Condition()
        self._newest: Taken | None = None
        self._ended = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._take, name="fststyle-camera", daemon=True)
        self._thread.start()
        if self.newest(after=-1, wait=wait) is None:
            self.close()
            raise InputError(f"camera {source}: opens but gives no pictures; is another program using it?")

    def newest(self, after: int, wait: float = 5.0) -> Taken | None:
        """The newest frame with a number above `after`, waiting for it if need be; None when the camera has
        ended or gives none for `wait` seconds, and those of `reconnect`.
        """
        if after >= 0:
            wait += self._reconnect
        with self._changed:
            self._changed.wait_for(
                lambda: (self._newest is not None and self._newest.number > after) or self._ended, wait
            )
            if self._newest is not None and self._newest.number > after:
                return self._newest
            self._ended = self._ended or f"the camera has given no picture for {wait:g} seconds"
            return None

    @property
    def ended(self) -> str:
        """Why no more frames will come, "" while they do."""
        return self._ended

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        if not self._thread.is_alive():  # one that hangs in its driver still holds the camera
            self._video.release()

    def _take(self) -> None:
        number, due, failed = 0, time.monotonic(), 0
        while not self._stop.is_set():
            there, bgr = self._video.read()
            if not there or bgr is None:
                failed += 1
                if self.file and self._repeat and failed < 3:
                    # Not every container can be wound back: transport streams say that they were, and give no
                    # more.
                    self._video.release()
                    self._video = cv2.VideoCapture(os.path.abspath(self.source))
                    self._clock = None
                    continue
                if self.file or failed > 30:
                    if self._reconnect and self._connected_again():
                        failed = 0
                        continue
                    break
                time.sleep(0.02)
                continue
            failed = 0
            if self.file:
                since = self._since()
                due = max(due + (since if number else 0.0), time.monotonic() - 0.5)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    break
            rgb: RGB = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            with self._changed:
                self._newest = Taken(rgb, number, time.monotonic())
                self._changed.notify_all()
            number += 1
        if self._stop.is_set():
            return  # it was closed, and nothing is wrong with it
        with self._changed:
            self._ended = (
                "the video is at its end"
                if self.file
                else "the camera gives no more pictures; is it still plugged in?"
            )
            self._changed.notify_all()

    def _opened(self) -> cv2.VideoCapture:
        """The source as OpenCV gives it. A network that does not answer is given up after `TIMEOUT`."""
        if self._reconnect:
            limit = round(TIMEOUT * 1000)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
            return cv2.VideoCapture(self.source, cv2.CAP_FFMPEG, limits)
        number = int(self.source) if _numbered(self.source) else None
        path = os.path.abspath(self.source) if self.file else self.source
        return cv2.VideoCapture(path) if number is None else cv2.VideoCapture(number)

    def _connected_again(self) -> bool:
        """Open the network camera again until it gives a picture; False after `reconnect` seconds without."""
        self._on_note(f"camera {self.source}: stopped; it is tried again for {self._reconnect:g} seconds")
        deadline = time.monotonic() + self._reconnect
        while time.monotonic() < deadline and not self._stop.is_set():
            self._video.release()
            self._video = self._opened()
            if self._video.isOpened() and self._video.grab():
                self._on_note(f"camera {self.source}: is back")
                return True
            self._stop.wait(min(RETRY, max(0.0, deadline - time.monotonic())))
        return False

    def _since(self) -> float:
        """Seconds that the file's frame is shown after the one before it."""
        now = self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        since = self._period if self._clock is None else now - self._clock
        self._clock = now
        return min(since, LONGEST) if since > 0 else self._period


def _network(source: str) -> bool:
    return "://" in source


def _numbered(source: str) -> bool:
    return source.isascii() and source.isdigit() and len(source) < 5


def _still(source: str) -> bool:
    """Whether the file begins with a picture that is not animated."""
    try:
        return images.outline(Path(source)).frames == 1
    except InputError:
        return False


def _not_there(source: str, file: bool) -> str:
    if file:
        return f"{source}: is not a video that can be played"
    if _numbered(source) or source.startswith("/dev/"):
        found = sorted(str(path) for path in Path("/dev").glob("video*")) if Path("/dev").is_dir() else []
        hint = f"there is {', '.join(found)}" if found else "none was found"
        return (
            f"camera {source}: cannot be opened ({hint}); name another with --camera, a video file will"
            " do too"
        )
    return f"camera {source}: is no camera, URL or video file that can be opened"
