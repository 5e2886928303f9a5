"""Streaming to a URL, in a process of its own: a receiver that is slow, hangs or vanishes costs frames of the
stream only.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from fststyle.arrays import RGB
from fststyle.errors import InputError, OutputError
from fststyle.runtime.webcam.outputs.encoder_process import CONNECTED, IMPOSSIBLE

FORMATS = {
    "rtmp": "flv",
    "rtmps": "flv",
    "srt": "mpegts",
    "rist": "mpegts",
    "udp": "mpegts",
    "tcp": "mpegts",
    "http": "mpegts",
    "https": "mpegts",
    "rtsp": "rtsp",
}
"""Scheme of a URL -> FFmpeg's name of the format."""

WAITING = 2
"""Frames that wait for the encoder; older ones are dropped."""

STALLED = 8.0
"""Seconds without progress after which a connection is given up."""

CONNECTING = 20.0
"""As `STALLED`, until the connection is open, with the start of the process."""

RETRY = 1.0, 10.0
"""Seconds until the first attempt to connect again, and the largest number, to which it doubles."""

REPORT = 10.0
"""Seconds between two reports of dropped frames."""


class Stream:
    """Streams frames as H.264 to a URL, without audio. `send` never waits: frames are dropped while the
    receiver is slow or absent, and the connection is opened again. ``on_note`` is called in another thread.

    Raises `InputError` for a URL that cannot be streamed to; `send` raises `OutputError` if this build of
    PyAV cannot stream to it.
    """

    def __init__(
        self,
        url: str,
        size: tuple[int, int],
        fps: float = 30.0,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self._format, self.name = check_url(url), shown(url)
        self._url, self._size, self._fps, self._on_note = url, size, fps, on_note
        self._frames: deque[tuple[RGB, float]] = deque(maxlen=WAITING)
        self._coming = threading.Condition()
        self._closing, self._error = threading.Event(), ""
        self._process: subprocess.Popen[bytes] | None = None
        self._writing: float | None = None
        self.connected, self.sent, self.dropped = False, 0, 0
        self._reported = (0, 0.0)
        self._thread = threading.Thread(target=self._run, name="fststyle-stream", daemon=True)
        self._thread.start()

    def send(self, rgb: RGB, at: float) -> None:
        """Stream a frame, uint8 (H, W, 3) of the size given to the constructor, captured at ``at``."""
        if self._error:
            raise OutputError(self._error)
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            raise InputError(
                f"--stream takes {self._size[0]}x{self._size[1]}, not {rgb.shape[1]}x{rgb.shape[0]}"
            )
        with self._coming:
            if len(self._frames) == WAITING:
                self.dropped += 1
            self._frames.append((rgb, at))
            self._coming.notify()
        self._watch()

    def close(self) -> None:
        """End the stream. Waits for the receiver for a short time only."""
        with self._coming:
            self._closing.set()
            self._coming.notify()
        self._thread.join(2)
        if self._thread.is_alive():
            self._kill()
            self._thread.join(2)

    def _watch(self) -> None:
        """Give up a connection that makes no progress, and report dropped frames."""
        now = time.monotonic()
        if (since := self._writing) is not None and now - since > self._limit:
            self._kill()
        dropped, told = self._reported
        if self.connected and self.dropped > dropped and now - told >= REPORT:
            self._on_note(
                f"stream {self.name}: the receiver is slow, {self.dropped - dropped} frames dropped"
            )
            self._reported = self.dropped, now
        elif not self.connected:
            self._reported = self.dropped, told

    @property
    def _limit(self) -> float:
        return STALLED if self.connected else CONNECTING

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def _run(self) -> None:
        wait, told = RETRY[0], ""
        while not self._closing.is_set():
            begin = time.monotonic()
            reason, permanent = self._connection()
            was, self.connected = self.connected, False
            if self._closing.is_set():
                return
            if permanent:
                self._error = f"--stream {self.name}: {reason}"
                return
            if was:
                wait, told = RETRY[0], ""
            if reason != told:
                told = reason
                self._on_note(f"stream {self.name}: {reason}; connecting again")
            # A connection that was open for long counts as a success.
            wait = RETRY[0] if time.monotonic() - begin > RETRY[1] else wait
            end = time.monotonic() + wait
            with self._coming:
                while not self._closing.is_set() and (left := end - time.monotonic()) > 0:
                    self._coming.wait(left)
                self._frames.clear()
            wait = min(RETRY[1], 2 * wait)

    def _connection(self) -> tuple[str, bool]:
        """One connection from beginning to end. Returns why it ended, and whether no other one can work."""
        request = json.dumps({"url": self._url, "format": self._format, "size": self._size, "fps": self._fps})
        process = self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("encoder_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        told: list[str] = []
        reader = threading.Thread(target=self._read, args=(process.stdout, told), daemon=True)
        reader.start()
        try:
            self._writing = time.monotonic()
            self._write(process, request.encode() + b"\n")
            while (taken := self._next()) is not None:
                rgb, at = taken
                self._writing = time.monotonic()
                self._write(process, at.hex().encode().ljust(32) + rgb.tobytes())
                self._writing = None
                self.sent += 1
        except OSError:  # the process ended
            pass
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                code = process.wait(1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            reader.join(1)
            process.stdout.close()
            self._process, self._writing = None, None
        if code < 0 and not told:
            return f"the receiver took no frame for {self._limit:g} seconds", False
        return (told[-1] if told else "the encoder ended"), code == IMPOSSIBLE

    @staticmethod
    def _write(process: "subprocess.Popen[bytes]", content: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(content)
        process.stdin.flush()

    def _next(self) -> tuple[RGB, float] | None:
        """The next frame, None at the end or after the process has ended."""
        with self._coming:
            while not self._frames:
                self._writing = None
                if self._closing.is_set() or (self._process is not None and self._process.poll() is not None):
                    return None
                self._coming.wait(0.2)
            return self._frames.popleft()

    def _read(self, lines: IO[bytes], told: list[str]) -> None:
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text == CONNECTED:
                self.connected = True
                self._on_note(f"stream {self.name}: connected")
            elif text:
                told.append(text[:200])


def check_url(url: str) -> str:
    """FFmpeg's name of the format for a URL. Raises `InputError` for one that cannot be streamed to."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in FORMATS or not parts.netloc:
        known = ", ".join(f"{scheme}://" for scheme in FORMATS)
        raise InputError(f"--stream: {url!r} is not a URL that begins with one of {known}")
    return FORMATS[parts.scheme.lower()]


def shown(url: str) -> str:
    """Scheme and host of a URL. The rest may be secret: user, password, query, and the key of the stream."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}"
