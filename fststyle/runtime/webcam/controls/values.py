"""The controls of the webcam filter: values that can be changed while it runs, and their ranges."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fststyle.errors import InputError


@dataclass(frozen=True)
class Range:
    """Range of a control from ``low`` to ``high``, on a linear or logarithmic scale."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, share: float) -> float:
        """Return the value at the fader position ``share``, 0..1."""
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
"""Numeric controls and their ranges."""

STYLES = ("style", "second")
"""Controls whose value is the name of a style."""

ACTIONS = ("next", "previous")
"""Controls without a value."""

NAMES = (*STYLES, *RANGES, *ACTIONS)
"""Names of all controls."""


@dataclass(frozen=True)
class Values:
    """Values of all controls.

    Attributes:
        style: name of the first style.
        second: name of the second style; "" selects the style after ``style`` in ``Controls.styles``.
        mix: weight of the second style, 0..1.
        strength: style strength, 0..2: 0 keeps the frame, 1 is the trained style.
        brush: brush size, 0.25..8: 1 is the stroke size in training.
        steadiness: amount of flicker suppression, 0..1.
        sound: weight of the values that follow the sound, 0..1 (see `Controls.current`).
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
    """Status of the filter: the displayed ``style``, the frame rate ``fps``, and ``latency`` in seconds.

    The latency is the time from the capture of a frame to the stylized frame.
    """

    style: str = ""
    fps: float = 0.0
    latency: float = 0.0


@dataclass
class Controls:
    """The current values of the controls. All methods are thread-safe.

    Attributes:
        values: the values that were set, before the values that follow the sound are blended in.
        styles: names of the styles that can be selected, in addition to the initial style.
        on_note: called with messages for the user.
        followed: function that returns a dict from the name of each control that follows the sound to its
            value.
        status: status of the filter.
        note: the latest message for the user.
    """

    values: Values
    styles: Sequence[str]
    on_note: Callable[[str], None] = lambda note: None
    followed: Callable[[], dict[str, float]] = dict
    status: Status = field(default_factory=Status)
    note: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._own = {self.values.style}

    def set(self, name: str, value: object) -> None:
        """Set a control to a value.

        For a control in `RANGES`, the value is a number in its range. For a control in `STYLES`, it is the
        name of a style in ``styles`` or of the initial style, or the number of a style in ``styles``, from 1.
        Names of styles are compared without regard to case, and ``_`` and spaces count as ``-``. Raises
        `InputError` for other names and values.
        """
        if name in STYLES:
            self.change(**{name: self._style(value)})
        elif name in RANGES:
            self.change(**{name: _number(name, value)})
        else:
            raise InputError(f"unknown control {name!r}; use one of {', '.join((*STYLES, *RANGES))}")

    def set_position(self, name: str, position: object) -> None:
        """Set a control to the value at a fader position, 0..1, in its range or in the list of styles.

        Raises `InputError` if the position is not a number in 0..1, ``name`` is neither in `STYLES` nor in
        `RANGES`, or the list of styles is empty.
        """
        share = _number("the fader position", position, Range(0.0, 1.0))
        if name in STYLES:
            if not self.styles:
                raise InputError("there are no styles to select")
            self.change(**{name: self.styles[min(len(self.styles) - 1, int(share * len(self.styles)))]})
        elif name in RANGES:
            self.change(**{name: RANGES[name].at(share)})
        else:
            names = ", ".join((*STYLES, *RANGES))
            raise InputError(f"{name!r} cannot be controlled by a fader; use one of {names}")

    def step(self, by: int) -> None:
        """Select the next style if ``by`` is 1, or the previous style if it is -1, and set ``mix`` to 0.

        Nothing changes if the list of styles is empty.
        """
        if self.styles:
            with self._lock:
                self.values = replace(self.values, style=self.neighbor(self.values.style, by), mix=0.0)

    def run_action(self, name: str) -> None:
        """Run the action ``name``, one of `ACTIONS`. Raises `InputError` for any other name."""
        if name not in ACTIONS:
            raise InputError(f"unknown action {name!r}; use one of {', '.join(ACTIONS)}")
        self.step(1 if name == "next" else -1)

    def change(self, **changes: Any) -> None:
        """Replace the given fields of ``values``, without validation."""
        with self._lock:
            self.values = replace(self.values, **changes)

    def current(self) -> Values:
        """Return the values, with those that follow the sound blended in.

        For each control in `followed`, the result is (1 - ``sound``) times its value plus ``sound`` times the
        followed value.
        """
        values = self.values
        if not values.sound or not (followed := self.followed()):
            return values
        mixed = {
            name: (1 - values.sound) * getattr(values, name) + values.sound * value
            for name, value in followed.items()
        }
        return replace(values, **mixed)

    def neighbor(self, style: str, by: int = 1) -> str:
        """Return the style that is ``by`` places after ``style`` in the list, wrapping around at its ends.

        If ``style`` is not in the list, the result is the first style for ``by=1``, and the last style for
        ``by=-1``. If the list is empty, ``style`` is returned.
        """
        place = self.styles.index(style) if style in self.styles else -1 if by > 0 else 0
        return self.styles[(place + by) % len(self.styles)] if self.styles else style

    def notify(self, note: str) -> None:
        """Report a message to the user, and store it in ``note``."""
        self.note = note
        self.on_note(note)

    def _style(self, value: object) -> str:
        """Return the name of the style that ``value`` selects by name, or by number from 1.

        See `set` for the accepted names and the errors.
        """
        if isinstance(value, str):
            wanted = value.lower().replace("_", "-").replace(" ", "-")
            for name in (*self.styles, *self._own):
                if value == name or wanted == name.lower().replace("_", "-"):
                    return name
            raise InputError(f"no style is called {value[:60]!r}")
        if not self.styles:
            raise InputError("there are no styles to select")
        number = _number("the style number", value, Range(1, len(self.styles)))
        if number != int(number):
            raise InputError(f"the number of a style must be an integer, not {value}")
        return self.styles[int(number) - 1]


def _number(name: str, value: object, allowed: Range | None = None) -> float:
    """Return ``value`` as a float. Raises `InputError` unless it is a number in the range ``allowed``.

    If ``allowed`` is None, the range is that of the control ``name``.
    """
    allowed = allowed or RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: {str(value)[:60]!r} is not a number")
    if not allowed.low <= value <= allowed.high:  # NaN is in no range
        raise InputError(f"{name}: {value} is not between {allowed.low:g} and {allowed.high:g}")
    return float(value)


class ReportOnce:
    """Callable that reports each kind of problem once, up to `MAX_KINDS` kinds, by calling ``notify``."""

    MAX_KINDS = 20
    """Maximum number of kinds that are reported."""

    def __init__(self, notify: Callable[[str], None]):
        self._notify, self._reported = notify, set[str]()

    def __call__(self, kind: str, text: str) -> None:
        """Report ``text``, unless a problem of the same ``kind`` or the maximum number has been reported."""
        if kind in self._reported or len(self._reported) >= self.MAX_KINDS:
            return
        self._reported.add(kind)
        self._notify(text)
        if len(self._reported) == self.MAX_KINDS:
            self._notify("further problems are not reported")
