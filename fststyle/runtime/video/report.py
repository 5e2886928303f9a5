"""What is reported about a video: progress and notes during the work, and the result."""

from collections.abc import Callable
from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class Progress:
    """``frames`` done, frames in total (``of``, None if unknown), frames per second (``fps``), and the last
    stylized frame (``rgb``, uint8 (H, W, 3), read only).
    """

    frames: int
    of: int | None
    fps: float
    rgb: RGB | None = None


@dataclass(frozen=True)
class VideoListener:
    """Callbacks: ``on_progress`` after each frame, ``on_note`` with each message for the user."""

    on_progress: Callable[[Progress], None] = lambda progress: None
    on_note: Callable[[str], None] = lambda note: None


@dataclass(frozen=True)
class PaintedVideo:
    """A finished video: size in pixels, number of frames, and working time in seconds.

    ``input`` and ``output`` are paths; "-" is stdin or stdout. ``broken`` is the reason why the input is
    incomplete, or None.
    """

    input: str
    output: str
    width: int
    height: int
    frames: int
    seconds: float
    style: str
    device: str
    broken: str | None = None
    lost: tuple[str, ...] = ()
    """Streams, chapters and tags of the input that are not in the output, and properties of its frames, such
    as transparency.
    """
    notes: tuple[str, ...] = ()
    """Other messages for the user."""
