"""Stylize single frames with a loaded style, and apply the settings strength, brush, smooth, detail,
keep_colors and tile.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fststyle import colors
from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.pixels import MIN_SIDE
from fststyle.io.resize import resize_frame, scaled_size
from fststyle.runtime import tiles
from fststyle.runtime.blend import weight_share
from fststyle.runtime.brush import brush_size, stylize_with_brush
from fststyle.runtime.details import keep_details
from fststyle.runtime.settings import StylizeSettings
from fststyle.runtime.stroke_smoothing import smooth_along_strokes
from fststyle.runtime.style import Style, load_style

FAINT = 0.2
"""Strength below which the output of interpolated weights is also blended with the source, since the base
network reproduces its input only approximately.
"""


def load_for_settings(settings: StylizeSettings, style: str | Path) -> Style:
    """Load a style at strength 1 with the device, number of threads and precision in ``settings``.

    If ``settings.strength`` is below 1, the precision "auto" selects float, since `FrameStylizer`
    interpolates the weights. Raises the errors of `load_style`.
    """
    precision = "float" if settings.strength < 1 and settings.precision == "auto" else settings.precision
    return load_style(style, settings.device, settings.threads, precision=precision)


def split_strength(strength: float) -> tuple[float, float]:
    """Split a style strength into two factors: one for network weights and one for pixels.

    The first, 0..1, is the strength at which the network weights are interpolated (`Style.at`). The second is
    the strength at which the output is blended with the source frame (`colors.fade`); it is 1 for strengths
    from `FAINT` to 1. Above 1, the pixels are extrapolated instead of the weights, since extrapolated weights
    produce black skies and noise.
    """
    return min(1.0, strength), strength if strength > 1 else min(1.0, strength / FAINT)


class FrameStylizer:
    """Callable that stylizes single frames with a style and settings. It is thread-safe.

    Frames that are stylized in tiles, to save memory, are processed one at a time.
    """

    def __init__(
        self,
        style: Style,
        settings: StylizeSettings,
        on_tile: Callable[[int, int], None] | None = None,
        full: Style | None = None,
    ):
        """Initialize from a loaded style.

        Args:
            style: the style, loaded at any strength.
            settings: the settings; ``settings.strength`` is relative to the strength of ``style``.
            on_tile: called after each tile with the number of finished tiles and the total number of tiles of
                the frame. Not called for frames without tiles.
            full: the same style at strength 1, if it is already loaded; None loads it if it is needed.

        Raises the errors of `Style.at`, such as `StyleError` if ``settings.strength`` is below 1 and
        ``style`` is an int8 file with a base network.
        """
        # If the style has a base network, the strength changes its weights. Otherwise the output is blended
        # with the source.
        weights, pixels = split_strength(settings.strength)
        changed = style.at(style.strength * weights)
        self.style, self.fade = (style, settings.strength) if changed is None else (changed, pixels)
        self.settings, self.on_tile = settings, on_tile
        self._smooth = self.style.smooth if settings.smooth is None else settings.smooth
        self._detail = self.style.detail if settings.detail is None else settings.detail
        # At partial strength, the colors are interpolated between the source and the result at full strength.
        partly = 0 < self.style.strength < 1
        if full is None and partly:
            full = style if style.strength == 1 else self.style.at(1.0)
        self._full = full if partly else None
        self.tiled: tiles.TiledStyle | None = None
        self._one_at_a_time = threading.Lock()

    def frame(self, photo: RGB, fade: float | None = None) -> RGB:
        """Resize a frame, uint8 (H, W, 3) RGB, to a longer side of ``settings.size`` pixels, and stylize it.

        If ``settings.size`` is None, the frame is not resized. See `__call__` for ``fade``. Raises the errors
        of `__call__`, and `InputError` if the resized frame has too many pixels.
        """
        return self(resize_frame(images.Frame(photo), self.settings.size).rgb, fade)

    def __call__(self, photo: RGB, fade: float | None = None, brush: float | None = None) -> RGB:
        """Stylize a frame, uint8 (H, W, 3) RGB. Returns an array of the same shape and type.

        Args:
            photo: the frame.
            fade: strength at which the output is blended with ``photo`` (`colors.fade`); None uses the value
                that follows from ``settings.strength`` (`split_strength`).
            brush: brush size, where 1 is the stroke size in training; None uses ``settings.brush``.

        Raises:
            InputError: the frame is too small, or memory is insufficient.
            StyleError: the network fails, or cannot be used in tiles.
            DependencyError: tiles are needed, and onnx is not installed.
        """
        try:
            size = brush_size(self.settings.brush if brush is None else brush, *photo.shape[:2])
            painted = stylize_with_brush(size, self._refined, photo)
            if self._full is not None:
                painted = colors.between(
                    photo, painted, self._full(_small(photo)), weight_share(self.style.strength)
                )
            if self.settings.keep_colors:
                painted = colors.keep_colors(photo, painted)
            return colors.fade(photo, painted, self.fade if fade is None else fade)
        except MemoryError as error:
            raise InputError(
                f"{photo.shape[1]}x{photo.shape[0]} pixels do not fit in memory; use a smaller --size"
            ) from error

    def _refined(self, photo: RGB) -> RGB:
        """Stylize a frame, smooth the strokes, and keep details of the frame."""
        painted = self._paint(photo)
        # At partial strength, the output is close to the photo, which must not be smoothed like strokes.
        share = min(1.0, weight_share(self.style.strength))
        if self._smooth and share:
            smooth = smooth_along_strokes(painted, self._smooth)
            painted = np.asarray(cv2.addWeighted(smooth, share, painted, 1 - share, 0), np.uint8)
        return keep_details(photo, painted, self._detail)

    def _paint(self, photo: RGB) -> RGB:
        side = tiles.side_for(photo.shape[0], photo.shape[1], self.settings.tile)
        if side is None:
            return self.style(photo)
        with self._one_at_a_time:  # the tile size is computed for a single frame in memory
            if self.tiled is None:
                self.tiled = tiles.TiledStyle(self.style)
            return self.tiled(photo, side, self.on_tile)


COLORS_SIDE = 192
"""Maximum longer side, in pixels, of the copy that is stylized to get the colors at full strength."""


def _small(photo: RGB) -> RGB:
    """Return a copy of a frame, uint8 (H, W, 3), that is reduced to at most half its size and to a longer
    side of at most `COLORS_SIDE` pixels.

    The copy exceeds these limits if its shorter side would otherwise be below `MIN_SIDE`.
    """
    height, width = photo.shape[:2]
    scale = max(min(0.5, COLORS_SIDE / max(height, width)), MIN_SIDE / min(height, width))
    size = scaled_size((height, width), scale, MIN_SIDE)
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
