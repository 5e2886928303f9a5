"""The controls of the webcam filter: values that may change while it runs, with their ranges."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fststyle.errors import InputError


@dataclass(frozen=True)
class Range:
    """The range of a control, ``low`` to ``high``, on a linear or logarithmic scale."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, share: float) -> float:
        """The value at a fader position, 0..1."""
        if self.logarithmic:
            ratio: float = (self.high / self.low) ** share
            return self.low * ratio
        return self.low + (self.high - self.low) * share


RANGES = {
    "strength": Range(0.0, 2.0),
    "mix": Range(0.0, 1.0),
    "brush": Range(0.25, 8.0, logarithmic=True),
    "steadiness": Range(0.0, 1.0),
    "sound": Range(0.0, 1.0),
}
"""Numeric controls."""

STYLES = ("style", "second")
"""Controls that select a style."""

ACTIONS = ("next", "previous")
"""Controls without a value."""

NAMES = (*STYLES, *RANGES, *ACTIONS)
"""All controls."""


@dataclass(frozen=True)
class Values:
    """The values of all controls.

    ``style`` and ``second`` are mixed by ``mix`` (0..1); ``second`` "" is the style
    after ``style`` in the list. ``strength`` 0..2; ``brush``, the size of the strokes, 0.25..8;
    ``steadiness`` 0..1, the amount of flicker suppression; ``sound`` 0..1, the influence of the sound.
    """

    style: str
    second: str = ""
    mix: float = 0.0
    strength: float = 1.0
    brush: float = 1.0
    steadiness: float = 1.0
    sound: float = 1.0


@dataclass(frozen=True)
class Status:
    """State of the filter: the ``style`` on screen, frames per second, and latency in seconds."""

    style: str = ""
    fps: float = 0.0
    latency: float = 0.0


@dataclass
class Controls:
    """The current values of the controls. All methods are thread-safe.

    ``styles``: the styles that can be chosen. ``on_note`` is called with messages for the user.
    ``followed`` returns the values that are set by the sound, by name.
    """

    values: Values
    styles: Sequence[str]
    on_note: Callable[[str], None] = lambda note: None
    followed: Callable[[], dict[str, float]] = dict
    status: Status = field(default_factory=Status)
    note: str = ""
    """The latest message for the user."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._own = {self.values.style}

    def set(self, name: str, value: object) -> None:
        """Set a control to a number in its range, or, for `STYLES`, to the name or the number (from 1) of a
        style.

        Raises `InputError` for anything else.
        """
        if name in STYLES:
            self.change(**{name: self._style(value)})
        elif name in RANGES:
            self.change(**{name: _number(name, value)})
        else:
            raise InputError(f"unknown control {name!r}")

    def set_position(self, name: str, position: object) -> None:
        """Set a control by a position, 0..1, in its range, or in the list of styles. Raises `InputError`."""
        share = _number("the position", position, Range(0.0, 1.0))
        if name in STYLES and self.styles:
            self.change(**{name: self.styles[min(len(self.styles) - 1, int(share * len(self.styles)))]})
        elif name in RANGES:
            self.change(**{name: RANGES[name].at(share)})
        else:
            raise InputError(f"{name!r} has no position")

    def step(self, by: int) -> None:
        """Move by ``by`` styles in the list, 1 or -1, and set ``mix`` to 0."""
        if self.styles:
            with self._lock:
                self.values = replace(self.values, style=self.neighbor(self.values.style, by), mix=0.0)

    def run_action(self, name: str) -> None:
        """Run one of `ACTIONS`. Raises `InputError` for another name."""
        if name not in ACTIONS:
            raise InputError(f"unknown action {name!r}")
        self.step(1 if name == "next" else -1)

    def change(self, **changes: Any) -> None:
        """Replace values without validation."""
        with self._lock:
            self.values = replace(self.values, **changes)

    def current(self) -> Values:
        """The values after blending with those set by the sound."""
        values = self.values
        if not values.sound or not (followed := self.followed()):
            return values
        mixed = {
            name: (1 - values.sound) * getattr(values, name) + values.sound * value
            for name, value in followed.items()
        }
        return replace(values, **mixed)

    def neighbor(self, style: str, by: int = 1) -> str:
        """The style ``by`` places after a style in the list."""
        place = self.styles.index(style) if style in self.styles else -1 if by > 0 else 0
        return self.styles[(place + by) % len(self.styles)] if self.styles else style

    def notify(self, note: str) -> None:
        """Report a message to the user."""
        self.note = note
        self.on_note(note)

    def _style(self, value: object) -> str:
        if isinstance(value, str):
            wanted = value.lower().replace("_", "-").replace(" ", "-")
            for name in (*self.styles, *self._own):
                if value == name or wanted == name.lower().replace("_", "-"):
                    return name
            raise InputError(f"no style is called {value[:60]!r}")
        number = _number("the style", value, Range(1, len(self.styles)))
        if number != int(number):
            raise InputError(f"the number of a style is an integer, not {value}")
        return self.styles[int(number) - 1]


def _number(name: str, value: object, allowed: Range | None = None) -> float:
    """A finite number in the range of a control. Raises `InputError`."""
    allowed = allowed or RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: {str(value)[:60]!r} is not a number")
    if not allowed.low <= value <= allowed.high:  # NaN is in no range
        raise InputError(f"{name}: {value} is not a number from {allowed.low:g} to {allowed.high:g}")
    return float(value)


class ReportOnce:
    """Reports each kind of problem once, up to a maximum number of kinds."""

    MAX_KINDS = 20

    def __init__(self, notify: Callable[[str], None]):
        self._notify, self._reported = notify, set[str]()

    def __call__(self, kind: str, text: str) -> None:
        """Report ``text`` if no problem of this ``kind`` was reported."""
        if kind in self._reported or len(self._reported) >= self.MAX_KINDS:
            return
        self._reported.add(kind)
        self._notify(text)
        if len(self._reported) == self.MAX_KINDS:
            self._notify("further problems are not reported")
