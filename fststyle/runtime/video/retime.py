"""Select the part of a video between two times, and convert the frame rate."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

from fststyle.errors import InputError
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.formats.base import Item, Source, TimedFrame
from fststyle.runtime.video.formats.cues import clip_end
from fststyle.runtime.video.formats.pyav import Chapter

_MORE = object()
"""Marker that follows the last item if the last frame before the end is shown until the end."""

LEAD = 0.2
"""Time in seconds by which a source may start before 0, since audio may have an encoder delay. The times of a
source that starts earlier are shifted to start at 0.
"""

MAX_GAP = 3600
"""Maximum time in seconds for which a frame is repeated. Timestamps with a larger gap are regarded as
damaged.
"""


def rational(rate: float) -> Fraction:
    """Return a frame rate in frames per second as a fraction.

    A rate near an NTSC rate becomes that rate: 29.97 becomes 30000/1001.
    """
    ntsc = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return (
        ntsc
        if rate != round(rate) and abs(float(ntsc) - rate) < 0.005
        else Fraction(rate).limit_denominator(100_000)
    )


def between(source: Source, start: float, end: float | None, lead: float | None = None) -> Iterator[Item]:
    """Return an iterator over the frames and packets of ``source`` between two times.

    The items begin at ``start`` and end before ``end``. Both times are in seconds from the beginning of the
    source, and an ``end`` of None means the end of the source. The timestamps are shifted so that ``start``
    becomes `first_time`. Packets are modified in place.

    With a variable frame rate, the first frame after the start may be late; the previous frame is then shown
    at the start. The duration of a frame that would be shown beyond the end is set so that it ends there.
    Subtitles that are shown at the start or at the end are clipped.

    ``lead`` is the time from which the caller needs items, in seconds from the beginning of the source. It
    must not be before ``start``, and None means ``start``. The source may skip earlier items.
    """
    part = _Part(source, start, end, start if lead is None else lead)
    return part.items() if end is None else _until(part.items(), end - start + first_time(source, start))


def first_time(source: Source, start: float) -> float:
    """Return the timestamp, in seconds, that `between` gives to ``start``.

    The result is usually 0: the timestamps of a recorded broadcast may start at many hours, and players would
    wait that long. If ``start`` is 0 and the source starts less than `LEAD` seconds before 0, the timestamps
    are kept, and the result is the start time of the source.
    """
    return source.origin if not start and -LEAD < source.origin < 0 else 0.0


def output_time(timed: TimedFrame, source: Source, start: float) -> float:
    """Return the time of a frame in seconds from the start of the output.

    Args:
        timed: a frame that `between` yielded.
        source: the input that it comes from.
        start: the time in seconds at which `between` starts reading the input.
    """
    return timed.seconds - first_time(source, start)


def _until(items: Iterator[Item], end: float) -> Iterator[Item]:
    """Yield ``items`` without the marker `_MORE`.

    If the marker is present, the duration of the last frame is changed so that the frame is shown until the
    time ``end`` in seconds.
    Each frame is yielded when the next frame arrives, so packets between the two are yielded before it.
    """
    waiting: TimedFrame | None = None
    for item in items:
        if item is _MORE and waiting is not None:
            waiting = replace(waiting, duration=max(1, round((end - waiting.seconds) / waiting.time_base)))
        elif isinstance(item, TimedFrame):
            if waiting is not None:
                yield waiting
            waiting = item
        elif item is not _MORE:
            yield item
    if waiting is not None:
        yield waiting


class _Part:
    """Selects the items for `between`.

    `_MORE` is the last item if the source continues after ``end``, so that the last frame must be shown until
    then. ``lead`` is the time in seconds to which the source seeks first.
    """

    def __init__(self, source: Source, start: float, end: float | None, lead: float):
        self._source, self._start, self._end, self._lead = source, start, end, lead
        self._shift = start + source.origin - first_time(source, start)
        self._on_screen: TimedFrame | None = None
        """The last frame before the start."""

    def items(self) -> Iterator[Item]:
        source, start, end = self._source, self._start, self._end
        if start:
            yield from map(self._moved, map(self._until_end, source.cues(start)))
        if self._lead:
            source.seek(self._lead)
        begun = not start or self._lead > start
        for item in source:
            seconds = self._seconds(item)
            if start and seconds < start - 1e-6:
                self._on_screen = item if isinstance(item, TimedFrame) else self._on_screen
                continue
            if not begun and isinstance(item, TimedFrame):
                begun = True
                if seconds - start > 1.001 / source.rate:
                    yield from self._at_start()
            if end is None or seconds < end:
                yield self._moved(self._until_end(item))
            elif isinstance(item, TimedFrame):
                yield _MORE
                return
        if not begun and start < (source.seconds or 0.0):
            yield from self._at_start()
            if self._on_screen and end is not None and end <= (source.seconds or 0.0):
                yield _MORE

    def _at_start(self) -> Iterator[TimedFrame]:
        """Yield the last frame before the start, if there is one, at time 0."""
        if self._on_screen:
            yield replace(self._on_screen, pts=0, duration=None)

    def _seconds(self, item: Item) -> float:
        """Return the time of an item in seconds from the beginning of the source."""
        stamp = item.pts if item.pts is not None else item.dts
        return float(stamp * item.time_base) - self._source.origin

    def _until_end(self, item: Item) -> Item:
        """Return the item. A subtitle packet that is displayed beyond the end is clipped in place."""
        if self._end is None or isinstance(item, TimedFrame):
            return item
        return clip_end(item, self._end + self._source.origin)

    def _moved(self, item: Item) -> Item:
        shift = round(self._shift / item.time_base)
        if not shift:
            return item
        if isinstance(item, TimedFrame):
            return replace(item, pts=item.pts - shift)
        item.pts = None if item.pts is None else item.pts - shift
        item.dts = None if item.dts is None else item.dts - shift
        return item


def chapters(source: Source, start: float, end: float | None) -> list[Chapter]:
    """Return the chapters between ``start`` and ``end``, shifted like the items of `between`, and clipped to
    this range.
    """
    found = []
    for chapter in source.chapters:
        base = chapter["time_base"]
        first = max(Fraction(start), chapter["start"] * base - Fraction(source.origin))
        last = chapter["end"] * base - Fraction(source.origin)
        if end is not None:
            last = min(last, Fraction(end))
        if first < last:
            back = Fraction(start) - Fraction(first_time(source, start))
            moved = chapter.copy()
            moved["start"], moved["end"] = round((first - back) / base), round((last - back) / base)
            found.append(moved)
    return found


def changed(
    items: Iterator[Item], source: Source, settings: VideoSettings, fps: float | None
) -> Iterator[Item]:
    """Return the items of `between`, converted to ``fps`` frames per second, or unchanged if it is None.

    Frames are repeated only if ``settings.fps`` is set. Otherwise ``fps`` is the maximum rate of the output.
    """
    if not fps:
        return items
    end = settings.end
    if end is not None:  # on the clock of the items
        end += first_time(source, settings.start) - settings.start
    return at_rate(items, rational(fps), end, repeat=bool(settings.fps))


def at_rate(
    items: Iterable[Item], rate: Fraction, end: float | None = None, repeat: bool = True
) -> Iterator[Item]:
    """Convert frames to a constant frame rate of ``rate`` frames per second. Packets are yielded unchanged.

    Each frame is moved to the nearest tick, which is a multiple of 1 / ``rate`` seconds. If several frames
    have the same nearest tick, the closest frame is kept. At a tick without a frame, the previous frame is
    repeated as the same array object or, if ``repeat`` is False, its duration is extended. Frames at or after
    the time ``end`` in seconds are dropped. If ``repeat`` is True, a gap of more than `MAX_GAP` seconds
    between two frames raises `InputError`.
    """
    spread = _repeated if repeat else _lengthened
    waiting: TimedFrame | None = None
    tick, away = 0, Fraction(0)
    last = None if end is None else math.ceil(end * rate - 1e-6)
    for item in items:
        if not isinstance(item, TimedFrame):
            yield item
            continue
        exact = item.pts * item.time_base * rate
        now = math.floor(exact + Fraction(1, 2))
        if waiting is not None:
            if now == tick and abs(exact - now) >= away:
                continue
            if repeat and (now - tick) / rate > MAX_GAP:
                raise InputError(
                    f"--fps: two consecutive frames are {float((now - tick) / rate):.0f} seconds apart, more"
                    f" than the limit of {MAX_GAP} seconds; the video may be damaged"
                )
            yield from spread(waiting, tick, now if last is None else min(now, last), rate)
        waiting, tick, away = item, now, abs(exact - now)
    if waiting is not None:
        shown = waiting.pts * waiting.time_base + (
            waiting.duration * waiting.time_base if waiting.duration else 0
        )
        until = min(max(tick + 1, round(shown * rate)), tick + int(MAX_GAP * rate))
        yield from spread(waiting, tick, until if last is None else min(until, last), rate)


def _repeated(timed: TimedFrame, first: int, until: int, rate: Fraction) -> Iterator[TimedFrame]:
    return (
        replace(timed, pts=tick, time_base=1 / rate, duration=1, number=None) for tick in range(first, until)
    )


def _lengthened(timed: TimedFrame, first: int, until: int, rate: Fraction) -> Iterator[TimedFrame]:
    if first < until:
        yield replace(timed, pts=first, time_base=1 / rate, duration=until - first, number=None)


def expected(source: Source, start: float, end: float | None, rate: Fraction | None) -> int | None:
    """Return the expected number of frames of the output, or None if it is unknown.

    ``start`` and ``end`` are in seconds. ``rate`` is the constant frame rate of the output, or None to keep
    the timestamps.
    """
    if not start and end is None and rate is None:
        return source.frames
    stop = min((value for value in (end, source.seconds) if value is not None), default=None)
    return None if stop is None else max(1, round((stop - start) * (rate or source.rate)))
