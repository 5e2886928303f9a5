"""Progress, messages and results of a video."""

from collections.abc import Callable
from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class Progress:
    """Progress of a video.

    Attributes:
        frames: number of finished frames, including those of an interrupted run that is continued.
        of: expected total number of frames; None if unknown.
        fps: frames per second since the start of this run.
        rgb: the last stylized frame, uint8 (H, W, 3), which must not be modified; None with ``ray``.
    """

    frames: int
    of: int | None
    fps: float
    rgb: RGB | None = None


@dataclass(frozen=True)
class VideoListener:
    """Callbacks: ``on_progress`` is called after each frame, or after each part with ``ray``, and ``on_note``
    with each message for the user.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    on_note: Callable[[str], None] = lambda note: None


@dataclass(frozen=True)
class PaintedVideo:
    """Result for one stylized video.

    ``input`` and ``output`` are paths; for pipes, they are "stdin" and "-". ``width`` and
    ``height`` are the size of the output in pixels, ``frames`` is its number of frames, and ``seconds`` the
    elapsed time of this run. ``style`` contains the names of all styles, and ``device`` is the device of the
    network. ``broken`` is the reason why the input is incomplete, or None.
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
