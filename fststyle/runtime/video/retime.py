"""Which frames of a source are painted, and when they are shown: a part of it, another rate."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from fststyle.errors import InputError
from fststyle.runtime.video.formats.base import Item, Shot, Source

_MORE = object()
"""Something is shown after the end."""

LEAD = 0.2
"""Seconds that sound may begin before 0, where its encoder needs a run-up; what begins earlier goes by
another clock.
"""

LONGEST_GAP = 3600
"""Seconds between two frames beyond which a clock is taken for damaged, where frames would be repeated to
fill them.
"""


def rational(rate: float) -> Fraction:
    """Frames a second as a fraction: 29.97 is 30000/1001, as all of television means it."""
    television = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return (
        television
        if rate != round(rate) and abs(float(television) - rate) < 0.005
        else Fraction(rate).limit_denominator(100_000)
    )


def between(source: Source, start: float, end: float | None) -> Iterator[Item]:
    """What lies between start and end, in seconds from the source's beginning; moved so that it begins at 0
    where there is a start, or its own clock is late.

    Where the first frame after the start comes late, as variable frame rates allow, the one that is on screen
    then stands at the beginning; and where one is on screen beyond the end, it is shown until then.
    """
    shots = _between(source, start, end)
    return shots if end is None else _until(shots, end - start + begins(source, start))


def begins(source: Source, start: float) -> float:
    """When the items of `between` begin, in seconds.

    A recording of a broadcast goes by the sender's clock, which may have run for hours: players would show
    nothing for as long.
    """
    return source.origin if not start and -LEAD < source.origin < 0 else 0.0


def _until(items: Iterator[Item], end: float) -> Iterator[Item]:
    """The items, the last shot with a duration up to ``end``, in the seconds of their clock, if another is
    known to come after it.
    """
    waiting: Shot | None = None
    for item in items:
        if item is _MORE and waiting is not None:
            waiting = replace(waiting, duration=max(1, round((end - waiting.seconds) / waiting.time_base)))
        elif isinstance(item, Shot):
            if waiting is not None:
                yield waiting
            waiting = item
        elif item is not _MORE:
            yield item
    if waiting is not None:
        yield waiting


def _between(source: Source, start: float, end: float | None) -> Iterator[Item]:
    if start:
        source.seek(start)
    on_screen: Shot | None = None
    begun = not start
    for item in source:
        stamp = item.pts if item.pts is not None else item.dts
        seconds = float(stamp * item.time_base) - source.origin
        if start and seconds < start - 1e-6:
            on_screen = item if isinstance(item, Shot) else on_screen
            continue
        if not begun and isinstance(item, Shot):
            begun = True
            if on_screen and seconds - start > 1.001 / source.rate:
                yield replace(on_screen, pts=0, duration=None)
        if end is not None and seconds >= end:
            if isinstance(item, Shot):
                yield _MORE
                return
            continue
        if shift := round((start + source.origin - begins(source, start)) / item.time_base):
            if isinstance(item, Shot):
                item = replace(item, pts=item.pts - shift)
            else:
                item.pts = None if item.pts is None else item.pts - shift
                item.dts = None if item.dts is None else item.dts - shift
        yield item
    if not begun and on_screen and start < (source.seconds or 0.0):
        yield replace(on_screen, pts=0, duration=None)
        if end is not None and end <= (source.seconds or 0.0):
            yield _MORE


def chapters(source: Source, start: float, end: float | None) -> list[Any]:
    """The chapters of what lies between start and end, moved with it; those that begin before or last beyond
    are cut.
    """
    found = []
    for chapter in source.chapters:
        base = chapter["time_base"]
        first = max(Fraction(start), chapter["start"] * base - Fraction(source.origin))
        last = chapter["end"] * base - Fraction(source.origin)
        if end is not None:
            last = min(last, Fraction(end))
        if first < last:
            back = Fraction(start) - Fraction(begins(source, start))
            found.append(
                {**chapter, "start": round((first - back) / base), "end": round((last - back) / base)}
            )
    return found


def at_rate(
    items: Iterable[Item], rate: Fraction, end: float | None = None, repeat: bool = True
) -> Iterator[Item]:
    """The shots at the ticks of a clock of ``rate`` a second, before ``end`` seconds of that clock; packets
    pass.

    Each shot goes to the tick nearest its time. A tick with several shows the nearest of them, one with none
    the shot before it again, or for longer without ``repeat``; so nothing is shown more than half a tick from
    its own time. A repeated shot is the same array. Raises `InputError` for a clock that jumps.
    """
    spread = _repeated if repeat else _held
    waiting: Shot | None = None
    tick, away = 0, Fraction(0)
    last = None if end is None else math.ceil(end * rate - 1e-6)
    for item in items:
        if not isinstance(item, Shot):
            yield item
            continue
        exact = item.pts * item.time_base * rate
        now = math.floor(exact + Fraction(1, 2))
        if waiting is not None:
            if now == tick and abs(exact - now) >= away:
                continue
            if repeat and (now - tick) / rate > LONGEST_GAP:
                raise InputError(
                    f"--fps: the frames' times jump by {float((now - tick) / rate):.0f} seconds; is the video"
                    " damaged?"
                )
            yield from spread(waiting, tick, now if last is None else min(now, last), rate)
        waiting, tick, away = item, now, abs(exact - now)
    if waiting is not None:
        shown = waiting.pts * waiting.time_base + (
            waiting.duration * waiting.time_base if waiting.duration else 0
        )
        until = min(max(tick + 1, round(shown * rate)), tick + int(LONGEST_GAP * rate))
        yield from spread(waiting, tick, until if last is None else min(until, last), rate)


def _repeated(shot: Shot, first: int, until: int, rate: Fraction) -> Iterator[Shot]:
    return (
        replace(shot, pts=tick, time_base=1 / rate, duration=1, number=None) for tick in range(first, until)
    )


def _held(shot: Shot, first: int, until: int, rate: Fraction) -> Iterator[Shot]:
    if first < until:
        yield replace(shot, pts=first, time_base=1 / rate, duration=until - first, number=None)


def expected(source: Source, start: float, end: float | None, rate: Fraction | None) -> int | None:
    """How many frames will come, as far as the source tells; ``rate`` is that of a clock, if each of its
    ticks has a frame.
    """
    if not start and end is None and rate is None:
        return source.frames
    stop = min((value for value in (end, source.seconds) if value is not None), default=None)
    return None if stop is None else max(1, round((stop - start) * (rate or source.rate)))
