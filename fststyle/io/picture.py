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
    """A decoded image: one or more frames of one size.

    ``icc`` is the color profile, None for sRGB. ``format`` is Pillow's name for the file format, None if
    there is no file. ``loop`` is the loop count of an animation: 0 is endless, None is not specified (the
    animation plays once). ``left`` is the number of pages after the first in a TIFF file. ``lossless`` tells
    whether the file is a WebP or JPEG XL file that is known to be lossless. ``lost`` names, for messages, the
    content of the file that is not in this object.
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
    """The header of an image file.

    ``format`` is Pillow's name for the format, ``size`` is (width, height) before the EXIF orientation is
    applied, ``frames`` is the number of frames, and ``alpha`` tells whether the pixels can be transparent.
    ``loop`` and ``lost`` are as in `Picture`. ``metadata`` names, for messages, the metadata and a color
    profile other than sRGB.
    """

    format: str | None
    size: tuple[int, int]
    frames: int
    loop: int | None
    alpha: bool = False
    lost: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
