"""Set controls of the webcam filter from measures of the sound, such as the beat (``--follow``)."""

from dataclasses import dataclass

from fststyle.errors import InputError
from fststyle.runtime.webcam.controls.analysis import Meter
from fststyle.runtime.webcam.controls.sound import AudioSource
from fststyle.runtime.webcam.controls.values import RANGES, Controls

MEASURES = ("level", "bass", "treble", "beat")
"""Measures that a control can follow."""

DEFAULT_RANGES = {"strength": (0.0, 1.0), "mix": (0.0, 1.0), "brush": (1.0, 3.0), "steadiness": (1.0, 0.0)}
"""Controls that can follow a measure, and their default values at measure 0 (silence) and 1 (peak)."""


@dataclass(frozen=True)
class Rule:
    """Rule that sets the control ``name`` from a measure of the sound, one of `MEASURES`.

    The mapping is linear: the control is set to ``quiet`` if the measure is 0, and to ``loud`` if it is 1.
    """

    name: str
    measure: str
    quiet: float
    loud: float


def parse(text: str) -> list[Rule]:
    """Parse a comma-separated list of rules, such as ``strength=bass:0.3:1.2,mix=beat``.

    A rule is CONTROL=MEASURE or CONTROL=MEASURE:QUIET:LOUD; by default, QUIET and LOUD are taken from
    `DEFAULT_RANGES`. Raises `InputError` for an invalid rule, and for two rules with the same control.
    """
    rules = [_rule(part.strip()) for part in text.split(",")]
    if len({rule.name for rule in rules}) < len(rules):
        raise InputError(f"--follow: {text!r} names a control twice")
    return rules


def _rule(text: str) -> Rule:
    name, equals, rest = text.partition("=")
    measure, *ends = rest.split(":")
    name, measure = name.strip(), measure.strip()
    if not equals or name not in DEFAULT_RANGES or measure not in MEASURES or len(ends) not in (0, 2):
        raise InputError(
            f"--follow: {text!r} is not CONTROL=MEASURE or CONTROL=MEASURE:QUIET:LOUD; controls are"
            f" {', '.join(DEFAULT_RANGES)}, measures are {', '.join(MEASURES)}"
        )
    try:
        quiet, loud = map(float, ends) if ends else DEFAULT_RANGES[name]
    except ValueError:
        raise InputError(f"--follow: the values after {measure} in {text!r} are not two numbers") from None
    allowed = RANGES[name]
    if not all(allowed.low <= value <= allowed.high for value in (quiet, loud)):
        raise InputError(
            f"--follow: a value in {text!r} is outside the range of {name}, {allowed.low:g} to"
            f" {allowed.high:g}"
        )
    return Rule(name, measure, quiet, loud)


class Follower:
    """Computes the values of controls that follow a sound source.

    The constructor sets ``controls.followed`` to `values`. Each of the ``rules`` sets one control. See
    `AudioSource` for ``source`` and the errors.
    """

    def __init__(self, controls: Controls, source: str, rules: list[Rule]):
        self._rules, self.meter = rules, Meter()
        self._source = AudioSource(source, self.meter.feed, controls.notify)
        controls.followed = self.values

    def values(self) -> dict[str, float]:
        """Return the current values of the controls in the rules, as a dict from control name to value.

        The dict is empty while no samples arrive.
        """
        if not self._source.alive:
            return {}
        measures = self.meter.measures
        return {
            rule.name: rule.quiet + (rule.loud - rule.quiet) * min(1.0, getattr(measures, rule.measure))
            for rule in self._rules
        }

    def meters(self) -> dict[str, float]:
        """Return the current values of `MEASURES`, 0..1, and the tempo in beats per minute, as a dict.

        The keys are the names in `MEASURES`, and "bpm" for the tempo.
        """
        measures = self.meter.measures
        return {name: getattr(measures, name) for name in MEASURES} | {"bpm": round(measures.bpm, 1)}

    def close(self) -> None:
        """Close the sound source."""
        self._source.close()
