"""The webcam filter: stylize the latest camera frame at a resolution that reaches the target frame rate."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fststyle import catalogue
from fststyle.arrays import RGB
from fststyle.errors import FststyleError, StyleError
from fststyle.io.pixels import MIN_SIDE
from fststyle.runtime import blank_frames, mask
from fststyle.runtime.settings import StylizeSettings, WebcamSettings
from fststyle.runtime.temporal import TemporalFilter, hold_for_strength
from fststyle.runtime.webcam.camera import Camera
from fststyle.runtime.webcam.controls.values import ACTIONS, RANGES, Controls, ReportOnce, Status, Values
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.style_loader import StyleBlend, StyleLoader, blend_of
from fststyle.runtime.webcam.view import View


class Resolution:
    """Adapts the scale at which frames are stylized, so that ``fps`` frames per second are reached.

    The attribute ``scale`` is the current scale relative to the camera frame, from `SMALLEST` to 1.

    Call `before` before each frame, and `after` after it. The scale decreases immediately after a slow frame,
    and increases in small steps after several fast frames.
    """

    SMALLEST = 0.2
    """Minimum scale."""

    def __init__(self, fps: float):
        self.budget, self.scale, self._fast = 0.9 / fps, 1.0, 0
        self._seconds = 0.0

    def before(self, factor: float) -> None:
        """Reduce the scale if the next frame would be too slow.

        ``factor`` is the expected ratio of its duration to that of the last frame.
        """
        if factor > 1 and (expected := self._seconds * factor) > self.budget:
            self.scale = max(self.SMALLEST, self.scale * (self.budget / expected) ** 0.5)

    def after(self, seconds: float) -> None:
        """Update the scale, given the time in seconds that a frame took at the current scale."""
        self._seconds = seconds
        if seconds > self.budget:
            self.scale = max(self.SMALLEST, self.scale * max(0.5, (self.budget / seconds) ** 0.5))
            self._fast = 0
        elif seconds < 0.7 * self.budget and self.scale < 1:
            self._fast += 1
            if self._fast >= 10:  # avoids frequent changes of the resolution
                self.scale, self._fast = min(1.0, self.scale * 1.1), 0
        else:
            self._fast = 0


class Live:
    """Webcam filter, which stylizes the frames of a camera in real time.

    `frames` yields the stylized frames. The values in ``controls`` may be changed from any thread. `change`,
    `step` and `blend` block until the style is loaded. A style that is set in `controls` is loaded in the
    background; until then, frames are stylized with the previous style.

    Args:
        settings: the settings of `fststyle webcam`.
        on_note: called with messages for the user, in any thread.
        interrupted: function that is called repeatedly while waiting; `frames` ends when it returns True.

    Attributes:
        mirror: whether frames are mirrored; may be set at any time.
        controls: the values that can be changed while the filter runs.
        camera: the open camera.

    Raises:
        InputError: a setting is invalid, or the camera or the mask cannot be used.
        StyleError: the style cannot be loaded.
        DeviceError: the device is unknown or not available.
        DependencyError: a package that a setting needs is not installed.
    """

    def __init__(
        self,
        settings: WebcamSettings,
        on_note: Callable[[str], None] = lambda note: None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self.settings, self.mirror = settings, settings.mirror
        # Styles with the fast network come first.
        entries = sorted(catalogue.styles(), key=lambda entry: (entry.network != "live", entry.name))
        names = [entry.name for entry in entries]
        light = [entry.name for entry in entries if entry.network in ("live", "")]
        values = Values(
            style=settings.style,
            strength=settings.strength,
            brush=settings.brush,
            steadiness=1.0 if settings.steady else 0.0,
        )
        self.controls = Controls(values, names, on_note)
        self._once = ReportOnce(self.controls.notify)
        self._mask = mask.load(settings)
        same = {
            name: getattr(settings, name) for name in ("style", "detail", "precision", "device", "threads")
        }
        self._loader = StyleLoader(
            self._blend_of(values),
            StylizeSettings(brush=1.0, **same),
            preload=light if settings.controlled else (),
            on_failed=self._failed,
            on_note=on_note,
        )
        self.learn: Callable[[Sequence[str]], None] | None = None
        """Function that starts MIDI learn (`MidiInput.learn`), or None without MIDI."""
        self._steady, self._before = TemporalFilter(), values
        self._painted: frozenset[str] = frozenset()
        self._resolution = Resolution(settings.fps)
        try:
            self.camera = Camera(
                settings.camera, reconnect=settings.reconnect, on_note=on_note, interrupted=interrupted
            )
        except BaseException:
            self._loader.close()
            raise

    def change(self, style: str | None = None, strength: float | None = None) -> None:
        """Set another style or strength; None keeps the current one.

        A new style also sets ``controls.values.mix`` to 0. The strength is limited to 0..2 and rounded to two
        decimals. Raises the errors of `load_style`. After an error, the style and the strength are unchanged.
        """
        changes: dict[str, Any] = {}
        if style is not None:
            changes = {"style": style, "mix": 0.0}
        if strength is not None:
            changes["strength"] = min(2.0, max(0.0, round(strength, 2)))
        self._loader.load(self._blend_of(replace(self.controls.values, **changes)))
        self.controls.change(**changes)

    @property
    def names(self) -> Sequence[str]:
        """Names of the styles, in the order of `step` and of the number keys."""
        return self.controls.styles

    @property
    def style(self) -> str:
        """Name of the style in ``controls.values``; for an .onnx file, its file name without the suffix."""
        style = self.controls.values.style
        return Path(style).stem if style.endswith(catalogue.SUFFIX) else style

    @property
    def strength(self) -> float:
        """Style strength, 0..2: 0 keeps the camera image, 1 is the trained style."""
        return self.controls.values.strength

    @property
    def steady(self) -> bool:
        """Whether flicker suppression is on. Assigning True or False sets ``steadiness`` to 1 or 0."""
        return self.controls.values.steadiness > 0

    @steady.setter
    def steady(self, value: bool) -> None:
        self.controls.change(steadiness=1.0 if value else 0.0)

    def step(self, by: int) -> None:
        """Change to the next style if ``by`` is 1, or the previous style if it is -1, and set ``mix`` to 0.

        Styles that cannot be loaded are skipped. Raises `StyleError` if no style can be loaded.
        """
        place = self.names.index(self.style) if self.style in self.names else -1
        for number in range(1, len(self.names) + 1):
            try:
                return self.change(self.names[(place + by * number) % len(self.names)])
            except FststyleError:
                continue
        raise StyleError("none of the styles in the list can be loaded")

    def blend(self, by: float = 0.25) -> str:
        """Increase the weight of the second style by ``by``, and return a description of the new mixture.

        When the weight reaches 1, the second style replaces the first one, and the weight is set to 0. Raises
        `StyleError` if there is no second style or the first style is not in ``names``, and the errors of
        `load_style`.
        """
        values = self.controls.values
        second, mix = self._second(values), round(values.mix + by, 6)
        if self.style not in self.names:
            raise StyleError(
                f"{self.style} is not in the list of styles, so it cannot be blended with another style"
            )
        if second == values.style:
            raise StyleError("there is no second style to blend with")
        if mix >= 1:
            self.change(second)
            return second
        self._loader.load(self._blend_of(replace(values, mix=mix)))
        self.controls.change(mix=mix)
        return f"{values.style}:{1 - mix:g},{second}:{mix:g}"

    def ready(self) -> bool:
        """Return whether the networks for the current control values are loaded."""
        return self._loader.ready(self._blend_of(self.controls.current()))

    @property
    def loaded(self) -> int:
        """Number of networks in memory."""
        return self._loader.loaded

    def _second(self, values: Values) -> str:
        return values.second or self.controls.neighbor(values.style)

    def _blend_of(self, values: Values) -> StyleBlend:
        return blend_of(values.style, self._second(values), values.mix, values.strength)

    def _failed(self, names: frozenset[str], reason: str) -> None:
        """Deselect the styles ``names``, which cannot be loaded, and report ``reason`` once to the user.

        If the first style is one of them, it is replaced by another style that is displayed, if there is one.
        If the second style is one of them, ``mix`` is set to 0.
        """
        values, shown = self.controls.values, sorted(self._painted - names)
        if values.style in names and shown:
            self.controls.change(style=shown[0])
        if values.mix and self._second(values) in names:
            self.controls.change(mix=0.0)
        self._once(reason, reason)

    def _paint(self, frame: RGB, values: Values) -> tuple[RGB, str]:
        """Stylize a frame, uint8 (H, W, 3), with the control values ``values``, and suppress flicker.

        Returns the stylized frame and the name of the style that was used. Until the selected style is
        loaded, the previous style is used.
        """
        requested = self._blend_of(values)
        painting = self._loader.at(requested, (frame.shape[0], frame.shape[1]))
        painted = painting.paint(frame, brush=values.brush)
        before, self._before = self._before, values
        moved = abs(values.strength - before.strength) + abs(values.mix - before.mix)
        if not (painting.names & self._painted) or not values.steadiness:
            self._steady.reset()  # remove strokes of the previous style
        self._painted = painting.names
        # Loading a style may have failed before the first frame, or when it was loaded in advance.
        for names, reason in self._loader.failures(requested):
            self._failed(names, reason)
        if values.steadiness:
            self._steady.hold = values.steadiness * hold_for_strength(values.strength, moved)
            painted = self._steady(frame, painted)
        return blank_frames.blended(frame, painted), painting.name

    def frames(self) -> Iterator[View]:
        """Yield stylized camera frames until the camera ends or the program is interrupted.

        Each time a frame is requested, the latest camera frame is stylized; camera frames between two
        requests are skipped. Raises `InputError` if the aspect ratio of the mask is not that of the camera or
        memory is insufficient, and `StyleError` if the network fails.
        """
        last, times = -1, [time.monotonic()]
        while (taken := self.camera.newest(last)) is not None:
            last = taken.number
            frame = np.ascontiguousarray(taken.rgb[:, ::-1]) if self.mirror else taken.rgb
            height, width = frame.shape[:2]
            values = self.controls.current()
            # The time per frame is proportional to the number of pixels at the network input.
            self._resolution.before((self._before.brush / values.brush) ** 2)
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
            painted, style = self._paint(less, values)
            if small != (width, height):
                painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR)
            if self._mask is not None:  # at full size, so that unstylized areas keep their detail
                painted = self._mask(frame, painted)
            now = time.monotonic()
            self._resolution.after(now - begin)
            times = [*times[-30:], now]
            fps = (len(times) - 1) / max(times[-1] - times[0], 1e-9)
            self.controls.status = Status(style, fps, now - taken.at)
            yield View(painted, fps, now - taken.at, small, style, taken.number, taken.at)

    def close(self) -> None:
        """Stop the threads and release the camera. Waits for each thread for at most five seconds."""
        self._loader.close()
        self.camera.close()


LEARN_ORDER = (*RANGES, *ACTIONS)
"""Controls that the key ``l`` assigns by MIDI learn, in this order."""

KEYS = (
    ("n / p", "next, previous style"),
    ("1-9", "style by number"),
    ("b", "blend with the next style"),
    ("+ / -", "strength"),
    ("t", "flicker suppression on or off"),
    ("m", "mirror"),
    ("f", "full screen"),
    ("s", "save an image"),
    ("r", "start or stop recording"),
    ("l", "learn MIDI controls"),
    ("i", "statistics on or off"),
    ("h", "this help"),
    ("q, Esc", "quit"),
)
"""Keys of the window and their actions, as shown in its help."""


def handle_key(live: Live, key: str, view: View, save: Callable[[View], Path], outputs: Outputs) -> str:
    """Perform the action of a key, a lower-case character. Returns a message for the user, or "".

    Keys that concern only the window are ignored. ``save`` is a function that writes the frame ``view`` to a
    file and returns its path; ``outputs`` starts and stops recordings. Raises the errors of `load_style` if a
    style cannot be loaded, and `OutputError` if a file cannot be written.
    """
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
    elif key == "l":
        if live.learn is None:
            return "MIDI learn needs --midi"
        live.learn(LEARN_ORDER)
        return ""
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
