"""Stylize a stream of frames, given as NumPy arrays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.runtime import blank_frames, mask
from fststyle.runtime.frame_contract import check_frame
from fststyle.runtime.frame_stylizer import FrameStylizer, load_for_settings
from fststyle.runtime.settings import StylizeSettings
from fststyle.runtime.style import Style
from fststyle.runtime.temporal import TemporalFilter, hold_for_strength
from fststyle.settings import check, unknown


class Stylizer:
    """Stylizes the frames of a stream in order, with flicker suppression.

        stylizer = fststyle.Stylizer("great-wave", strength=0.8)
        stylized = stylizer(frame)  # uint8 (H, W, 3) RGB in, the same out
        stylizer.change("starry-night")

    Call it from one thread. Another thread may call `change` at the same time; frames are stylized with the
    old style until the new style is loaded.

    Args:
        style: the name of a style, the path of an .onnx file, or a weighted mixture of styles, such as
            "udnie:0.6,great-wave:0.4".
        steady: whether to suppress flicker (`fststyle.runtime.temporal`). The attribute ``steady`` may be set
            at any time.
        settings: fields of `fststyle.runtime.settings.StylizeSettings`: strength, brush, detail, smooth,
            keep_colors, size, precision, device, threads, tile, mask, only.

    Raises:
        InputError: a setting is invalid, or the mask cannot be read.
        StyleError: the style cannot be loaded.
        DeviceError: the device is unknown or not available.
        DependencyError: a package that a setting needs, such as onnx for a mixture, is not installed.
    """

    def __init__(self, style: str | Path = "starry-night", *, steady: bool = True, **settings: Any):
        try:
            chosen = StylizeSettings(style=str(style), **settings)
        except TypeError as error:
            raise unknown("Stylizer", error) from error
        check(chosen)
        self.steady = steady
        self._mask = mask.load(chosen)
        self._use(chosen)

    def __call__(self, frame: RGB) -> RGB:
        """Stylize the next frame, uint8 (H, W, 3) RGB with sides of at least 16 pixels.

        Returns uint8 (H, W, 3) of the same size, unless ``settings.size`` is given. If the size of the frames
        changes, flicker suppression restarts. Raises `InputError` if the frame is invalid, its aspect ratio
        differs from that of the mask or memory is insufficient, and `StyleError` if the network fails.
        """
        check_frame(frame)
        if frame.ndim != 3:
            raise InputError(f"the stylizer takes one frame (H, W, 3) at a time, not {frame.shape}")
        stylizer, temporal = self._painting
        painted = stylizer.frame(frame)
        if self.steady:
            painted = temporal(frame, painted)
        else:
            temporal.reset()
        painted = blank_frames.blended(frame, painted)
        return painted if self._mask is None else self._mask(frame, painted)

    def change(self, style: str | Path | None = None, strength: float | None = None) -> None:
        """Change the style, the strength or both from the next frame on; None keeps the current value.

        The style is loaded before this method returns, and flicker suppression restarts. Raises the errors of
        the constructor. After an error, the previous style and strength are still used.
        """
        chosen = replace(self._settings, style=self._settings.style if style is None else str(style))
        if strength is not None:
            chosen = replace(chosen, strength=strength)
        check(chosen)
        self._use(chosen)

    def reset(self) -> None:
        """Ignore previous frames when the next frame is filtered and masked.

        Call this at known cuts. Most cuts are detected automatically.
        """
        if self._mask is not None:
            self._mask.reset()
        self._painting[1].reset()

    @property
    def style(self) -> Style:
        """The current style, always loaded at strength 1.

        If it is called directly, it ignores ``settings.strength``.
        """
        return self._style

    @property
    def settings(self) -> StylizeSettings:
        """The current settings, including the style and strength that were last set with `change`."""
        return self._settings

    def _use(self, settings: StylizeSettings) -> None:
        style = load_for_settings(settings, settings.style)
        # A new `TemporalFilter`, so that no strokes of the previous style remain.
        self._painting = FrameStylizer(style, settings), TemporalFilter(hold_for_strength(settings.strength))
        self._style, self._settings = style, settings
