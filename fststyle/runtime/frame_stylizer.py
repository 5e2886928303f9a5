"""Stylize single frames with a loaded style and the settings of strength, brush size, colors and tiles."""

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
from fststyle.runtime.brush import brush_size, stylize_with_brush
from fststyle.runtime.settings import StylizeSettings
from fststyle.runtime.style import Style, load_style

FAINT = 0.2
"""Strength below which the output of interpolated weights is also blended with the source, since the base
network reproduces its input only approximately.
"""


def load_for_settings(settings: StylizeSettings, style: str | Path) -> Style:
    """Load a style at strength 1, with the device, threads and precision of the settings.

    If the setting ``strength`` is below 1, the precision "auto" selects float, since `FrameStylizer`
    interpolates the weights. Raises the errors of `load_style`.
    """
    precision = "float" if settings.strength < 1 and settings.precision == "auto" else settings.precision
    return load_style(style, settings.device, settings.threads, precision=precision)


def split_strength(strength: float) -> tuple[float, float]:
    """Split a strength into a strength of the weights, 0..1, and a strength of the pixels, for `colors.fade`.

    Above 1, the pixels are extrapolated and not the weights, since extrapolated weights produce black skies
    and noise.
    """
    return min(1.0, strength), strength if strength > 1 else min(1.0, strength / FAINT)


class FrameStylizer:
    """Callable that stylizes single frames with a style and settings. It is thread-safe.

    Frames that need tiles are stylized one at a time.
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
            style: the style, at any strength.
            settings: the settings; their strength is relative to the strength of ``style``.
            on_tile: called after each tile with the number of finished tiles and the number of tiles of the
                frame.
            full: the same style at strength 1, if it is already loaded; None loads it if it is needed.

        Raises the errors of `Style.at`, such as `StyleError` if the strength is below 1 and ``style`` is an
        int8 file with a base network.
        """
        # If the style has a base network, the strength changes its weights. Otherwise the output is blended
        # with the source.
        weights, pixels = split_strength(settings.strength)
        changed = style.at(style.strength * weights)
        self.style, self.fade = (style, settings.strength) if changed is None else (changed, pixels)
        self.settings, self.on_tile = settings, on_tile
        # At partial strength, the colors are interpolated between the source and the result at full strength.
        partly = 0 < self.style.strength < 1
        if full is None and partly:
            full = style if style.strength == 1 else self.style.at(1.0)
        self._full = full if partly else None
        self.tiled: tiles.TiledStyle | None = None
        self._one_at_a_time = threading.Lock()

    def frame(self, photo: RGB, fade: float | None = None) -> RGB:
        """Resize a frame, uint8 (H, W, 3) RGB, to the size of the settings and stylize it.

        ``fade`` overrides the strength of the pixels (`split_strength`). Raises the errors of `__call__`, and
        `InputError` if the size of the settings results in too many pixels.
        """
        return self(resize_frame(images.Frame(photo), self.settings.size).rgb, fade)

    def __call__(self, photo: RGB, fade: float | None = None, brush: float | None = None) -> RGB:
        """Stylize a frame, uint8 (H, W, 3) RGB. Returns an array of the same shape and type.

        ``fade`` overrides the strength of the pixels (`split_strength`), and ``brush`` the brush size of the
        settings. Raises `InputError` if the frame is too small or memory is insufficient, and `StyleError` if
        the network fails or cannot be used in tiles.
        """
        try:
            size = brush_size(self.settings.brush if brush is None else brush, *photo.shape[:2])
            painted = stylize_with_brush(size, self._paint, photo)
            if self._full is not None:
                painted = colors.between(photo, painted, self._full(_small(photo)), self.style.strength)
            if self.settings.keep_colors:
                painted = colors.keep_colors(photo, painted)
            return colors.fade(photo, painted, self.fade if fade is None else fade)
        except MemoryError as error:
            raise InputError(
                f"{photo.shape[1]}x{photo.shape[0]} pixels do not fit in memory; use a smaller --size"
            ) from error

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
    """Return the frame reduced to at most half its size and a longer side of at most `COLORS_SIDE`.

    Neither limit applies if the shorter side would be below `MIN_SIDE`.
    """
    height, width = photo.shape[:2]
    scale = max(min(0.5, COLORS_SIDE / max(height, width)), MIN_SIDE / min(height, width))
    size = scaled_size((height, width), scale, MIN_SIDE)
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
