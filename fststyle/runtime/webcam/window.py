"""The window of the webcam filter, with the highgui module of OpenCV."""

import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, DeviceError, FststyleError, OutputError
from fststyle.io import images
from fststyle.runtime.webcam.live import KEYS, Live, handle_key
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.view import View

TITLE = "fststyle"
_MIN_HEIGHT = 540
"""Minimum height of the displayed frames in pixels. Smaller frames are enlarged, so that text is readable."""


def show(live: Live, outputs: Outputs, seconds: float | None = None) -> int:
    """Show the stylized frames of ``live`` in a window, and send them to ``outputs``.

    Returns the number of stylized frames.

    The function returns when the user quits, after ``seconds`` seconds (None: no limit), or when
    `Live.frames` ends. Errors of outputs that fail are shown in the window. Raises `DependencyError` if no
    window can be opened or a package for an output is missing, `InputError` if an output does not support a
    change of the frame size, and the errors of `Live.frames`.
    """
    window = _Window(live, outputs)
    begin, shown = time.monotonic(), 0
    try:
        for view in live.frames():
            shown += 1
            if not window.show(view) or (seconds is not None and time.monotonic() - begin >= seconds):
                break
    finally:
        window.close()
    return shown


def key_character(code: int) -> str:
    """Return the lower-case character of an OpenCV key code, or "" for no key and for special keys.

    The last byte of the code of a special key, such as an arrow, may equal that of a letter. With GTK, bits
    16 to 20 of a code are modifiers, and special keys have codes above 255 in the lower 16 bits. On Windows
    and with Qt, special keys have bits at position 21 or above.
    """
    return chr(code & 0xFFFF).lower() if 0 <= code < 1 << 21 and code & 0xFFFF <= 0xFF else ""


class _Window:
    """Window that shows the stylized frames with overlaid text, and handles key presses.

    Raises `DependencyError` if the window cannot be opened.
    """

    def __init__(self, live: Live, outputs: Outputs):
        self._outputs = outputs
        self.live, self.statistics, self.help, self.full = live, True, False, live.settings.fullscreen
        self._show_message("h: help")
        self._noted = live.controls.note
        # Keys are handled in another thread, so that loading a style does not stop the frames.
        self._executor = ThreadPoolExecutor(1, "fststyle-keys")
        self._pending: Future[str] | None = None
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise DependencyError(
                "no window can be opened (neither DISPLAY nor WAYLAND_DISPLAY is set); use --headless"
            )
        # Qt in OpenCV warns about missing fonts, which are not needed.
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
        self._fitted = False
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            self._apply_fullscreen()
        except cv2.error as error:
            raise DependencyError(
                f"OpenCV cannot open a window ({' '.join(str(error).split())[:200]}); if"
                " opencv-python-headless is installed, replace it with opencv-python"
                " (pip uninstall opencv-python-headless, then pip install opencv-python), or use --headless"
            ) from error

    def show(self, view: View) -> bool:
        """Show a frame, send it to the outputs and handle a key. Returns False if the user quits."""
        if self._pending is not None and self._pending.done():
            self._show_message(_result(self._pending))
            self._pending = None
        if self.live.controls.note != self._noted:
            self._noted = self.live.controls.note
            self._show_message(self._noted)
        try:
            self._outputs.send(view)
        except (DeviceError, OutputError) as error:  # continue without this output
            self._show_message(str(error))
        picture = self._annotated(view)
        if not self._fitted:
            cv2.resizeWindow(TITLE, picture.shape[1], picture.shape[0])
            self._fitted = True
        cv2.imshow(TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = key_character(cv2.waitKeyEx(1))
        if key in ("\x1b", "q") or not self._open():
            return False
        if key:
            self._key(key, view)
        return True

    def _open(self) -> bool:
        """Return whether the window is still open."""
        try:
            return bool(cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1)
        except cv2.error:  # Qt raises this for a closed window
            return False

    def close(self) -> None:
        """Wait for the current key action, and close the window."""
        self._executor.shutdown(cancel_futures=True)
        cv2.destroyAllWindows()

    def _key(self, key: str, view: View) -> None:
        if key == "h":
            self.help = not self.help
        elif key == "i":
            self.statistics = not self.statistics
        elif key == "f":
            self.full = not self.full
            self._apply_fullscreen()
        elif self._pending is None:
            self._pending = self._executor.submit(
                handle_key, self.live, key, view, save_picture, self._outputs
            )

    def _show_message(self, text: str) -> None:
        """Show a message for two seconds. An empty text is ignored."""
        if text:
            self._message, self._until = text, time.monotonic() + 2

    def _apply_fullscreen(self) -> None:
        cv2.setWindowProperty(
            TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN if self.full else cv2.WINDOW_NORMAL
        )

    def _annotated(self, view: View) -> RGB:
        """Return the frame to display: enlarged if it is small, with statistics, messages and help."""
        lines = []
        if self.statistics:
            lines.append(
                f"{view.style}  {view.fps:.0f} fps  {view.latency * 1000:.0f} ms "
                f" {view.painted[0]}x{view.painted[1]}"
            )
        if self._outputs.recording:
            lines.append("recording")
        if time.monotonic() < self._until:
            lines.append(self._message)
        if self.help:
            lines += [f"{keys}\t{what}" for keys, what in KEYS]
        return draw_text(_enlarged(view.rgb), lines)


def _result(done: Future[str]) -> str:
    """Return the message that a finished key action returned, or that of the `FststyleError` it raised."""
    try:
        return done.result()
    except FststyleError as error:
        return str(error)


def draw_text(rgb: RGB, lines: list[str]) -> RGB:
    """Return a copy of an image, uint8 (H, W, 3), with lines of white text in the top left corner.

    The background of the text is darkened. Text after a tab is aligned in a column.
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
    """Enlarge an image whose height is below `_MIN_HEIGHT` to this height. The aspect ratio is kept."""
    height, width = rgb.shape[:2]
    if height >= _MIN_HEIGHT:
        return rgb
    larger: RGB = cv2.resize(
        rgb, (round(width * _MIN_HEIGHT / height), _MIN_HEIGHT), interpolation=cv2.INTER_LINEAR
    )
    return larger


def save_picture(view: View, folder: Path | None = None) -> Path:
    """Write a frame to a PNG file in ``folder`` (None: the current folder), and return its path.

    The file name contains the time and the frame number. Raises `OutputError` if the file cannot be written.
    """
    path = (folder or Path()) / f"fststyle-{time.strftime('%Y%m%d-%H%M%S')}-{view.number}.png"
    images.write(images.Picture([images.Frame(view.rgb)]), path)
    return path
