"""Tools for settings dataclasses.

Each command has one settings dataclass. It defines the defaults of the Python API and of the command line,
and the values that are stored in checkpoints and ONNX files. A field is declared with `option`, which adds
the help text and the allowed range. `check` validates the values, so the command line and the Python API
report the same errors.
"""

import dataclasses
import enum
import functools
import math
import numbers
import re
import typing
import unicodedata
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fststyle.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Settings = TypeVar("Settings")

NAMES = "lower-case letters, digits and hyphens"
"""The characters that the name of a trained style or model may contain, in words, for help and messages."""
MAX_NAME_LENGTH = 64
"""Maximum length, in characters, of the name of a trained style or model."""


def to_name(text: str, default: str = "style") -> str:
    """Convert ``text`` to a valid name for a style or model.

    The name consists of lower-case letters, digits and hyphens, and has at most `MAX_NAME_LENGTH` characters.
    Accents are dropped, and each sequence of other characters becomes one hyphen. Returns ``default`` if
    nothing is left.
    """
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:MAX_NAME_LENGTH].strip("-") or default


def option(
    default: Any,
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    choices: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    former: str | None = None,
    absent: Any = None,
) -> Any:
    """Return a dataclass field that `fststyle.cli.options.with_settings` turns into a command-line option.

    Args:
        default: the default value.
        help: the help text. The range and the choices are appended to it.
        min: smallest allowed value.
        max: largest allowed value.
        choices: the allowed values.
        flags: command-line flags; by default, derived from the name of the field.
        former: former name of the field; see `accepts_former_names`.
        absent: the value for checkpoints that were written before the field existed; see `with_absent`.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "min": min,
            "max": max,
            "choices": choices,
            "flags": flags,
            "former": former,
            "absent": absent,
        },
    )


def accepts_former_names(settings_type: type[Settings]) -> type[Settings]:
    """Class decorator that keeps former field names working.

    They work as keyword arguments of the constructor and as attributes, with a `DeprecationWarning`.
    """
    init = settings_type.__init__

    @functools.wraps(init)
    def wrapped(self: Settings, *args: Any, **values: Any) -> None:
        init(self, *args, **current_names(settings_type, values, stacklevel=3))

    settings_type.__init__ = wrapped  # type: ignore[assignment, method-assign]
    for former, name in _former_names(settings_type).items():
        setattr(settings_type, former, property(functools.partial(_read_former, former, name)))
    return settings_type


def current_names(settings_type: type, values: dict[str, Any], stacklevel: int = 2) -> dict[str, Any]:
    """Return ``values``, keyword arguments of ``settings_type``, with former field names replaced by current
    names.

    Each replacement emits a `DeprecationWarning`. ``stacklevel`` is as in `warnings.warn`: 2 is the caller of
    this function.
    """
    former = _former_names(settings_type)
    for name in values.keys() & former.keys():
        _warn_former(name, former[name], stacklevel)
    return replace_former_names(settings_type, values)


def replace_former_names(settings_type: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` with former field names of ``settings_type`` replaced by current names.

    If ``values`` contains both names of a field, the value of the former name is used. This happens when
    `dataclasses.replace` is called with a former name, since it also passes the old value under the current
    name.
    """
    former = _former_names(settings_type)
    given = {name: value for name, value in values.items() if name not in former}
    return given | {former[name]: values[name] for name in values.keys() & former.keys()}


def with_absent(settings_type: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values``, the settings in a checkpoint, completed with fields that did not exist when it was
    written.

    Each missing field of ``settings_type`` is set to the ``absent`` value declared in its `option`, or to
    None if there is none.
    """
    fields = dataclasses.fields(settings_type)  # type: ignore[arg-type]
    return {field.name: field.metadata.get("absent") for field in fields} | values


def _former_names(settings_type: type) -> dict[str, str]:
    """Return a dict that maps former field names of ``settings_type`` to the current names."""
    fields = dataclasses.fields(settings_type)  # type: ignore[arg-type]
    return {field.metadata["former"]: field.name for field in fields if field.metadata.get("former")}


def _read_former(former: str, name: str, settings: Any) -> Any:
    _warn_former(former, name, 2)
    return getattr(settings, name)


def _warn_former(former: str, name: str, stacklevel: int) -> None:
    warnings.warn(f"{former} is renamed to {name}", DeprecationWarning, stacklevel + 1)


def unknown(what: str, error: TypeError) -> InputError:
    """Return an `InputError` that reports an unknown keyword argument.

    ``what`` is the name of the function or class that was called, and ``error`` the `TypeError` that its
    settings dataclass raised.
    """
    return InputError(f"{what} has no such setting: {str(error).partition('argument ')[2] or error}")


def check(settings: "DataclassInstance") -> None:
    """Raise `InputError` for the first field whose value is outside its range or choices.

    A value is also refused if it is not finite, if it is not a number although the field has a range, if it
    is not an integer although the type of the field is int, or if it is None although neither the type nor
    the default of the field is None. Only fields declared with `option` are checked.
    """
    for field in dataclasses.fields(settings):
        value, rule = getattr(settings, field.name), field.metadata
        types = typing.get_args(field.type) or (field.type,)
        if not rule or (value is None and (field.default is None or type(None) in types)):
            continue
        flag = "--" + field.name.rstrip("_").replace("_", "-")
        if value is None:
            raise InputError(f"{flag}: needs a value")
        if rule["choices"] and value not in rule["choices"]:
            raise InputError(f"{flag}: {value!r} is not one of {', '.join(rule['choices'])}")
        if (rule["min"] is not None or rule["max"] is not None) and not isinstance(value, numbers.Real):
            raise InputError(f"{flag}: {value!r} is not a number")
        if int in types and float not in types and not isinstance(value, numbers.Integral):
            raise InputError(f"{flag}: {value!r} is not a whole number")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{flag}: {value} is not a finite number")
        if rule["min"] is not None and value < rule["min"]:
            raise InputError(f"{flag}: {value} is below {rule['min']}")
        if rule["max"] is not None and value > rule["max"]:
            raise InputError(f"{flag}: {value} is above {rule['max']}")


def to_dict(settings: "DataclassInstance") -> dict[str, Any]:
    """Return the settings as a dict of JSON-compatible values, for JSON output and checkpoints."""
    return {name: _plain(value) for name, value in dataclasses.asdict(settings).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value.value if isinstance(value, enum.Enum) else value


def as_paths(settings: "DataclassInstance", *names: str) -> None:
    """Convert the named fields of a dataclass from str to `Path`, in place, even if it is frozen.

    Call this in ``__post_init__``.
    """
    for name in names:
        if isinstance(value := getattr(settings, name), str):
            object.__setattr__(settings, name, Path(value))
