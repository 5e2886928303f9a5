"""Stylize a stream of frames given as numpy arrays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.runtime import blank_frames, mask
from fststyle.runtime.frame_contract import check_frame
from fststyle.runtime.frame_stylizer import FrameStylizer, load_for_settings
from fststyle.runtime.settings import PaintSettings
from fststyle.runtime.style import Style
from fststyle.runtime.temporal import TemporalFilter, hold_for_strength
from fststyle.settings import check, unknown


class Stylizer:
    """Stylizes frames in order, with flicker suppression.

        stylizer = fststyle.Stylizer("great-wave", strength=0.8)
        painted = stylizer(frame)  # uint8 (H, W, 3) RGB in, the same out
        stylizer.change("starry-night")

    ``style``: a name, an .onnx file, or a mixture. ``steady``: flicker suppression
    (`fststyle.runtime.temporal`); the attribute may be set at any time.
    ``settings``: fields of `fststyle.runtime.settings.PaintSettings`: strength, brush, keep_colors, size,
    precision, device, threads, tile, mask, only.

    Call it from one thread. Another thread may call `change` at the same time: frames have the old style
    until the new one is loaded. Raises `InputError` (settings), `StyleError` and `DeviceError`.
    """

    def __init__(self, style: str | Path = "starry-night", *, steady: bool = True, **settings: Any):
        try:
            chosen = PaintSettings(style=str(style), **settings)
        except TypeError as error:
            raise unknown("Stylizer", error) from error
        check(chosen)
        self.steady = steady
        self._mask = mask.load(chosen)
        self._use(chosen)

    def __call__(self, frame: RGB) -> RGB:
        """Stylize the next frame, uint8 (H, W, 3) RGB with sides of at least 16 pixels. The result has the
        same shape unless ``size`` gives another.

        A frame of another size starts a new scene. Raises `InputError` for anything else, and if memory does
        not suffice.
        """
        check_frame(frame)
        if frame.ndim != 3:
            raise InputError(f"a stream takes one frame at a time, (H, W, 3), not {frame.shape}")
        stylizer, temporal = self._painting
        painted = stylizer.frame(frame)
        if self.steady:
            painted = temporal(frame, painted)
        else:
            temporal.reset()
        painted = blank_frames.blended(frame, painted)
        return painted if self._mask is None else self._mask(frame, painted)

    def change(self, style: str | Path | None = None, strength: float | None = None) -> None:
        """Use another style or strength from the next frame on.

        Raises as the constructor; nothing changes after an error.
        """
        chosen = replace(self._settings, style=self._settings.style if style is None else str(style))
        if strength is not None:
            chosen = replace(chosen, strength=strength)
        check(chosen)
        self._use(chosen)

    def reset(self) -> None:
        """Start a new scene, for a cut that the caller knows of. Most cuts are detected."""
        if self._mask is not None:
            self._mask.reset()
        self._painting[1].reset()

    @property
    def style(self) -> Style:
        """The current style, at its trained strength."""
        return self._style

    @property
    def settings(self) -> PaintSettings:
        return self._settings

    def _use(self, settings: PaintSettings) -> None:
        style = load_for_settings(settings, settings.style)
        # A new `TemporalFilter`, so that no strokes of the previous style remain.
        self._painting = FrameStylizer(style, settings), TemporalFilter(hold_for_strength(settings.strength))
        self._style, self._settings = style, settings
