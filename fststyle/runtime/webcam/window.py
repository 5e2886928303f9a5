"""A window for the live picture, through OpenCV's highgui, with keys and a few words on the picture."""

import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, DeviceError, FststyleError, OutputError
from fststyle.io import images
from fststyle.runtime.webcam.live import HELP, Live, press
from fststyle.runtime.webcam.outputs import Outlets
from fststyle.runtime.webcam.view import View

TITLE = "fststyle"
_ROWS = 540
"""A smaller picture is enlarged to this height, so that the words on it can be read."""


def show(live: Live, outlets: Outlets, seconds: float | None = None) -> int:
    """Show a live picture until it is closed, and send it to `outlets`; gives the number of frames shown.

    Raises `DependencyError` where there is no screen to show it on.
    """
    window = _Window(live, outlets)
    begin, shown = time.monotonic(), 0
    try:
        for view in live.frames():
            shown += 1
            if not window.show(view) or (seconds is not None and time.monotonic() - begin >= seconds):
                break
    finally:
        window.close()
    return shown


def typed(code: int) -> str:
    """The key of a code of OpenCV's, in lower case; "" for none and for arrows and the like, whose last byte
    is that of a letter.

    GTK has shift, control and num lock in bits 16 to 20, and keys that are no letters beyond a byte; Windows
    and Qt have those from bit 21 on.
    """
    return chr(code & 0xFFFF).lower() if 0 <= code < 1 << 21 and code & 0xFFFF <= 0xFF else ""


class _Window:
    def __init__(self, live: Live, outlets: Outlets):
        self._outlets = outlets
        self.live, self.figures, self.help, self.full = live, True, False, live.settings.fullscreen
        self._say("h: help")
        # Loading a style takes a moment, in which the picture must not stop.
        self._hands = ThreadPoolExecutor(1, "fststyle-keys")
        self._doing: Future[str] | None = None
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise DependencyError(
                "there is no screen here to show a window on (DISPLAY is not set); --headless paints"
                " without one"
            )
        # OpenCV's own Qt misses fonts that it does not need
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
        self._fitted = False
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            self._fill()
        except cv2.error as error:
            raise DependencyError(
                "this build of OpenCV shows no windows: pip install opencv-python (not -headless); or use"
                " --headless"
            ) from error

    def show(self, view: View) -> bool:
        """False when the user wants to end."""
        if self._doing is not None and self._doing.done():
            self._say(_said(self._doing))
            self._doing = None
        try:
            self._outlets.send(view)
        except (DeviceError, OutputError) as error:  # the picture goes on without it
            self._say(str(error))
        picture = self._written(view)
        if not self._fitted:
            cv2.resizeWindow(TITLE, picture.shape[1], picture.shape[0])
            self._fitted = True
        cv2.imshow(TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = typed(cv2.waitKeyEx(1))
        if key in ("\x1b", "q") or not self._open():
            return False
        if key:
            self._key(key, view)
        return True

    def _open(self) -> bool:
        """Whether the user has left the window open."""
        try:
            return bool(cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1)
        except cv2.error:  # what Qt says of a window that is no more
            return False

    def close(self) -> None:
        self._hands.shutdown(cancel_futures=True)
        cv2.destroyAllWindows()

    def _key(self, key: str, view: View) -> None:
        if key == "h":
            self.help = not self.help
        elif key == "i":
            self.figures = not self.figures
        elif key == "f":
            self.full = not self.full
            self._fill()
        elif self._doing is None:
            self._doing = self._hands.submit(press, self.live, key, view, save_picture, self._outlets)

    def _say(self, text: str) -> None:
        if text:
            self._said, self._until = text, time.monotonic() + 2

    def _fill(self) -> None:
        cv2.setWindowProperty(
            TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN if self.full else cv2.WINDOW_NORMAL
        )

    def _written(self, view: View) -> RGB:
        lines = []
        if self.figures:
            lines.append(
                f"{view.style}  {view.fps:.0f} fps  {view.latency * 1000:.0f} ms "
                f" {view.painted[0]}x{view.painted[1]}"
            )
        if self._outlets.recording:
            lines.append("recording")
        if time.monotonic() < self._until:
            lines.append(self._said)
        if self.help:
            lines += [f"{keys}\t{what}" for keys, what in HELP]
        return write_on(_enlarged(view.rgb), lines)


def _said(done: Future[str]) -> str:
    try:
        return done.result()
    except FststyleError as error:
        return str(error)


def write_on(rgb: RGB, lines: list[str]) -> RGB:
    """A copy of the picture with lines of text in its corner, white on a darkened ground, readable on
    anything; what follows a tab stands in a column.
    """
    picture = rgb.copy()
    if not lines:
        return picture
    scale = max(0.35, picture.shape[0] / 1000)
    row, rim, column = round(34 * scale), round(14 * scale), round(120 * scale)
    words = [
        (at * column, number, text)
        for number, line in enumerate(lines)
        for at, text in enumerate(line.split("\t"))
    ]
    wide = max(
        left + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] for left, _, text in words
    )
    ground = picture[: len(lines) * row + 2 * rim, : wide + 2 * rim]
    ground //= 3
    for left, number, text in words:
        cv2.putText(
            picture,
            text,
            (rim + left, rim + (number + 1) * row - row // 4),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
    return picture


def _enlarged(rgb: RGB) -> RGB:
    """The picture at least `_ROWS` high."""
    height, width = rgb.shape[:2]
    if height >= _ROWS:
        return rgb
    larger: RGB = cv2.resize(rgb, (round(width * _ROWS / height), _ROWS), interpolation=cv2.INTER_LINEAR)
    return larger


def save_picture(view: View, folder: Path | None = None) -> Path:
    """Write the picture as a PNG with the time in its name. Raises `OutputError`."""
    path = (folder or Path()) / f"fststyle-{time.strftime('%Y%m%d-%H%M%S')}-{view.number}.png"
    images.write(images.Picture([images.Frame(view.rgb)]), path)
    return path
