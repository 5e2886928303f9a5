"""A style for a stream of frames, as numpy arrays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.runtime import blank_frames, mask
from fststyle.runtime.frame_contract import check_frame
from fststyle.runtime.painter import Painter, load_as
from fststyle.runtime.settings import PaintSettings
from fststyle.runtime.style import Style
from fststyle.runtime.temporal import Steady, held
from fststyle.settings import check, unknown


class Stylizer:
    """Stylizes one frame after another, without flicker where the scene only moves.

        stylizer = fststyle.Stylizer("great-wave", strength=0.8)
        painted = stylizer(frame)  # uint8 (H, W, 3) RGB in, the same out
        stylizer.change("starry-night-live")

    ``style``: a name, an .onnx file, or a mixture. ``steady``: see `fststyle.runtime.temporal`; it may be
    switched at any time.
    ``settings``: fields of `fststyle.runtime.settings.PaintSettings`: strength, keep_colors, size, precision,
    device, threads, tile, mask, only.

    One thread calls it. Another may call `change` at the same time: frames have the old style until the new
    one is loaded. Raises `InputError` (settings), `StyleError`, `DeviceError`.
    """

    def __init__(self, style: str | Path = "starry-night-live", *, steady: bool = True, **settings: Any):
        try:
            chosen = PaintSettings(style=str(style), **settings)
        except TypeError as error:
            raise unknown("Stylizer", error) from error
        check(chosen)
        self.steady = steady
        self._mask = mask.load(chosen)
        self._take_on(chosen)

    def __call__(self, frame: RGB) -> RGB:
        """Stylize the next frame, uint8 (H, W, 3) RGB of at least 16 pixels a side. The result has the same
        shape unless ``size`` gives another.

        A frame of another size starts a new scene. Raises `InputError` for anything else, and if memory does
        not suffice.
        """
        check_frame(frame)
        if frame.ndim != 3:
            raise InputError(f"a stream is painted frame by frame, (H, W, 3), not {frame.shape}")
        painter, steady = self._painting
        painted = painter.frame(frame)
        if self.steady:
            painted = steady(frame, painted)
        else:
            steady.reset()
        painted = blank_frames.held(frame, painted)
        return painted if self._mask is None else self._mask(frame, painted)

    def change(self, style: str | Path | None = None, strength: float | None = None) -> None:
        """Another style or strength from the next frame on.

        Raises as the constructor; then everything stays as it was.
        """
        chosen = replace(self._settings, style=self._settings.style if style is None else str(style))
        if strength is not None:
            chosen = replace(chosen, strength=strength)
        check(chosen)
        self._take_on(chosen)

    def reset(self) -> None:
        """Start a new scene, for a cut that the caller knows of. Most cuts are detected."""
        if self._mask is not None:
            self._mask.reset()
        self._painting[1].reset()

    @property
    def style(self) -> Style:
        """What paints now, but for its strength."""
        return self._style

    @property
    def settings(self) -> PaintSettings:
        return self._settings

    def _take_on(self, settings: PaintSettings) -> None:
        style = load_as(settings, settings.style)
        # With each style a new start: the strokes of the last one are not to be kept.
        self._painting = Painter(style, settings), Steady(held(settings.strength))
        self._style, self._settings = style, settings
