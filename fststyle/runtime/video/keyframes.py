"""Parse keyframes of styles and strengths from text or a file.

``"starry-night@0, udnie@4s"`` starts with the first style, and begins the transition to the second style at
four seconds. This module does not load styles.
"""

import bisect
import csv
import io
import itertools
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fststyle.errors import InputError
from fststyle.mixture import parse as parse_mixture

Shares = dict[str, float]
"""Dict from the name or the file path of each style to its weight. The weights sum to 1."""

MAX_KEYFRAMES = 10_000
"""Maximum number of keyframes of the style, and of the strength."""
_MAX_FILE_BYTES = 1 << 20
_TIME = r"(?:(?:\d+:){1,2}\d+(?:\.\d+)?\s*s?|\d+(?:\.\d+)?\s*(?:s|ms|m)?)"
_AT = re.compile(rf"(.*?)\s*@\s*({_TIME})\s*", re.DOTALL)


class Key(NamedTuple):
    """A keyframe of the style or of the strength.

    ``seconds`` is its time from the start of the output. ``value`` is `Shares` in a keyframe of the style,
    and a float in a keyframe of the strength.
    """

    seconds: float
    value: Any


@dataclass(frozen=True)
class Timeline:
    """Callable that returns the style shares and the strength at a given time.

    Times are in seconds from the start of the output. The value of the first keyframe also applies before its
    time, and the value of the last keyframe also after its time.

    Attributes:
        styles: keyframes of `Shares`. The transition to a keyframe begins at its time and ends ``fade``
            seconds later, or at the next keyframe if that is earlier.
        strengths: keyframes of the strength, from 0 to 2. It is interpolated linearly between them.
        fade: duration of a transition in seconds.
    """

    styles: tuple[Key, ...]
    strengths: tuple[Key, ...]
    fade: float = 1.0

    def __call__(self, seconds: float) -> tuple[Shares, float]:
        """Return the style shares and the strength at ``seconds``. Styles with a share of 0 are omitted."""
        return self._shares(seconds), self._strength(seconds)

    @property
    def names(self) -> list[str]:
        """Names of all styles in order of first appearance."""
        return list(dict.fromkeys(name for key in self.styles for name in key.value))

    @property
    def moves(self) -> bool:
        """Whether there are several keyframes of the style or of the strength."""
        return len(self.styles) > 1 or len(self.strengths) > 1

    def _shares(self, seconds: float) -> Shares:
        index = _last(self.styles, seconds)
        now = self.styles[index]
        if index == 0:
            return dict(now.value)
        end = self.styles[index + 1].seconds if index + 1 < len(self.styles) else math.inf
        length = min(self.fade, end - now.seconds)
        done = 1.0 if length <= 0 else min(1.0, (seconds - now.seconds) / length)
        before = self.styles[index - 1].value
        mixed = {
            name: (1 - done) * before.get(name, 0) + done * now.value.get(name, 0)
            for name in {**before, **now.value}
        }
        return {name: share for name, share in mixed.items() if share > 0}

    def _strength(self, seconds: float) -> float:
        index = _last(self.strengths, seconds)
        now = self.strengths[index]
        if seconds <= now.seconds or index + 1 == len(self.strengths):
            return float(now.value)
        after = self.strengths[index + 1]
        return float(
            now.value + (after.value - now.value) * (seconds - now.seconds) / (after.seconds - now.seconds)
        )


def change(before: tuple[Shares, float], after: tuple[Shares, float]) -> float:
    """Return the largest absolute difference of any share or of the strength between two moments.

    ``before`` and ``after`` are the style shares and the strength at these moments, as a `Timeline` returns
    them.
    """
    (shares, strength), (others, other) = before, after
    return max(
        [
            abs(strength - other),
            *(abs(shares.get(name, 0) - others.get(name, 0)) for name in {**shares, **others}),
        ]
    )


def parse(style: str, strength: str = "1", keyframes: Path | None = None, fade: float = 1.0) -> Timeline:
    """Parse the values of ``--style``, ``--strength``, ``--keyframes`` and ``--fade`` into a timeline.

    The styles in the file ``keyframes`` replace ``style``, and its strengths replace ``strength``. A column
    of the file that is missing or empty replaces nothing. Raises `InputError` for an invalid value or file,
    and if a file is given although ``style`` or ``strength`` has several keyframes.
    """
    styles, strengths = _styles(style), _strengths(strength)
    if keyframes is not None:
        if len(styles) > 1 or len(strengths) > 1:
            raise InputError(
                "--keyframes cannot be combined with several keyframes in --style or --strength, since the"
                " file contains the keyframes"
            )
        rows = _rows(keyframes)
        styles = [Key(at, parse_shares(text, str(keyframes))) for at, text, _ in rows if text] or styles
        strengths = [
            Key(at, _number(text, f"{keyframes}: strength")) for at, _, text in rows if text
        ] or strengths
    return Timeline(_ordered(styles, "style"), _ordered(strengths, "strength"), fade)


def parse_seconds(text: str) -> float:
    """Convert a time such as ``4``, ``4s``, ``1.5m`` (minutes), ``500ms`` or ``0:01:30.5`` to seconds.

    Raises `InputError` for any other text.
    """
    text = text.strip().lower()
    if not re.fullmatch(_TIME, text):
        raise InputError(f"{text!r} is not a time such as 4, 4.5s, 500ms or 1:30")
    number, unit = (found[1], found[2]) if (found := re.fullmatch(r"([\d.:]+)\s*(\w*)", text)) else (text, "")
    if ":" in number:
        parts = [float(part) for part in number.split(":")]
        result: float = sum(part * 60**place for place, part in enumerate(reversed(parts)))
        return result
    return float(number) * {"": 1, "s": 1, "ms": 0.001, "m": 60}[unit]


def _styles(text: str) -> list[Key]:
    if os.path.isfile(text):
        return [Key(0.0, {text: 1.0})]
    if not _AT.fullmatch(text.rpartition(",")[2]):
        if any(_AT.fullmatch(part) for part in text.split(",")):
            raise InputError(f"--style: the last style in {text!r} needs a time; add one, such as @4s")
        for part in text.split(","):
            name, at, tail = part.rpartition("@")
            if name and at and not tail.endswith(".onnx"):  # the name of a file may contain @
                raise InputError(
                    f"--style: {tail.strip()!r} in {text!r} is not a time such as 4, 4.5s, 500ms or 1:30"
                )
        return [Key(0.0, parse_shares(text))]
    keys, parts = [], []
    for part in text.split(","):
        found = _AT.fullmatch(part)
        # A part with a share belongs to a mixture that ends at the next time: a:0.6, b:0.4 @ 4s.
        if found is None and ":" not in part:
            raise InputError(f"--style: {part.strip()!r} in {text!r} needs a time; add one, such as @4s")
        parts.append(found[1] if found else part)
        if found:
            keys.append(Key(parse_seconds(found[2]), parse_shares(",".join(parts))))
            parts = []
    return keys


def parse_shares(text: str, flag: str = "--style") -> Shares:
    """Parse a style name, the path of a style file, or a mixture of styles such as ``a:0.6,b:0.4``.

    Returns a dict that maps each name or path to its weight; the weights are scaled to sum to 1. Raises
    `InputError` for an invalid mixture. ``flag`` is the option or file to name in the message.
    """
    if os.path.isfile(text):
        return {text: 1.0}
    found: Shares = {}
    for name, share in parse_mixture(text, flag):
        found[name] = found.get(name, 0) + share
    return found


def _strengths(text: str) -> list[Key]:
    if "@" not in text:
        return [Key(0.0, _number(text, "--strength", " and is not a list of VALUE@TIME, such as 0@0,1@3s"))]
    keys = []
    for part in text.split(","):
        found = _AT.fullmatch(part)
        if found is None:
            raise InputError(f"--strength: {part.strip()!r} in {text!r} is not VALUE@TIME, such as 0.5@4s")
        keys.append(Key(parse_seconds(found[2]), _number(found[1], "--strength")))
    return keys


def _number(text: str, what: str, hint: str = "") -> float:
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"{what}: {text!r} is not a number{hint}") from None
    if not 0 <= number <= 2:
        raise InputError(f"{what}: {text.strip()} is not between 0 and 2")
    return number


def _ordered(keys: Sequence[Key], what: str) -> tuple[Key, ...]:
    if len(keys) > MAX_KEYFRAMES:
        raise InputError(f"the {what} has {len(keys)} keyframes; at most {MAX_KEYFRAMES} are allowed")
    for before, after in itertools.pairwise(keys):
        if after.seconds <= before.seconds:
            raise InputError(
                f"the times of the {what} keyframes must increase, but {before.seconds:g} s is followed by"
                f" {after.seconds:g} s"
            )
    return tuple(keys)


def _last(keys: Sequence[Key], seconds: float) -> int:
    """Return the index of the latest keyframe at or before ``seconds``, or 0 if there is none."""
    return max(0, bisect.bisect_right(keys, seconds, key=lambda key: key.seconds) - 1)


def _rows(path: Path) -> list[tuple[float, str, str]]:
    """Return the time, style and strength of each row of a CSV or JSON file, with "" for empty cells.

    Raises `InputError` if the file cannot be read or parsed, is too large, or contains no keyframes.
    """
    try:
        content = path.read_bytes()
        if len(content) > _MAX_FILE_BYTES:
            raise InputError(f"{path}: is larger than {_MAX_FILE_BYTES >> 20} MiB, the limit for keyframes")
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        ) from error
    listed: object
    is_json = text.lstrip().startswith(("[", "{"))
    try:
        listed = (
            json.loads(text) if is_json else list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
        )
    except (ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{path}: is not valid {'JSON' if is_json else 'CSV'}: {error}") from error
    if not isinstance(listed, list) or not listed or not all(isinstance(row, dict) for row in listed):
        raise InputError(
            f'{path}: must contain at least one keyframe, in a JSON list of objects such as {{"time": 4,'
            ' "style": "udnie"}, or in CSV with the columns time, style, strength'
        )
    rows = []
    for row in listed:
        if None in row:  # the key of csv for cells after the last column
            raise InputError(f"{path}: a row has more cells than there are columns: {', '.join(row[None])}")
        if unknown := set(map(str, row)) - {"time", "style", "strength"}:
            raise InputError(
                f"{path}: unknown field {', '.join(sorted(unknown))}; the fields of a keyframe are time,"
                " style and strength"
            )
        cells = {
            name: "" if row.get(name) is None else str(row[name]).strip()
            for name in ("time", "style", "strength")
        }
        try:
            rows.append((parse_seconds(cells["time"]), cells["style"], cells["strength"]))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return rows
