"""Correct timestamps of frames and packets that are missing or wrong in a container."""

import math
from fractions import Fraction

from fststyle.runtime.video.formats.pyav import DecodedFrame, Packet

_STEP_BACK = 0.1
"""Time in seconds: a larger decrease of decoding times is regarded as the start of another recording."""


class AviTimestamps:
    """Computes presentation times for frames of an AVI file, which stores only decoding times.

    The presentation times that FFmpeg guesses are wrong for streams with B-frames. The decoder returns frames
    in presentation order. Each frame has the decoding time of the packet that was decoded last. This time is
    too late by the delay of the decoder, so the delay is subtracted. Times are in units of the time base of
    the stream. A delay greater than ``longest_delay`` is replaced by 0.
    """

    def __init__(self, longest_delay: int):
        self._longest_delay = longest_delay
        self._first: int | None = None
        self._delay: int | None = None

    def begin(self, packet: Packet) -> None:
        """Record the decoding time of the first packet that has one. Later packets have no effect.

        Call this with every packet before it is decoded.
        """
        self._first = packet.dts if self._first is None else self._first

    def time_of(self, frame: DecodedFrame) -> int | None:
        """Return the presentation time of a frame, or None if it is unknown.

        Call this for every frame, in the order in which the decoder returns them.
        """
        if frame.dts is None or self._first is None:
            return None
        if self._delay is None:
            delay = frame.dts - self._first
            # A longer delay means that the first packets were damaged.
            self._delay = delay if delay <= self._longest_delay else 0
        result: int | None = frame.dts - self._delay
        return result


class FrameTimestamps:
    """Assigns increasing presentation times to decoded frames.

    ``time_base`` is the unit of the times, in seconds. ``step`` is the duration of a frame in this unit; it
    is used for frames without a time. ``avi`` computes the times of the frames of an AVI file; it is None for
    other files. The attribute ``missing`` becomes True at the first frame without a time.
    """

    def __init__(self, step: int, time_base: Fraction, avi: AviTimestamps | None):
        self._step, self._time_base, self._avi = step, time_base, avi
        self._last: int | None = None
        self.missing = False

    @property
    def started(self) -> bool:
        """Whether `stamp` has been called."""
        return self._last is not None

    def begin(self, packet: Packet) -> None:
        """Record the decoding time of a packet of an AVI file. Packets of other files have no effect.

        Call this with every packet before it is decoded.
        """
        if self._avi is not None:
            self._avi.begin(packet)

    def stamp(self, frame: DecodedFrame) -> None:
        """Set the time and the time base of a frame in place.

        A frame without a time is placed one step after the previous frame, or at 0 if it is the first frame.
        A time that is not later than the previous time is replaced by the previous time plus 1.
        """
        pts = frame.pts if self._avi is None else self._avi.time_of(frame)
        if pts is None:
            self.missing = True
            pts = 0 if self._last is None else self._last + self._step
        if self._last is not None:
            pts = max(pts, self._last + 1)
        frame.pts, frame.time_base = pts, frame.time_base or self._time_base
        self._last = pts


class JoinedRecordings:
    """Makes timestamps continuous in an MPEG stream that consists of several concatenated recordings.

    The timestamps of each recording may start anew. They are then shifted so that the recording begins at the
    end of the previous one. ``enabled``: True if the container may hold such a stream; if False, packets are
    not changed. ``usual`` is the duration in seconds that is assumed for packets without a duration.
    """

    def __init__(self, enabled: bool, usual: float):
        self._enabled, self._usual, self._offset, self._end = enabled, usual, 0.0, 0.0
        self._last: dict[int, float] = {}

    def correct(self, packet: Packet) -> None:
        """Shift the timestamps of a packet in place if it belongs to a later recording than the first.

        Call this with every packet of the file, in file order. A packet without a decoding time is unchanged.
        """
        if not self._enabled or packet.dts is None:
            return
        begins = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
        decoded = float(packet.dts * packet.time_base)
        if decoded + self._offset < self._last.get(packet.stream.index, -math.inf) - _STEP_BACK:
            self._offset = self._end - begins
        self._last[packet.stream.index] = decoded + self._offset
        duration = float(packet.duration * packet.time_base) if packet.duration else self._usual
        self._end = max(self._end, begins + self._offset + duration)
        if self._offset:
            by = round(self._offset / packet.time_base)
            packet.pts, packet.dts = None if packet.pts is None else packet.pts + by, packet.dts + by
