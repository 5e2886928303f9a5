"""A decoded image: one or more frames with metadata."""

from dataclasses import dataclass, field

from fststyle.arrays import RGB
from fststyle.io.metadata import Metadata
from fststyle.io.pixels import Frame, on_white

MAX_PIXELS = 300_000_000
"""Maximum number of pixels of all frames together. Reading such an image takes about 2 GB of memory."""

MAX_FRAMES = 20_000
"""Maximum number of frames of an animation."""


@dataclass
class Picture:
    """A decoded image, which consists of one or more frames of the same size.

    ``icc`` is the color profile, or None for sRGB. ``format`` is Pillow's name for the file format, or None
    if the image was not read from a file. ``loop`` is the loop count of an animation: 0 means endless, and
    None means that it is not specified (the animation plays once). ``left`` is the number of pages after the
    first in a TIFF file. ``lossless`` is True if the image was read from a WebP or JPEG XL file that is known
    to be lossless. ``lost`` lists, for use in messages, the names of the content of the file that is not in
    this object.
    """

    frames: list[Frame]
    icc: bytes | None = None
    format: str | None = None
    loop: int | None = None
    left: int = 0
    metadata: Metadata = field(default_factory=Metadata)
    lossless: bool = False
    lost: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Size (H, W) in pixels."""
        height, width = self.frames[0].rgb.shape[:2]
        return height, width

    @property
    def animated(self) -> bool:
        """Whether there is more than one frame."""
        return len(self.frames) > 1

    @property
    def opaque(self) -> RGB:
        """The first frame, uint8 (H, W, 3), composited on white."""
        first = self.frames[0]
        return first.rgb if first.alpha is None else on_white(first.rgb, first.alpha)


@dataclass(frozen=True)
class Outline:
    """Properties of an image file that are known without decoding all of its frames.

    ``format`` is Pillow's name for the format, ``size`` is (width, height) before the EXIF orientation is
    applied, ``frames`` is the number of frames, and ``alpha`` is True if the pixels can be transparent.
    ``loop`` and ``lost`` have the same meaning as in `Picture`. ``metadata`` lists, for use in messages, the
    names of the kinds of metadata in the file, including any color profile other than sRGB.
    """

    format: str | None
    size: tuple[int, int]
    frames: int
    loop: int | None
    alpha: bool = False
    lost: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
