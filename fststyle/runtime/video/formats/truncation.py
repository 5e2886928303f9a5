"""Whether a video file ends before the time that its header states, as after an interrupted download."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fststyle.runtime.video.formats.contents import is_cover
from fststyle.runtime.video.formats.pyav import Container, Packet, Stream

_STATES_DURATION = ("mov", "matroska")
"""Containers whose header states the duration. That of AVI is an estimate from the size of the file."""

_DURATION_TAG = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Tag of a Matroska stream with the end of its last frame, as FFmpeg and mkvmerge write it."""

_UNKNOWN_COUNT = 1 << 30
"""AVI frame counts from here on mean that the count is unknown: FFmpeg writes them into pipes."""


@dataclass
class Extent:
    """The ends of the packets read so far, in seconds on the clock of the container: ``shown`` of the video
    stream, ``reached`` of all streams.
    """

    shown: float = 0.0
    reached: float = 0.0

    def add(self, packet: Packet, video: bool) -> None:
        """Add a packet; ``video`` is whether it is of the video stream."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            return
        end = float((stamp + (packet.duration or 0)) * packet.time_base)
        self.reached = max(self.reached, end)
        if video:
            self.shown = max(self.shown, end)


def ends_early(
    container: Container,
    stream: Stream,
    others: Sequence[Stream],
    rate: Fraction,
    origin: float,
    extent: Extent,
) -> str | None:
    """The reason why a file that was read to its end is incomplete, or None.

    ``others`` are the other streams that were read, ``rate`` is in frames per second, ``origin`` the start
    time in seconds.
    """
    shown, reached = extent.shown - origin, extent.reached - origin
    video = _video_duration(container, stream, origin)
    if video - shown > min(1 + 0.01 * video, max(2 / float(rate), 0.05 * video)):
        return f"it ends after {max(0.0, shown):.1f} of {video:.1f} seconds"
    stated = (container.duration or 0) / 1e6
    read = [stream, *others]
    timed = [other for other in container.streams if other.type != "attachment" and not is_cover(other)]
    if len(timed) > len(read):  # the longest stream may be one that was not read
        stated = max((float(one.duration * one.time_base) for one in read if one.duration), default=0.0)
    if container.format.name.startswith("matroska"):
        stated -= max(0.0, origin)  # its duration is counted from 0, not from the first frame
    if container.format.name.startswith(_STATES_DURATION) and stated - reached > 1 + 0.01 * stated:
        return f"it ends after {reached:.1f} of {stated:.1f} seconds"
    return None


def _video_duration(container: Container, stream: Stream, origin: float) -> float:
    """The end of the last frame in seconds from ``origin``, from the index of the container or the tag of a
    Matroska stream; 0 if it is unknown.

    Times are used and not the number of frames: an edit list hides frames that are counted, and AVI counts
    dropped frames.
    """
    name = container.format.name
    if name.startswith("matroska") and (
        found := _DURATION_TAG.fullmatch(stream.metadata.get("DURATION", ""))
    ):
        hours, minutes, seconds = (float(part) for part in found.groups())
        return min(3600 * hours + 60 * minutes + seconds, (container.duration or 0) / 1e6) - origin
    ticks = 0
    if name == "avi" and stream.frames < _UNKNOWN_COUNT:
        ticks = stream.frames
    elif name.startswith("mov") and stream.frames:
        ticks = stream.duration or 0
    return float(((stream.start_time or 0) + ticks) * stream.time_base) - origin if ticks else 0.0
