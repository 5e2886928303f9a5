"""The webcam filter: stylize the latest frame, at a resolution that reaches the frame rate."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from fststyle import catalogue
from fststyle.arrays import RGB
from fststyle.errors import FststyleError, StyleError
from fststyle.io.pixels import MIN_SIDE
from fststyle.runtime import mask
from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.stylizer import Stylizer
from fststyle.runtime.webcam.camera import Camera
from fststyle.runtime.webcam.outputs import Outputs
from fststyle.runtime.webcam.view import View


class Resolution:
    """The scale of frames that reaches ``fps``: it decreases at once for a slow frame, and increases in small
    steps after several fast ones.
    """

    SMALLEST = 0.2

    def __init__(self, fps: float):
        self.budget, self.scale, self._fast = 0.9 / fps, 1.0, 0

    def after(self, seconds: float) -> None:
        """Update the scale with the time of a frame at the current scale."""
        if seconds > self.budget:
            self.scale = max(self.SMALLEST, self.scale * max(0.5, (self.budget / seconds) ** 0.5))
            self._fast = 0
        elif seconds < 0.7 * self.budget and self.scale < 1:
            self._fast += 1
            if self._fast >= 10:  # otherwise the resolution would change too often
                self.scale, self._fast = min(1.0, self.scale * 1.1), 0
        else:
            self._fast = 0


class Live:
    """A camera with a style: `frames` yields stylized frames, `change` sets another style or strength.

    `change`, `step` and `blend` may be called from another thread than `frames`, so that frames continue
    while a style is loaded.

    Raises `InputError` (camera), `StyleError` and `DeviceError`.
    """

    def __init__(self, settings: WebcamSettings, on_note: Callable[[str], None] = lambda note: None):
        self.settings, self.mirror = settings, settings.mirror
        # Fast styles come first.
        self.names = [
            entry.name
            for entry in sorted(catalogue.styles(), key=lambda entry: (entry.network != "live", entry.name))
        ]
        same = {
            name: getattr(settings, name)
            for name in ("strength", "brush", "steady", "precision", "device", "threads")
        }
        self._stylizer = Stylizer(settings.style, **same)
        self._mask = mask.load(settings)
        self._between = self.style, 0.0
        self._resolution = Resolution(settings.fps)
        self.camera = Camera(settings.camera, reconnect=settings.reconnect, on_note=on_note)

    def change(self, style: str | None = None, strength: float | None = None) -> None:
        """Set another style or strength. Raises as `load_style`; nothing changes after an error."""
        self._stylizer.change(style, None if strength is None else min(2.0, max(0.0, round(strength, 2))))
        self._between = self.style, 0.0

    @property
    def style(self) -> str:
        return self._stylizer.style.name

    @property
    def strength(self) -> float:
        return self._stylizer.settings.strength

    @property
    def steady(self) -> bool:
        return self._stylizer.steady

    @steady.setter
    def steady(self, value: bool) -> None:
        self._stylizer.steady = value

    def step(self, by: int) -> None:
        """Move by ``by`` styles in the list, 1 or -1. Styles that cannot be loaded are skipped."""
        place = self.names.index(self.style) if self.style in self.names else -1
        for number in range(1, len(self.names) + 1):
            try:
                return self.change(self.names[(place + by * number) % len(self.names)])
            except FststyleError:
                continue
        raise StyleError("no style can be loaded")

    def blend(self, by: float = 0.25) -> str:
        """Move by a share ``by`` from the current style to the next one, by mixing their weights. Returns the
        mixture.

        Raises `StyleError` if they have no common base network; nothing changes then.
        """
        here, share = self._between  # a style, and the share of the next one
        if here not in self.names or len(self.names) < 2:
            raise StyleError(f"{self.style} has no next style to blend with")
        following, share = self.names[(self.names.index(here) + 1) % len(self.names)], share + by
        self.change(following if share >= 1 else f"{here}:{1 - share:g},{following}:{share:g}")
        self._between = (following, 0.0) if share >= 1 else (here, share)
        return self._stylizer.settings.style

    def frames(self) -> Iterator[View]:
        """Stylize the latest frame of the camera, until the camera ends."""
        last, times = -1, [time.monotonic()]
        while (taken := self.camera.newest(last)) is not None:
            last = taken.number
            frame = np.ascontiguousarray(taken.rgb[:, ::-1]) if self.mirror else taken.rgb
            height, width = frame.shape[:2]
            scale = self.settings.size / max(height, width) if self.settings.size else self._resolution.scale
            small = (
                (max(MIN_SIDE, round(width * scale / 8) * 8), max(MIN_SIDE, round(height * scale / 8) * 8))
                if scale != 1
                else (width, height)
            )
            begin = time.monotonic()
            less: RGB = (
                cv2.resize(frame, small, interpolation=cv2.INTER_AREA) if small != (width, height) else frame
            )
            painted = self._stylizer(less)
            if small != (width, height):
                painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR)
            if self._mask is not None:  # at full size, so that the rest of the frame keeps its detail
                painted = self._mask(frame, painted)
            now = time.monotonic()
            self._resolution.after(now - begin)
            times = [*times[-30:], now]
            fps = (len(times) - 1) / max(times[-1] - times[0], 1e-9)
            yield View(painted, fps, now - taken.at, small, self.style, taken.number, taken.at)

    def close(self) -> None:
        self.camera.close()


HELP = (
    ("n / p", "next, previous style"),
    ("1-9", "style by number"),
    ("b", "blend with the next style"),
    ("+ / -", "strength"),
    ("t", "flicker suppression on or off"),
    ("m", "mirror"),
    ("f", "full screen"),
    ("s", "save a picture"),
    ("r", "start or stop recording"),
    ("i", "statistics on or off"),
    ("h", "this help"),
    ("q, Esc", "quit"),
)
"""Keys and what they do."""


def handle_key(live: Live, key: str, view: View, save: Callable[[View], Path], outputs: Outputs) -> str:
    """Handle a key. Returns a message for the user, "" if there is none."""
    if key in "np":
        live.step(1 if key == "n" else -1)
    elif key in "123456789" and int(key) <= len(live.names):
        live.change(live.names[int(key) - 1])
    elif key in "+=-":
        live.change(strength=live.strength + (-0.1 if key == "-" else 0.1))
        return f"strength {live.strength:.1f}"
    elif key == "b":
        return live.blend()
    elif key == "t":
        live.steady = not live.steady
        return f"flicker suppression {'on' if live.steady else 'off'}"
    elif key == "m":
        live.mirror = not live.mirror
        return ""
    elif key == "s":
        return f"saved {save(view)}"
    elif key == "r":
        return outputs.toggle()
    else:
        return ""
    return live.style
