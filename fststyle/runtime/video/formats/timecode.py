"""Convert SMPTE timecodes (ST 12-1), which are tags ``HH:MM:SS:FF`` of a video, to another frame rate.

A drop-frame timecode ``HH:MM:SS;FF`` stays in step with the clock at 29.97, 59.94 or 119.88 frames per
second. At 29.97, the labels ;00 and ;01 are skipped at the beginning of each minute that is not a multiple of
ten; at the higher rates, twice or four times as many labels are skipped.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

_FORM = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d{1,3})")
"""Hours, minutes, seconds, separator (a colon, or another character for drop-frame timecodes), and frames,
which FFmpeg writes with one digit at up to 10 frames per second.
"""

_DAY = 24 * 3600


def moved(timecode: str, before: Fraction, now: Fraction) -> str:
    """Return the timecode of a frame, converted from the frame rate ``before`` to the frame rate ``now``.

    The result denotes the same time of day, rounded to the nearest frame. A drop-frame timecode stays a
    drop-frame timecode if the new rate has drop-frame timecodes. A malformed timecode is returned unchanged,
    as is any timecode if a rate rounds to 0.
    """
    parts = _FORM.fullmatch(timecode)
    if parts is None or round(before) < 1 or round(now) < 1:
        return timecode
    hours, minutes, seconds, frames = (int(parts[number]) for number in (1, 2, 3, 5))
    dropped = parts[4] != ":"
    if round(before) == round(now) and (not dropped or has_drop_frames(now)):
        return timecode
    if dropped and has_drop_frames(before):
        counted = (3600 * hours + 60 * minutes + seconds) * round(before) + frames
        counted -= _dropped(before) * (60 * hours + minutes - (60 * hours + minutes) // 10)
        at = Fraction(counted) / _exact(before)
    else:
        at = 3600 * hours + 60 * minutes + seconds + Fraction(frames, round(before))
    return _label(at, now, dropped and has_drop_frames(now))


def fits(timecode: str, rate: Fraction) -> bool:
    """Return whether MP4 and MOV support a timecode at ``rate`` frames per second.

    FFmpeg fails at the end of the file for a malformed timecode, and for a drop-frame timecode unless the
    rounded rate is a multiple of 30.
    """
    parts = _FORM.fullmatch(timecode)
    whole = round(rate)
    return parts is not None and whole >= 1 and (parts[4] == ":" or whole % 30 == 0)


def of(metadata: Mapping[str, str]) -> str | None:
    """Return the timecode among the tags of a stream or a container, or None if there is none."""
    return next((value for key, value in metadata.items() if key.lower() == "timecode" and value), None)


def has_drop_frames(rate: Fraction) -> bool:
    """Return whether drop-frame timecodes exist for a frame rate.

    This is the case for 30000/1001 (29.97) frames per second and multiples of it. Rates that a container has
    rounded are recognized too.
    """
    whole = round(rate)
    return whole >= 30 and whole % 30 == 0 and abs(rate - _exact(rate)) < abs(rate - whole)


def _exact(rate: Fraction) -> Fraction:
    """Return the exact frame rate, a multiple of 30000/1001, for a rounded rate with drop-frame timecodes."""
    return Fraction(round(rate) * 1000, 1001)


def _dropped(rate: Fraction) -> int:
    """Return the number of labels that a drop-frame timecode skips at the beginning of a minute."""
    return round(rate) // 15


def _label(seconds: Fraction, rate: Fraction, drop_frames: bool) -> str:
    """Return the timecode of the frame nearest to a time in seconds since midnight."""
    whole = round(rate)
    if drop_frames:
        number, dropped = round(seconds * _exact(rate)), _dropped(rate)
        tens, rest = divmod(number, 600 * whole - 9 * dropped)
        skipped = 9 * tens + max(0, (rest - dropped) // (60 * whole - dropped))
        number += dropped * skipped
    else:
        number = round(seconds * whole)
    number %= _DAY * whole
    clock, frames = divmod(number, whole)
    minutes, second = divmod(clock, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{';' if drop_frames else ':'}{frames:02d}"
