"""Stream frames to a URL from a separate process.

A receiver that is slow, hangs or disconnects therefore does not affect the webcam filter.
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
from typing import IO, cast
from urllib.parse import urlsplit

from fststyle.arrays import RGB
from fststyle.errors import InputError, OutputError
from fststyle.runtime.webcam.outputs.encoder_process import CONNECTED, PERMANENT_ERROR

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
"""Name of the FFmpeg format for each URL scheme."""

MAX_QUEUED = 2
"""Maximum number of frames that wait for the encoder. Older frames are dropped."""

STALL_TIMEOUT = 8.0
"""Time in seconds without progress after which an open connection is aborted."""

CONNECT_TIMEOUT = 20.0
"""Timeout in seconds for opening a connection, including the start of the process and the first frame."""

RETRY = 1.0, 10.0
"""Delay in seconds before the first reconnection attempt, and the maximum delay. The delay doubles after each
attempt.
"""

REPORT_INTERVAL = 10.0
"""Interval in seconds between reports of dropped frames."""


class Stream:
    """Streams frames as H.264 to a URL, without audio.

    `send` does not block. Frames are dropped while the receiver is slow or absent, and a lost connection is
    reopened.

    Args:
        url: the URL, with one of the schemes of `FORMATS`.
        size: (width, height) of the frames.
        fps: nominal frame rate, which determines the bit rate and the interval of key frames.
        on_note: called with messages for the user, in any thread.

    Attributes:
        connected: whether the connection is open.
        sent: number of frames that were passed to the encoder.
        dropped: number of frames that were dropped because the queue was full.

    Raises:
        InputError: the scheme of the URL is not in `FORMATS`, or the URL has no host.
    """

    def __init__(
        self,
        url: str,
        size: tuple[int, int],
        fps: float = 30.0,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self._format, self.name = check_url(url), public_url(url)
        self._url, self._size, self._fps, self._on_note = url, size, fps, on_note
        self._frames: deque[tuple[RGB, float]] = deque(maxlen=MAX_QUEUED)
        self._coming = threading.Condition()
        self._closing, self._error = threading.Event(), ""
        self._process: subprocess.Popen[bytes] | None = None
        self._writing: float | None = None
        self.connected, self.sent, self.dropped = False, 0, 0
        self._reported = (0, 0.0)
        self._thread = threading.Thread(target=self._run, name="fststyle-stream", daemon=True)
        self._thread.start()

    def send(self, rgb: RGB, at: float) -> None:
        """Queue a frame, uint8 (H, W, 3), with the capture time ``at`` in seconds (`time.monotonic`).

        The array must not be modified afterwards. Raises `InputError` for a frame whose size differs
        from that of the stream, and `OutputError` if the installed PyAV cannot stream to this URL.
        """
        if self._error:
            raise OutputError(self._error)
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            raise InputError(
                f"the stream needs frames of {self._size[0]}x{self._size[1]}, not"
                f" {rgb.shape[1]}x{rgb.shape[0]}"
            )
        with self._coming:
            if len(self._frames) == MAX_QUEUED:
                self.dropped += 1
            self._frames.append((rgb, at))
            self._coming.notify()
        self._watch()

    def close(self) -> None:
        """End the stream. Waits for at most four seconds for the receiver."""
        with self._coming:
            self._closing.set()
            self._coming.notify()
        self._thread.join(2)
        if self._thread.is_alive():
            self._kill()
            self._thread.join(2)

    def _watch(self) -> None:
        """Abort the connection if it makes no progress, and report dropped frames to the user."""
        now = time.monotonic()
        if (since := self._writing) is not None and now - since > self._limit:
            self._kill()
        dropped, reported_at = self._reported
        if self.connected and self.dropped > dropped and now - reported_at >= REPORT_INTERVAL:
            count = self.dropped - dropped
            self._on_note(
                f"stream {self.name}: the receiver is slow: {count} frame{'s' * (count != 1)} dropped"
            )
            self._reported = self.dropped, now
        elif not self.connected:
            self._reported = self.dropped, reported_at

    @property
    def _limit(self) -> float:
        """Time in seconds without progress after which the connection is aborted."""
        return STALL_TIMEOUT if self.connected else CONNECT_TIMEOUT

    def _kill(self) -> None:
        """Kill the encoder process, if it is running."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def _run(self) -> None:
        wait, reported = RETRY[0], ""
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
                wait, reported = RETRY[0], ""
            if reason != reported:
                reported = reason
                self._on_note(f"stream {self.name}: {reason}; reconnecting")
            # After an attempt that lasted long, the delay starts again from its first value.
            wait = RETRY[0] if time.monotonic() - begin > RETRY[1] else wait
            end = time.monotonic() + wait
            with self._coming:
                while not self._closing.is_set() and (left := end - time.monotonic()) > 0:
                    self._coming.wait(left)
                self._frames.clear()
            wait = min(RETRY[1], 2 * wait)

    def _connection(self) -> tuple[str, bool]:
        """Start an encoder process and pass frames to it until it ends or the stream is closed.

        Returns the reason why the connection ended, and True if reconnecting cannot help.
        """
        request = json.dumps({"url": self._url, "format": self._format, "size": self._size, "fps": self._fps})
        process = self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("encoder_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        messages: list[str] = []
        reader = threading.Thread(target=self._read, args=(stdout, messages), daemon=True)
        reader.start()
        try:
            self._writing = time.monotonic()
            self._write(stdin, request.encode() + b"\n")
            while (taken := self._next()) is not None:
                rgb, at = taken
                self._writing = time.monotonic()
                self._write(stdin, at.hex().encode().ljust(32) + rgb.tobytes())
                self._writing = None
                self.sent += 1
        except OSError:  # the process ended
            pass
        finally:
            with contextlib.suppress(OSError):
                stdin.close()
            try:
                code = process.wait(1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            reader.join(1)
            stdout.close()
            self._process, self._writing = None, None
        if code < 0 and not messages:
            return f"the receiver accepted no frame for {self._limit:g} seconds", False
        return (messages[-1] if messages else "the encoder process ended"), code == PERMANENT_ERROR

    @staticmethod
    def _write(stdin: IO[bytes], content: bytes) -> None:
        stdin.write(content)
        stdin.flush()

    def _next(self) -> tuple[RGB, float] | None:
        """Return the next frame, or None when the stream is closed or the process has ended."""
        with self._coming:
            while not self._frames:
                self._writing = None
                if self._closing.is_set() or (self._process is not None and self._process.poll() is not None):
                    return None
                self._coming.wait(0.2)
            return self._frames.popleft()

    def _read(self, lines: IO[bytes], messages: list[str]) -> None:
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text == CONNECTED:
                self.connected = True
                self._on_note(f"stream {self.name}: connected")
            elif text:
                messages.append(text[:200])


def check_url(url: str) -> str:
    """Return the name of the FFmpeg format for a URL.

    Raises `InputError` if its scheme is not in `FORMATS` or it has no host. The message contains only the
    parts of the URL that `public_url` keeps.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() not in FORMATS:
        known = ", ".join(f"{scheme}://" for scheme in FORMATS)
        # Without a host, the scheme may be a user name, as in user:password@host.
        shown = public_url(url) if parts.netloc else "the URL"
        raise InputError(f"--stream: {shown} does not begin with one of {known}")
    if not parts.netloc:
        raise InputError(f"--stream: the {parts.scheme} URL contains no host")
    return FORMATS[parts.scheme.lower()]


def public_url(url: str) -> str:
    """Return a URL reduced to ``SCHEME://HOST:PORT``.

    The rest may contain secrets, such as passwords and stream keys.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}"
