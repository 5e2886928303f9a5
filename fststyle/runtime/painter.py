"""Stylize one picture."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, overload

import cv2
import numpy as np
from PIL.Image import Image

from fststyle import colors
from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.convert import resized, taken
from fststyle.io.images import Picture
from fststyle.io.pixels import MIN_SIDE, uncovered
from fststyle.runtime import mask as masks
from fststyle.runtime import tiles
from fststyle.runtime.brush import brush_size, stylize_at
from fststyle.runtime.settings import ImageSettings, PaintSettings
from fststyle.runtime.style import Style, load_style
from fststyle.settings import check, unknown

FAINT = 0.2
"""Strength below which the output of interpolated weights is also blended with the photo: the base network
reproduces the photo only approximately.
"""


@overload
def stylize(image: RGB, style: str | Path | Style = ..., **settings: Any) -> RGB: ...
@overload
def stylize(
    image: str | Path | bytes | BinaryIO | Image, style: str | Path | Style = ..., **settings: Any
) -> Image: ...
def stylize(image: Any, style: str | Path | Style = "starry-night", **settings: Any) -> Any:
    """Stylize a picture: ``stylize("cat.jpg", "great-wave").save("painted.jpg")``.

    ``image``: a path, the bytes of an image file, an open binary file or a Pillow image, which give a Pillow
    image (mode RGB, or RGBA where there is alpha; of an animation the first frame); or a uint8 array (H, W,
    3) RGB or (H, W, 4) RGBA, which gives an array of the same shape.
    ``style``: a name, an .onnx file, or a `Style` from `load_style`, which is then loaded only once.
    ``settings``: fields of `ImageSettings`. The result has the size of the picture unless ``size`` asks for
    another.

    Raises `InputError` (picture or setting), `StyleError`, `DeviceError`.
    """
    chosen = _settings(style, settings)
    picture, give_back = taken(image)
    loaded = style if isinstance(style, Style) else load_as(chosen, style)
    return give_back(stylize_picture(picture, loaded, chosen).frames[0])


def stylize_picture(
    picture: Picture,
    style: Style,
    settings: ImageSettings,
    on_tile: Callable[[int, int], None] | None = None,
    mask: masks.Mask | None = None,
) -> Picture:
    """A picture with every frame stylized; alpha, durations, color profile, metadata and format are kept.

    ``on_tile(done, of)`` is called after each tile, where a frame is stylized in tiles. ``mask`` is that of
    the settings, if it is loaded already. Raises `InputError` where memory does not suffice or the mask does
    not fit, and `StyleError`.
    """
    mask = mask or masks.load(settings)
    if mask is not None:
        mask.check(picture.size)
        mask.reset()
    frames = [resized(uncovered(frame), settings.size) for frame in picture.frames]
    painter = Painter(style, settings, on_tile)
    painted = [painter(frame.rgb) for frame in frames]
    if mask is not None:
        painted = [mask.applied(frame.rgb, rgb) for frame, rgb in zip(frames, painted, strict=True)]
    return replace(
        picture, frames=[replace(frame, rgb=rgb) for frame, rgb in zip(frames, painted, strict=True)]
    )


def load_as(settings: PaintSettings, style: str | Path) -> Style:
    """The style, in float precision if its strength is less than 1 and the precision is not given.

    Raises as `load_style`.
    """
    precision = "float" if settings.strength < 1 and settings.precision == "auto" else settings.precision
    return load_style(style, settings.device, settings.threads, precision=precision)


def by_weights(strength: float) -> tuple[float, float]:
    """Split a strength into that of the weights, 0..1, and that of the pixels: the share of the stylized
    frame over its photo, extrapolated above 1.

    Extrapolated weights give black skies and noise long before 2.
    """
    return min(1.0, strength), strength if strength > 1 else min(1.0, strength / FAINT)


class Painter:
    """A style with its settings, as a function on frames uint8 (H, W, 3).

    Calls from several threads are safe; frames that need tiles are stylized one after another.
    """

    def __init__(
        self, style: Style, settings: PaintSettings, on_tile: Callable[[int, int], None] | None = None
    ):
        # Strength is in the weights if the style has a base network; else the output is blended with the
        # photo.
        weights, pixels = by_weights(settings.strength)
        changed = style.at(style.strength * weights)
        self.style, self.fade = (style, settings.strength) if changed is None else (changed, pixels)
        self.settings, self.on_tile = settings, on_tile
        # Colors at a partial strength are interpolated between the photo and the output at full strength.
        partly = 0 < self.style.strength < 1
        self._whole = (style if style.strength == 1 else self.style.at(1.0)) if partly else None
        self.tiled: tiles.TiledStyle | None = None
        self._one_at_a_time = threading.Lock()

    def frame(self, photo: RGB, fade: float | None = None) -> RGB:
        """The frame resized by the settings and stylized; ``fade`` replaces the blend with the photo."""
        return self(resized(images.Frame(photo), self.settings.size).rgb, fade)

    def __call__(self, photo: RGB, fade: float | None = None) -> RGB:
        try:
            painted = stylize_at(brush_size(self.settings.brush, *photo.shape[:2]), self._paint, photo)
            if self._whole is not None:
                painted = colors.between(photo, painted, self._whole(_glance(photo)), self.style.strength)
            if self.settings.keep_colors:
                painted = colors.keep_colors(photo, painted)
            return colors.fade(photo, painted, self.fade if fade is None else fade)
        except MemoryError as error:
            raise InputError(
                f"{photo.shape[1]}x{photo.shape[0]} pixels do not fit in memory; paint smaller (--size)"
            ) from error

    def _paint(self, photo: RGB) -> RGB:
        side = tiles.side_for(photo.shape[0], photo.shape[1], self.settings.tile)
        if side is None:
            return self.style(photo)
        with self._one_at_a_time:  # the tile size is chosen for one frame in memory
            if self.tiled is None:
                self.tiled = tiles.TiledStyle(self.style)
            return self.tiled(photo, side, self.on_tile)


GLANCE = 192
"""Longer side of the frame that gives the colors at full strength: half that of the picture, at most this."""


def _glance(photo: RGB) -> RGB:
    """The photo in the size for its colors at full strength."""
    height, width = photo.shape[:2]
    # The aspect is kept for the smallest photos too, which `images.resize` would squash.
    scale = max(min(0.5, GLANCE / max(height, width)), MIN_SIDE / min(height, width))
    size = tuple(max(MIN_SIDE, round(side * scale)) for side in (width, height))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _settings(style: str | Path | Style, settings: dict[str, Any]) -> ImageSettings:
    try:
        chosen = ImageSettings(style=style.name if isinstance(style, Style) else str(style), **settings)
    except TypeError as error:
        raise unknown("stylize", error) from error
    check(chosen)
    return chosen
