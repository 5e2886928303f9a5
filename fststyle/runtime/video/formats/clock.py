"""Times of frames and packets, mended where a container tells them wrongly."""

import math
from typing import Any

_BACK = 0.1
"""Seconds that times must go back to be a new beginning and not mere disorder."""


class Unordered:
    """An AVI says when its frames are decoded, not when they are shown, and FFmpeg's guess is wrong where
    some look ahead at others (B-frames).

    The frames come out in their order, each with the time of the packet that let it out, which is late by
    as many frames as the decoder keeps back.
    """

    def __init__(self, most: int):
        self._most = most
        self._first: int | None = None
        self._late: int | None = None

    def begin(self, packet: Any) -> None:
        """Note the first packet."""
        self._first = packet.dts if self._first is None else self._first

    def time_of(self, frame: Any) -> int | None:
        """When the next frame is shown, None where that is not told."""
        if frame.dts is None or self._first is None:
            return None
        if self._late is None:
            # More than a decoder keeps: what came first was damaged.
            self._late = late if (late := frame.dts - self._first) <= self._most else 0
        return frame.dts - self._late


class Join:
    """Recordings laid end to end in one file begin anew in the middle, as transport streams may: what
    comes then is moved behind what there was.
    """

    def __init__(self, possible: bool, usual: float):
        self._possible, self._usual, self._moved, self._end = possible, usual, 0.0, 0.0
        self._last: dict[int, float] = {}

    def mend(self, packet: Any) -> None:
        """Move the packet's times, in place."""
        if not self._possible or packet.dts is None:
            return
        begins = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
        if (decoded := float(packet.dts * packet.time_base)) + self._moved < self._last.get(
            packet.stream.index, -math.inf
        ) - _BACK:
            self._moved = self._end - begins
        self._last[packet.stream.index] = decoded + self._moved
        lasts = float(packet.duration * packet.time_base) if packet.duration else self._usual
        self._end = max(self._end, begins + self._moved + lasts)
        if self._moved:
            by = round(self._moved / packet.time_base)
            packet.pts, packet.dts = None if packet.pts is None else packet.pts + by, packet.dts + by
