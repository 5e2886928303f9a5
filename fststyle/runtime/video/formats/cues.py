"""Clip subtitles that are shown at the start time or the end time of the part of a video to stylize."""

import os
from collections.abc import Sequence
from pathlib import Path

from fststyle.runtime.video.formats.pyav import Packet, Stream, av

_MARGIN = 1.0
"""Time in seconds that is read beyond the requested time, since a subtitle packet may follow video packets
with later times.
"""

_NEAR = 1e-6
"""Tolerance in seconds: a packet that starts at most this long before the requested time is not clipped."""


def shown_at(path: Path, video: Stream, subtitles: Sequence[Stream], seconds: float) -> list[Packet]:
    """Return the packets of ``subtitles`` that start before ``seconds`` and are still displayed then.

    The packets are clipped to start at ``seconds``, which is on the clock of the file. A packet without a
    duration is displayed until the next packet of its stream. If the file is damaged, the packets before the
    damage are returned. Reading stops at the first packet of ``video`` that starts more than `_MARGIN`
    seconds after ``seconds``. Raises the errors of FFmpeg if the file cannot be opened.
    """
    if not subtitles:
        return []
    library, streams = av(), {stream.index: stream for stream in subtitles}
    shown: list[Packet] = []
    with library.open(os.path.abspath(path), metadata_errors="ignore") as container:
        try:
            for packet in container.demux([container.streams[index] for index in (video.index, *streams)]):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None or not packet.size:
                    continue
                begin, index = float(stamp * packet.time_base), packet.stream.index
                if index == video.index and begin > seconds + _MARGIN:
                    break
                if index != video.index and begin < seconds - _NEAR:
                    packet.stream = streams[index]  # the stream of ``container`` is closed with it
                    shown = [one for one in shown if one.duration or one.stream.index != index]
                    shown += [packet] if _clipped(packet, seconds) else []
        except (library.error.FFmpegError, OSError, ValueError):
            pass  # damage is reported when the file is read
    return shown


def _clipped(packet: Packet, seconds: float) -> bool:
    """Clip a packet in place to start at ``seconds``, and return whether it is still displayed then."""
    begin = round(seconds / packet.time_base)
    if packet.duration:
        packet.duration -= begin - (packet.dts if packet.pts is None else packet.pts)
        if packet.duration <= 0:
            return False
    packet.pts = packet.dts = begin
    return True


def clip_end(packet: Packet, seconds: float) -> Packet:
    """Clip a subtitle packet in place to end at ``seconds`` on the clock of the file, and return the packet.

    Packets of other streams, and packets without a duration, are returned unchanged.
    """
    if packet.stream.type == "subtitle" and packet.duration and packet.pts is not None:
        packet.duration = max(1, min(packet.duration, round(seconds / packet.time_base) - packet.pts))
    return packet
