"""One dataclass of settings per verb: the defaults of the function and of the command line, and what
checkpoint and ONNX file record.

A field is declared with `option`, which keeps the help text and the allowed range beside the default; `check`
holds a value to them, so the command line and the Python API refuse the same things in the same words.
"""

import dataclasses
import enum
import math
import numbers
from pathlib import Path
from typing import Any

from fststyle.errors import InputError

NAMES = "lower-case letters, digits and hyphens"
"""What the name of a result is made of."""


def option(
    default: Any,
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    choices: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its help text, allowed range or choices, and command-line flags where the
    field's own name will not do.
    """
    return dataclasses.field(
        default=default, metadata={"help": help, "min": min, "max": max, "choices": choices, "flags": flags}
    )


def unknown(what: str, error: TypeError) -> InputError:
    """What to raise for keyword arguments that ``what`` does not have, which a dataclass refused with this
    error.
    """
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
            raise InputError(f"{flag}: {value!r} is none of {', '.join(rule['choices'])}")
        if (rule["min"] is not None or rule["max"] is not None) and not isinstance(value, numbers.Real):
            raise InputError(f"{flag}: {value!r} is no number")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{flag}: {value} is not a finite number")
        if rule["min"] is not None and value < rule["min"]:
            raise InputError(f"{flag}: {value} is below {rule['min']}")
        if rule["max"] is not None and value > rule["max"]:
            raise InputError(f"{flag}: {value} is above {rule['max']}")


def plain(settings: Any) -> dict[str, Any]:
    """The settings as numbers, strings and None only, for JSON and checkpoints."""
    values = dataclasses.asdict(settings)
    return {
        name: str(v) if isinstance(v, Path) else v.value if isinstance(v, enum.Enum) else v
        for name, v in values.items()
    }


def as_paths(settings: Any, *names: str) -> None:
    """Turn the named fields of a frozen dataclass into `Path`, for callers who pass strings; for use in
    ``__post_init__``.
    """
    for name in names:
        if isinstance(value := getattr(settings, name), str):
            object.__setattr__(settings, name, Path(value))
