"""Stylize frames with a loaded style and the settings for strength, brush size, colors and tiles."""

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
from fststyle.runtime.settings import PaintSettings
from fststyle.runtime.style import Style, load_style

FAINT = 0.2
"""Strength below which the output of interpolated weights is also blended with the source, since the base
network reproduces its input only approximately.
"""


def load_for_settings(settings: PaintSettings, style: str | Path) -> Style:
    """Load a style with the device, threads and precision of the settings.

    For a strength below 1, the precision "auto" means float. Raises the errors of `load_style`.
    """
    precision = "float" if settings.strength < 1 and settings.precision == "auto" else settings.precision
    return load_style(style, settings.device, settings.threads, precision=precision)


def split_strength(strength: float) -> tuple[float, float]:
    """Split a strength into a strength of the weights, 0..1, and a strength of the pixels for `colors.fade`.

    Strengths above 1 extrapolate the pixels, since extrapolating the weights produces black skies and noise
    even below 2.
    """
    return min(1.0, strength), strength if strength > 1 else min(1.0, strength / FAINT)


class FrameStylizer:
    """Callable that stylizes single frames with a style and settings. It is thread-safe.

    Frames that need tiles are stylized one at a time.
    """

    def __init__(
        self,
        style: Style,
        settings: PaintSettings,
        on_tile: Callable[[int, int], None] | None = None,
        full: Style | None = None,
    ):
        """Initialize from a loaded style.

        Args:
            style: the style, at any strength.
            settings: the settings; their strength is relative to the strength of ``style``.
            on_tile: called with the number of finished tiles and of all tiles of a frame.
            full: the same style at strength 1, if it is already loaded.
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
        """Resize a frame, uint8 (H, W, 3), to the size of the settings and stylize it.

        ``fade`` overrides the strength of the pixels (`split_strength`).
        """
        return self(resize_frame(images.Frame(photo), self.settings.size).rgb, fade)

    def __call__(self, photo: RGB, fade: float | None = None, brush: float | None = None) -> RGB:
        """Stylize a frame, uint8 (H, W, 3). Returns the same shape.

        ``fade`` overrides the strength of the pixels (`split_strength`), and ``brush`` the brush size of the
        settings. Raises `InputError` if the frame does not fit in memory.
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
        with self._one_at_a_time:  # the tile size is chosen for one frame in memory
            if self.tiled is None:
                self.tiled = tiles.TiledStyle(self.style)
            return self.tiled(photo, side, self.on_tile)


COLORS_SIDE = 192
"""Largest longer side, in pixels, of the copy that is stylized to get the colors at full strength."""


def _small(photo: RGB) -> RGB:
    """Return the frame reduced to half its size and at most `COLORS_SIDE`, to get the colors at full
    strength.
    """
    height, width = photo.shape[:2]
    # At least 16 pixels per side, with the aspect ratio of the photo.
    scale = max(min(0.5, COLORS_SIDE / max(height, width)), MIN_SIDE / min(height, width))
    size = scaled_size((height, width), scale, MIN_SIDE)
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
