"""Stylize one image, still or animated."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, overload

from PIL.Image import Image

from fststyle.arrays import RGB
from fststyle.io.convert import to_picture
from fststyle.io.images import Picture
from fststyle.io.pixels import uncovered
from fststyle.io.resize import resize_frame
from fststyle.runtime import mask as masks
from fststyle.runtime.frame_stylizer import FrameStylizer, load_for_settings
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import Style
from fststyle.settings import check, unknown


@overload
def stylize(image: RGB, style: str | Path | Style = ..., **settings: Any) -> RGB: ...
@overload
def stylize(
    image: str | Path | bytes | BinaryIO | Image, style: str | Path | Style = ..., **settings: Any
) -> Image: ...
def stylize(
    image: RGB | str | Path | bytes | BinaryIO | Image,
    style: str | Path | Style = "starry-night",
    **settings: Any,
) -> Any:
    """Stylize an image: ``stylize("cat.jpg", "great-wave").save("stylized.jpg")``.

    Args:
        image: a uint8 array (H, W, 3) RGB or (H, W, 4) RGBA, a path, the bytes of an image file, an open
            binary file, or a Pillow image. Only the first frame of an animation is stylized.
        style: the name of a style, the path of an .onnx file, a weighted mixture of styles such as
            "udnie:0.6,great-wave:0.4", or a `Style` from `load_style`. A `Style` is not loaded again for each
            call; the settings ``device``, ``threads`` and ``precision`` then have no effect.
        settings: fields of `ImageSettings`, such as ``strength`` and ``size``. Fields for output files
            (``quality``, ``lossless``, ``strip_metadata``, ``skip_existing``) and ``ray`` have no effect.

    Returns:
        For an array, a uint8 array with the same number of channels. Otherwise a Pillow image of mode RGB, or
        RGBA for an image with transparency. The result has the size of the input unless ``size`` is given.

    Raises:
        InputError: the image, the mask or a setting is invalid, or memory is insufficient.
        StyleError: the style cannot be loaded or fails to run.
        DeviceError: the device is unknown or not available.
        DependencyError: a package that the image format or a setting needs is not installed.
    """
    chosen = _settings(style, settings)
    picture, convert = to_picture(image)
    loaded = style if isinstance(style, Style) else load_for_settings(chosen, style)
    return convert(stylize_picture(picture, loaded, chosen).frames[0])


def stylize_picture(
    picture: Picture,
    style: Style,
    settings: ImageSettings,
    on_tile: Callable[[int, int], None] | None = None,
    mask: masks.Mask | None = None,
) -> Picture:
    """Stylize all frames of an image. Alpha, durations, color profile, metadata and format are kept.

    Args:
        picture: the decoded image. It is not modified.
        style: the loaded style.
        settings: the settings.
        on_tile: called after each tile with the number of finished tiles and the total number of tiles of the
            frame. Not called for frames without tiles (`fststyle.runtime.tiles`).
        mask: the loaded mask; None loads the mask that the settings select, if any.

    Raises:
        InputError: a frame is too small, memory is insufficient, or the mask cannot be used.
        StyleError: the network fails, it cannot be used in tiles, or its strength cannot be changed.
        DependencyError: a package is not installed, such as onnx, which is needed for tiles and for strengths
            below 1.
    """
    mask = mask or masks.load(settings)
    if mask is not None:
        mask.check(picture.size)
        mask.reset()
    frames = [resize_frame(uncovered(frame), settings.size) for frame in picture.frames]
    painter = FrameStylizer(style, settings, on_tile)
    painted = [painter(frame.rgb) for frame in frames]
    if mask is not None:
        painted = [mask.applied(frame.rgb, rgb) for frame, rgb in zip(frames, painted, strict=True)]
    return replace(
        picture, frames=[replace(frame, rgb=rgb) for frame, rgb in zip(frames, painted, strict=True)]
    )


def _settings(style: str | Path | Style, settings: dict[str, Any]) -> ImageSettings:
    try:
        chosen = ImageSettings(style=style.name if isinstance(style, Style) else str(style), **settings)
    except TypeError as error:
        raise unknown("stylize", error) from error
    check(chosen)
    return chosen
