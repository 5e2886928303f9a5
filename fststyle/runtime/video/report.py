"""Progress, messages and results of a video."""

from collections.abc import Callable
from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class Progress:
    """Progress of stylizing a video.

    Attributes:
        frames: number of finished frames, including those of an interrupted run that is continued.
        of: expected total number of frames; None if unknown.
        fps: frames stylized per second since the start of this run.
        rgb: the last stylized frame, uint8 (H, W, 3), which must not be modified; None on a Ray cluster
            (``--ray``).
    """

    frames: int
    of: int | None
    fps: float
    rgb: RGB | None = None


@dataclass(frozen=True)
class VideoListener:
    """Callbacks for the progress and the messages of a video.

    ``on_progress`` is called after each frame. On a Ray cluster (``--ray``), where time ranges of the video
    are separate tasks, it is called after each task. ``on_note`` is called with each message for the user,
    possibly from another thread.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    on_note: Callable[[str], None] = lambda note: None


@dataclass(frozen=True)
class PaintedVideo:
    """Summary of one stylized video.

    ``input`` and ``output`` are paths; for pipes, they are "stdin" and "-". ``width`` and ``height`` are the
    size of the output in pixels, ``frames`` is its number of frames, and ``seconds`` the elapsed time of this
    run. ``style`` contains the names of all styles, separated by commas, and ``device`` is the device of the
    network, such as "cpu". ``broken`` is the reason why the input is incomplete, or None.
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
    """What is in the input but not in the output: streams, chapters, tags, and properties of the frames, such
    as transparency.
    """
    notes: tuple[str, ...] = ()
    """Other messages for the user."""
