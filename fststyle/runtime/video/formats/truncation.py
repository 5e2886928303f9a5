"""Detect video files whose end is missing, for example after an interrupted download."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from fststyle.runtime.video.formats.contents import is_cover
from fststyle.runtime.video.formats.pyav import Container, Packet, Stream
from fststyle.runtime.video.formats.stated_size import missing_bytes

_STATES_DURATION = ("mov", "matroska")
"""Containers whose header contains the duration. For AVI, the duration is an estimate from the file size."""

_DURATION_TAG = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Value of the tag DURATION of a Matroska stream: the end of its last frame. FFmpeg and mkvmerge write it."""

_UNKNOWN_COUNT = 1 << 30
"""Frame count from which the count of an AVI file is regarded as unknown. FFmpeg writes such a count if its
output is a pipe.
"""

_NEAR_THE_END = 0.5
"""Time in seconds before the end of a stream in which an incomplete packet is regarded as its last packet.
Packets of some streams are split, and only the first parts are marked as incomplete.
"""


@dataclass
class Extent:
    """Records how much of a video file has been read so far.

    ``reached`` is the latest end of a packet in seconds on the clock of the container. ``frames`` is the
    number of decoded frames, which the caller updates. ``first`` is the decoding time of the first video
    packet in units of its time base. ``packet`` is the size of the last video packet in bytes.
    """

    reached: float = 0.0
    frames: int = 0
    first: int | None = None
    packet: int = 0
    _ends: dict[int, float] = field(default_factory=dict)
    _incomplete: dict[int, float] = field(default_factory=dict)

    def add(self, packet: Packet, video: bool) -> None:
        """Add a packet that was read. ``video``: True if it belongs to the stylized stream."""
        if video and packet.size:
            self.first = packet.dts if self.first is None else self.first
            self.packet = packet.size
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            return
        end = float((stamp + (packet.duration or 0)) * packet.time_base)
        self.reached = max(self.reached, end)
        index = packet.stream.index
        self._ends[index] = max(self._ends.get(index, end), end)
        if packet.is_corrupt:
            self._incomplete[index] = end

    def end(self, stream: Stream, origin: float) -> float:
        """Return the end of a stream in seconds from ``origin``; 0 if no packet was read."""
        return self._ends.get(stream.index, origin) - origin

    @property
    def ends_in_a_packet(self) -> bool:
        """Whether the last packet of any stream is incomplete."""
        return any(self._ends[index] - end < _NEAR_THE_END for index, end in self._incomplete.items())


def cut_off(
    container: Container, path: Path, stream: Stream, others: Sequence[Stream], origin: float, extent: Extent
) -> str | None:
    """Return a message that says what is missing at the end of a file, or None if it is complete.

    Missing data is detected from the structure of the file, such as the sizes that its header or index gives.
    Call this after the file has been read to its end. ``path`` is the path of ``container``; see `ends_early`
    for the other arguments.
    """
    name, size = container.format.name, path.stat().st_size
    missing = missing_bytes(path, name)
    if name.startswith("mov"):
        ends = (entry.pos + entry.size for one in (stream, *others) for entry in one.index_entries)
        missing = max(missing, max(ends, default=0) - size)
    elif name == "dv" and extent.packet:
        missing = -size % extent.packet
    if not missing and not extent.ends_in_a_packet:
        return None
    if frames := _missing_frames(container, stream, extent):
        return "its last frame is missing" if frames == 1 else f"its last {frames} frames are missing"
    read = [stream] if name == "avi" else [stream, *others]
    stated = [(_stated_end(container, one, origin), extent.end(one, origin)) for one in read]
    if name in ("flv", "asf") and missing > 1:
        stated.append((_duration(container, read, origin), extent.reached - origin))
    whole, found = max(stated, key=lambda ends: ends[0] - ends[1])
    if whole - found >= 0.005:
        return f"at least its last {whole - found:.2f} of {whole:.2f} seconds are missing"
    return (
        f"at least its last {missing:,} bytes are missing" if missing > 1 else "its last packet is incomplete"
    )


def _missing_frames(container: Container, stream: Stream, extent: Extent) -> int:
    """Return how many frames in the index of an MP4 or MOV file were not decoded; 0 for other formats."""
    if not container.format.name.startswith("mov") or extent.first is None:
        return 0
    first = extent.first
    stated = len([1 for one in stream.index_entries if not one.is_discard and one.timestamp >= first])
    return max(0, stated - extent.frames)


def ends_early(
    container: Container,
    stream: Stream,
    others: Sequence[Stream],
    rate: Fraction,
    origin: float,
    extent: Extent,
) -> str | None:
    """Return a message if a file ends before the duration that its header or index gives, or None.

    Call this after the file has been read to its end.

    Args:
        container: the open file.
        stream: the stylized stream.
        others: the other streams that were read.
        rate: frame rate of ``stream`` in frames per second.
        origin: start time in seconds on the clock of the container.
        extent: what was read.
    """
    reached, shown = extent.reached - origin, extent.end(stream, origin)
    video = _stated_end(container, stream, origin)
    if video - shown > min(1 + 0.01 * video, max(2 / float(rate), 0.05 * video)):
        return f"it ends after {max(0.0, shown):.1f} of {video:.1f} seconds"
    stated = _duration(container, [stream, *others], origin)
    if container.format.name.startswith(_STATES_DURATION) and stated - reached > 1 + 0.01 * stated:
        return f"it ends after {reached:.1f} of {stated:.1f} seconds"
    return None


def _duration(container: Container, read: Sequence[Stream], origin: float) -> float:
    """Return the duration of the longest stream of ``read`` in seconds according to the header; 0 if it is
    unknown.
    """
    stated: float = (container.duration or 0) / 1e6
    timed = [other for other in container.streams if other.type != "attachment" and not is_cover(other)]
    if len(timed) > len(read):  # the longest stream may be one that was not read
        stated = max((float(one.duration * one.time_base) for one in read if one.duration), default=0.0)
    if container.format.name.startswith("matroska"):
        stated -= max(0.0, origin)  # its duration is counted from 0, not from the first frame
    return stated


def _stated_end(container: Container, stream: Stream, origin: float) -> float:
    """Return the end of a stream in seconds from ``origin``, according to the index of an MP4, MOV or AVI
    file or the tag of a Matroska stream; 0 if it is unknown.

    Times are used instead of the number of frames, since an edit list hides frames that are counted, and AVI
    counts dropped frames.
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
