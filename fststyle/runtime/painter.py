"""Paint one picture."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from fststyle import colors
from fststyle.errors import InputError
from fststyle.io.convert import resized, taken
from fststyle.runtime import mask as masks
from fststyle.runtime import tiles
from fststyle.runtime.style import MIN_SIDE, PRECISIONS, Style, load_style
from fststyle.settings import as_paths, check, option, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from fststyle.io.images import Picture


FAINT = 0.2
"""Strength below which a painting by the weights is faded into the photo too: the base gives the photo back nearly, not to the last level."""


@dataclass(frozen=True)
class FrameSettings:
    """How a frame is painted, wherever it comes from and whatever changes from frame to frame."""

    style: str = option("starry-night", "Name of a style (see `fststyle styles`), an .onnx file, or a mixture: a:0.6,b:0.4.", flags=("--style", "-s"))
    size: int | None = option(None, "Resize first, so that the longer side has this many pixels.", min=16, max=65535)
    keep_colors: bool = option(False, "Keep the colours: only their light is painted.")
    tile: str = option("auto", "Paint in tiles: auto where memory asks for it, off, or their side in pixels.")
    precision: str = option("auto", "Arithmetic of styles that have both; auto takes the faster.", choices=PRECISIONS)
    device: str = option("auto", "Where to paint: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx.")
    threads: int | None = option(None, "Threads of the CPU; one per core if not given.", min=1, max=1024)
    mask: Path | None = option(None, "An image of the same shape: white is stylized, black stays a photo; edges are softened.")

    def __post_init__(self) -> None:
        as_paths(self, "mask")


@dataclass(frozen=True)
class PaintSettings(FrameSettings):
    """How a frame is painted, with one strength."""

    strength: float = option(1.0, "How much painting: 0 is the photo, 1 the painting, up to 2 exaggerates.", min=0, max=2)


@dataclass(frozen=True)
class ImageSettings(PaintSettings):
    """How a picture is painted."""

    quality: int = option(95, "Quality of JPEG, WebP, AVIF, HEIC and JPEG XL.", min=1, max=100)
    lossless: bool | None = option(
        None,
        "Exact pixels in WebP, HEIC and JPEG XL; if not given, WebP and JPEG XL are as lossless as the input.",
        flags=("--lossless/--no-lossless",),
    )
    strip_metadata: bool = option(False, "Leave EXIF, XMP and IPTC data (camera, date, location) and texts out.", flags=("--strip-metadata",))


@overload
def stylize(image: "NDArray[np.uint8]", style: str | Path | Style = ..., **settings: Any) -> "NDArray[np.uint8]": ...
@overload
def stylize(image: "str | Path | bytes | BinaryIO | Image", style: str | Path | Style = ..., **settings: Any) -> "Image": ...
def stylize(image: Any, style: str | Path | Style = "starry-night", **settings: Any) -> Any:
    """Paint a picture: ``stylize("cat.jpg", "great-wave").save("painted.jpg")``.

    ``image``: a path, the bytes of an image file, an open binary file or a Pillow image, which give a Pillow image (mode RGB, or RGBA where there is
    alpha; of an animation the first frame); or a uint8 array (H, W, 3) RGB or (H, W, 4) RGBA, which gives an array of the same shape.
    ``style``: a name, an .onnx file, or what `load_style` gives, which saves loading it for each of many pictures.
    ``settings``: fields of `ImageSettings`. The result has the size of the picture unless ``size`` asks for another.

    Raises `InputError` (picture or setting), `StyleError`, `DeviceError`.
    """
    chosen = _settings(style, settings)
    picture, give_back = taken(image)
    loaded = style if isinstance(style, Style) else load_as(chosen, style)
    return give_back(stylize_picture(picture, loaded, chosen).frames[0])


def stylize_picture(
    picture: "Picture",
    style: Style,
    settings: ImageSettings,
    on_tile: Callable[[int, int], None] | None = None,
    mask: "masks.Mask | None" = None,
) -> "Picture":
    """Every frame of a picture painted; alpha, durations, colour profile and format stay.

    ``on_tile(done, of)`` is called after each tile, where a frame is stylized in tiles. ``mask`` is that of the settings,
    if it is loaded already. Raises `InputError` where memory does not suffice or the mask does not fit, and `StyleError`.
    """
    from fststyle.io.pixels import uncovered

    mask = mask or masks.load(settings.mask)
    if mask is not None:
        mask.check(picture.size)
    frames = [resized(uncovered(frame), settings.size) for frame in picture.frames]
    painter = Painter(style, settings, on_tile)
    painted = [painter(frame.rgb) for frame in frames]
    if mask is not None:
        painted = [mask.applied(frame.rgb, rgb) for frame, rgb in zip(frames, painted, strict=True)]
    return replace(picture, frames=[replace(frame, rgb=rgb) for frame, rgb in zip(frames, painted, strict=True)])


def load_as(settings: PaintSettings, style: str | Path) -> Style:
    """The style in the precision that leaves its strength to be lessened, where less than 1 is asked for. Raises as `load_style`."""
    precision = "float" if settings.strength < 1 and settings.precision == "auto" else settings.precision
    return load_style(style, settings.device, settings.threads, precision=precision)


def by_weights(strength: float) -> tuple[float, float]:
    """A strength as one of the weights, 0..1, and one of the pixels: of the painting over its photo, beyond 1 away from it.

    Weights beyond the painting's own give black skies and noise long before 2.
    """
    return min(1.0, strength), strength if strength > 1 else min(1.0, strength / FAINT)


class Painter:
    """A style with its settings, as a function on frames uint8 (H, W, 3); what can be prepared for many frames is prepared once.

    It may be called from several threads; frames that need tiles are then painted one after another.
    """

    def __init__(self, style: Style, settings: PaintSettings, on_tile: Callable[[int, int], None] | None = None):
        # Strength in the weights where the style has a base to go back to; else the painting is faded into the photo.
        weights, pixels = by_weights(settings.strength)
        changed = style.at(style.strength * weights)
        self.style, self.fade = (style, settings.strength) if changed is None else (changed, pixels)
        self.settings, self.on_tile = settings, on_tile
        # What is half painted has to know its colours at full strength.
        partly = 0 < self.style.strength < 1
        self._whole = (style if style.strength == 1 else self.style.at(1.0)) if partly else None
        self.tiled: tiles.TiledStyle | None = None
        self._one_at_a_time = threading.Lock()

    def frame(self, photo: "NDArray[np.uint8]", fade: float | None = None) -> "NDArray[np.uint8]":
        """The frame resized as the settings say, and painted; with ``fade`` another share of the painting over the photo."""
        from fststyle.io import images

        return self(resized(images.Frame(photo), self.settings.size).rgb, fade)

    def __call__(self, photo: "NDArray[np.uint8]", fade: float | None = None) -> "NDArray[np.uint8]":
        try:
            painted = self._paint(photo)
            if self._whole is not None:
                painted = colors.between(photo, painted, self._whole(_glance(photo)), self.style.strength)
            if self.settings.keep_colors:
                painted = colors.keep_colors(photo, painted)
            return colors.fade(photo, painted, self.fade if fade is None else fade)
        except MemoryError as error:
            raise InputError(f"{photo.shape[1]}x{photo.shape[0]} pixels do not fit in memory; paint smaller (--size)") from error

    def _paint(self, photo: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        side = tiles.side_for(photo.shape[0], photo.shape[1], self.settings.tile)
        if side is None:
            return self.style(photo)
        with self._one_at_a_time:  # the memory is for one
            if self.tiled is None:
                self.tiled = tiles.TiledStyle(self.style)
            return self.tiled(photo, side, self.on_tile)


GLANCE = 192
"""Pixels of the longer side of what a painting's colours at full strength are taken from: half a picture's own, no more than this."""


def _glance(photo: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """The photo, smaller."""
    from fststyle.io import images

    return images.resize(photo, max(MIN_SIDE, min(GLANCE, max(photo.shape[:2]) // 2)))


def _settings(style: str | Path | Style, settings: dict[str, Any]) -> ImageSettings:
    try:
        chosen = ImageSettings(style=style.name if isinstance(style, Style) else str(style), **settings)
    except TypeError as error:
        raise unknown("stylize", error) from error
    check(chosen)
    return chosen
