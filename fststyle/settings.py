"""Settings dataclasses, one per command: defaults of the Python API and of the command line, and the values
stored in checkpoints and ONNX files.

A field is declared with `option`, which adds the help text and the allowed range. `check` validates values,
so the command line and the Python API report the same errors.
"""

import dataclasses
import enum
import math
import numbers
from pathlib import Path
from typing import Any

from fststyle.errors import InputError

NAMES = "lower-case letters, digits and hyphens"
"""Characters allowed in the name of a result."""


def option(
    default: Any,
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    choices: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with help text, allowed range or choices, and optional command-line flags."""
    return dataclasses.field(
        default=default, metadata={"help": help, "min": min, "max": max, "choices": choices, "flags": flags}
    )


def unknown(what: str, error: TypeError) -> InputError:
    """The `InputError` for an unknown keyword argument of ``what``, from the `TypeError` of the dataclass."""
    return InputError(f"{what} has no such setting: {str(error).partition('argument ')[2] or error}")


def check(settings: Any) -> None:
    """Raise `InputError` for the first field outside its range or choices."""
    for field in dataclasses.fields(settings):
        value, rule = getattr(settings, field.name), field.metadata
        if not rule or (value is None and field.default is None):
            continue
        flag = "--" + field.name.rstrip("_").replace("_", "-")
        if value is None:
            raise InputError(f"{flag}: has no value")
        if rule["choices"] and value not in rule["choices"]:
            raise InputError(f"{flag}: {value!r} is not one of {', '.join(rule['choices'])}")
        if (rule["min"] is not None or rule["max"] is not None) and not isinstance(value, numbers.Real):
            raise InputError(f"{flag}: {value!r} is not a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{flag}: {value} is not a finite number")
        if rule["min"] is not None and value < rule["min"]:
            raise InputError(f"{flag}: {value} is below {rule['min']}")
        if rule["max"] is not None and value > rule["max"]:
            raise InputError(f"{flag}: {value} is above {rule['max']}")


def plain(settings: Any) -> dict[str, Any]:
    """The settings as a dict of numbers, strings and None, for JSON and checkpoints."""
    values = dataclasses.asdict(settings)
    return {
        name: str(v) if isinstance(v, Path) else v.value if isinstance(v, enum.Enum) else v
        for name, v in values.items()
    }


def as_paths(settings: Any, *names: str) -> None:
    """Convert the named fields of a frozen dataclass from str to `Path`; for use in ``__post_init__``."""
    for name in names:
        if isinstance(value := getattr(settings, name), str):
            object.__setattr__(settings, name, Path(value))
