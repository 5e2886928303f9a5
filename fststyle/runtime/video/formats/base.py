"""The interfaces of all video formats: a source yields frames and packets, a sink writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fststyle.arrays import RGB, Gray


@dataclass(frozen=True)
class Shot:
    """One frame: ``rgb`` uint8 (H, W, 3), upright, and when it is shown: ``pts`` in units of ``time_base``
    seconds.

    ``duration``, in the same units, where it is known; ``alpha`` uint8 (H, W), where there is transparency;
    ``number`` of the file it was read from, in a numbered sequence.
    """

    rgb: RGB
    pts: int
    time_base: Fraction
    duration: int | None = None
    alpha: Gray | None = None
    number: int | None = None

    @property
    def seconds(self) -> float:
        return float(self.pts * self.time_base)


Packet = Any
"""A packet of another stream, as PyAV gives it."""

Item = Shot | Packet
"""What iterating a source yields."""


class Source:
    """Frames of an input. Iterating yields `Shot` and the packets of other streams, in the order of the file.

    After the end, ``broken`` is the reason why a damaged source ended early, or None. ``notes`` are lines for
    the user, some of which are known with the first frame only.
    """

    name: str
    rate: Fraction
    """Average frames per second."""
    origin: float = 0.0
    """Start time of the source, in seconds of its clock."""
    seconds: float | None = None
    """Duration, and in `frames` the number of frames, where the header states them."""
    frames: int | None = None
    broken: str | None = None
    cut: bool = False
    """Whether the beginning is left out, so that a timecode no longer fits."""
    transparent: bool = False
    """Whether its frames may have transparency."""
    animated: bool = False
    """An animated picture: it may be transparent, and plays ``loop`` times (0: for ever, None: once)."""
    loop: int | None = 0

    def __init__(self) -> None:
        self.streams: list[Any] = []
        """Every stream of the container but the stylized one."""
        self.others: list[Any] = []
        """Those of them whose packets come between the frames."""
        self.metadata: dict[str, str] = {}
        self.stream_metadata: dict[str, str] = {}
        """Tags of the container, and of the stylized stream."""
        self.chapters: list[Any] = []
        self.notes: list[str] = []

    @property
    def aspect(self) -> Fraction | None:
        """Width of a pixel over its height, as the frames are given; None where that is not told."""
        return None

    @property
    def colours(self) -> tuple[int, int]:
        """Primaries and transfer of the frames, as ITU-T H.273 counts them."""
        return 1, 1

    def seek(self, seconds: float) -> None:
        """Frames before this time, counted from `origin`, will not be looked at and may be left out; call
        before iterating.
        """

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def packets(self) -> "Source":
        """The same source, opened again, that gives the packets of other streams only. Close it after use."""
        return Source()

    def cover(self, stream: Any) -> Any:
        """The packet of a stream of cover art, None where it cannot be read."""
        return None

    def close(self) -> None:
        """Let go of the file."""


class Sink:
    """Stylized frames that go out. Everything raises `OutputError`.

    ``notes``: lines for the user. After `close`, ``kept`` (indices of source streams), ``tags`` (in lower
    case) and ``chapters`` (their number) say what else the output holds; most formats hold nothing.
    """

    keeps_times = True
    """Whether this format stores when each frame is shown."""
    size: tuple[int, int] | None = None
    """Height and width of what is written, where they differ from those of the frames."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.kept: set[int] = set()
        self.tags: dict[str, str] = {}
        self.chapters = 0

    def write(self, shot: Shot) -> None:
        """One more frame; of the size of the first."""
        raise NotImplementedError

    def copy(self, packet: Packet) -> None:
        """A packet of another stream; most forms have no place for it."""

    def close(self) -> None:
        """Finish what is written."""

    def abandon(self) -> None:
        """Let go of what nobody wants any more."""
