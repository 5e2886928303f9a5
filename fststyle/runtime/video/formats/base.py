"""Interfaces of video formats: a source yields frames and packets, a sink writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from fststyle.arrays import RGB, Gray
from fststyle.runtime.video.formats.channels import Order
from fststyle.runtime.video.formats.pyav import Chapter, Packet, Stream

TRANSPARENCY = "transparency"
"""Entry for transparency in `Source.lost` and `Sink.lost`."""


@dataclass(frozen=True)
class TimedFrame:
    """A frame with its timestamp.

    Attributes:
        rgb: pixels of the upright frame, uint8 (H, W, 3).
        pts: presentation time in units of ``time_base``.
        time_base: unit of ``pts`` and ``duration`` in seconds.
        duration: duration in units of ``time_base``; None if unknown.
        alpha: opacity, uint8 (H, W), where 255 is opaque; None if the frame has no transparency.
        number: number of the file in an image sequence; None for other sources.
    """

    rgb: RGB
    pts: int
    time_base: Fraction
    duration: int | None = None
    alpha: Gray | None = None
    number: int | None = None

    @property
    def seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


Item = TimedFrame | Packet
"""Type of the items of a source."""


class Source:
    """Base class of inputs. Iterating yields a `TimedFrame` for each frame of the video stream to stylize,
    and the packets of other streams, such as audio and subtitles, in file order.

    After the last item, ``broken`` is the reason why a damaged input is incomplete, or None. ``notes`` are
    messages for the user, and ``lost`` names properties that no output preserves; both may grow while frames
    are read.
    """

    name: str
    """Path of the source for messages, or "stdin"."""
    rate: Fraction
    """Average frames per second."""
    timecode_rate: Fraction | None = None
    """Frame rate of the timecode of the source; None if unknown."""
    origin: float = 0.0
    """Start time in seconds on the clock of the source."""
    video_origin: float = 0.0
    """Time of the first frame in seconds on the clock of the source."""
    seconds: float | None = None
    """Duration in seconds; None if unknown."""
    frames: int | None = None
    """Number of frames, which may be an estimate; None if unknown."""
    broken: str | None = None
    cut: bool = False
    """Whether the output omits the beginning of the source, so that the source's timecode does not apply."""
    transparent: bool = False
    """Whether frames may have transparency."""
    chroma: str | None = None
    """Chroma subsampling, such as "4:4:4", if it is known and finer than 4:2:0."""
    animated: bool = False
    """Whether the source is an animated image, which may be transparent."""
    loop: int | None = 0
    """Number of loops to write to an animated image; 0 means forever, and None means that it plays once."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        """All streams of the container except the stylized one."""
        self.others: list[Stream] = []
        """The streams whose packets are yielded."""
        self.channel_orders: dict[int, Order] = {}
        """Maps the index of each audio stream whose channel order differs from FFmpeg's to this order."""
        self.metadata: dict[str, str] = {}
        """Tags of the container."""
        self.stream_metadata: dict[str, str] = {}
        """Tags of the stylized stream."""
        self.chapters: list[Chapter] = []
        """Chapters; for a conversion, those in the part that is stylized."""
        self.has_chapters = False
        """Whether the file has chapters, possibly outside the part that is stylized."""
        self.notes: list[str] = []
        self.lost: list[str] = []

    @property
    def aspect(self) -> Fraction | None:
        """Pixel aspect ratio (width / height) of the upright frames; None if unknown."""
        return None

    @property
    def colors(self) -> tuple[int, int]:
        """Color primaries and transfer characteristic of the frames, as code points of ITU-T H.273."""
        return 1, 1

    def seek(self, seconds: float) -> None:
        """Allow the source to skip items before ``seconds``, which is measured from `origin`.

        Call this before iterating.
        """

    def __iter__(self) -> Iterator[Item]:
        return iter(())

    def cues(self, seconds: float) -> list[Packet]:
        """Return the subtitle packets that start before ``seconds`` and are still displayed then.

        ``seconds`` is measured from `origin`. The packets are clipped to start at this time.
        """
        return []

    def packets(self) -> "Source":
        """Open the source again, and return it as a source that yields only packets, no frames.

        The caller must close it.
        """
        return Source()

    def cover(self, stream: Stream) -> Packet | None:
        """Return the packet with the image of a cover art stream, or None if it cannot be read."""
        return None

    def close(self) -> None:
        """Close the file."""


class Sink:
    """Base class of outputs, which write stylized frames. All methods may raise `OutputError`.

    Error messages need not name the output, since the caller adds its name. The attributes are complete after
    `close`.

    Attributes:
        notes: messages for the user.
        kept: indices of the source streams that are in the output.
        tags: tags of the output and its streams, with keys in lower case.
        stream_metadata: tags of the stylized stream.
        chapters: chapters of the output.
        lost: names of data that is missing from the output, such as properties of frames, as far as it cannot
            be derived from the other attributes.
    """

    keeps_times = True
    """Whether the format stores timestamps."""
    keeps_aspect = False
    """Whether the format stores the pixel aspect ratio."""
    size: tuple[int, int] | None = None
    """Size (H, W) of the output in pixels, or None if it is the size of the frames."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.lost: list[str] = []
        self.kept: set[int] = set()
        self.tags: dict[str, str] = {}
        self.stream_metadata: dict[str, str] = {}
        self.chapters: list[Chapter] = []

    def write(self, timed: TimedFrame) -> None:
        """Write a frame. All frames must have the size of the first frame."""
        raise NotImplementedError

    def copy(self, packet: Packet) -> None:
        """Write a packet of another stream of the source. Formats that store only video ignore it."""

    def close(self) -> None:
        """Finish the output."""

    def abandon(self) -> None:
        """Close the output without finishing it."""
