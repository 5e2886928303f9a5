"""Restore frame durations, which encoders drop. Containers need the duration of the last frame."""

from fractions import Fraction

from fststyle.runtime.video.formats.pyav import Packet


class Durations:
    """Sets the durations of encoded packets to the durations of their frames.

    Encoders return packets later than they receive the frames, and in decoding order.
    """

    def __init__(self) -> None:
        self._shown: dict[Fraction, Fraction] = {}
        self._first: tuple[Fraction, Fraction] | None = None
        self._end = Fraction(0)

    @property
    def end(self) -> Fraction:
        """Latest end time of all packets so far in seconds, or 0 before the first packet."""
        return self._end

    def note(self, pts: Fraction, shown: Fraction) -> None:
        """Record the presentation time ``pts`` and the duration ``shown`` of a frame, in seconds."""
        self._shown[pts] = shown

    def put(self, packets: list[Packet]) -> list[Packet]:
        """Set the duration of each packet in place to the one that `note` recorded for its frame, if any, and
        return the packets.
        """
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                continue
            base = packet.time_base
            if shown := self._shown.pop(packet.pts * base, None):
                packet.duration = max(1, round(shown / base))
            begin, decoded = self._first or (packet.pts * base, packet.dts * base)
            self._first = min(begin, packet.pts * base), decoded
            self._end = max(self._end, (packet.pts + (packet.duration or 0)) * base)
        return packets

    def put_last(self, packets: list[Packet]) -> list[Packet]:
        """Set the durations of the last packets of the video in place, and return the packets.

        MP4 computes the duration of a video from decoding times. The frame that is shown last may be decoded
        before another frame. The missing duration is therefore added to the packet that is decoded last.
        """
        packets = self.put(packets)
        if packets and self._first and packets[-1].dts is not None:
            (begin, decoded), last = self._first, packets[-1]
            missing = (self._end - begin) - ((last.dts + (last.duration or 0)) * last.time_base - decoded)
            if missing > 0:
                last.duration = (last.duration or 0) + round(missing / last.time_base)
        return packets
