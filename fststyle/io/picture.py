"""An image in memory: one or more frames, and what its file says about them."""

from dataclasses import dataclass, field

from fststyle.arrays import RGB
from fststyle.io.metadata import Metadata
from fststyle.io.pixels import Frame, on_white

MAX_PIXELS = 300_000_000
"""Pixels of an image, all frames together: about 2 GB of memory while it is read."""

MAX_FRAMES = 20_000


@dataclass
class Picture:
    """One or more frames of one size.

    ``icc`` is the color profile of ``rgb``, None for sRGB. ``format`` is Pillow's name of the format of the
    file.
    ``loop`` is the number of times an animation plays, 0 for ever, None where the file does not say (once).
    ``left`` is the number of further pages of a TIFF file. ``lossless`` is whether the file stores its pixels
    without loss, where `fststyle.io.lossless` knows it. ``lost`` names everything in the file that is not in
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
        """(H, W) in pixels."""
        height, width = self.frames[0].rgb.shape[:2]
        return height, width

    @property
    def animated(self) -> bool:
        return len(self.frames) > 1

    @property
    def opaque(self) -> RGB:
        """The first frame, uint8 (H, W, 3), on white where it is transparent."""
        first = self.frames[0]
        return first.rgb if first.alpha is None else on_white(first.rgb, first.alpha)


@dataclass(frozen=True)
class Outline:
    """The header of an image file: Pillow's name of the format, (width, height) as stored, frames, loops as
    `Picture`.
    """

    format: str | None
    size: tuple[int, int]
    frames: int
    loop: int | None
