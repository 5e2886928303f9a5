"""How long each frame of a video file is shown: encoders hear it and forget it, and containers want to know
it of the last one.
"""

from fractions import Fraction

from fststyle.runtime.video.formats.base import Packet


class Durations:
    """Puts the durations of frames on the packets that an encoder makes of them, which come later and in
    another order.
    """

    def __init__(self) -> None:
        self._shown: dict[Fraction, Fraction] = {}
        self._first: tuple[Fraction, Fraction] | None = None
        self._end = Fraction(0)

    def note(self, pts: Fraction, shown: Fraction) -> None:
        """A frame that is shown from ``pts`` on is shown for so many seconds."""
        self._shown[pts] = shown

    def put(self, packets: list[Packet]) -> list[Packet]:
        """The packets, with durations."""
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
        """The last packets of all.

        MP4 takes the length of a video from the times at which its packets are decoded; where the frame that
        is shown last is decoded before another, its time on screen would be lost, so the packet that is
        decoded last gets what is missing.
        """
        packets = self.put(packets)
        if packets and self._first and packets[-1].dts is not None:
            (begin, decoded), last = self._first, packets[-1]
            missing = (self._end - begin) - ((last.dts + (last.duration or 0)) * last.time_base - decoded)
            if missing > 0:
                last.duration = (last.duration or 0) + round(missing / last.time_base)
        return packets
