"""Generate typer options from settings dataclasses, and report errors as one line and an exit code."""

import dataclasses
import functools
import inspect
import io
import re
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from fststyle.cli import streams
from fststyle.errors import FststyleError, InputError
from fststyle.settings import check


def with_settings(settings_type: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of a settings dataclass to a command.

    Each field that is declared with `fststyle.settings.option` becomes an option. If a field was renamed, its
    former name becomes a hidden option. The command is called with the checked settings as its argument
    ``settings``.
    """

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(settings_type)
        fields = [field for field in dataclasses.fields(settings_type) if field.metadata]
        parameters = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
                annotation=Annotated[hints[field.name], _option(field)],
            )
            for field in fields
        ]
        former = [field for field in fields if field.metadata["former"]]
        parameters += [_former_parameter(field, hints) for field in former]
        own = inspect.signature(command)
        kept = [p for name, p in own.parameters.items() if name != "settings"]

        @functools.wraps(command)
        def run(*args: Any, **kwargs: Any) -> None:
            for field in former:
                _take_former(field, kwargs)
            settings = settings_type(**{field.name: kwargs.pop(field.name) for field in fields})
            check(settings)
            command(*args, **kwargs, settings=settings)

        annotations = {p.name: p.annotation for p in [*kept, *parameters]}
        named = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept]
        run.__signature__ = own.replace(parameters=[*named, *parameters])  # type: ignore[attr-defined]
        run.__annotations__ = {**annotations, "return": None}
        return run

    return wrap


def unwrap_help(app: typer.Typer) -> None:
    """Set the help text of each command to its docstring, without the line breaks within paragraphs.

    typer would print these line breaks and also wrap the lines at the width of the terminal. Indented lines,
    such as examples, remain separate lines.
    """
    for command in app.registered_commands:
        command.help = _unwrapped(inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            unwrap_help(group.typer_instance)


def _unwrapped(text: str) -> str:
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text)


def _option(field: "dataclasses.Field[Any]") -> Any:
    rule = field.metadata
    text = rule["help"] + (f" One of: {', '.join(rule['choices'])}." if rule["choices"] else "")
    name = field.name.rstrip("_").replace("_", "-")
    flags = rule["flags"] or (
        (f"--{name}/--no-{name}",) if isinstance(field.default, bool) else (f"--{name}",)
    )
    text += _range(rule["min"], rule["max"])
    return typer.Option(
        *flags, help=text, show_default=field.default is not None and field.default is not dataclasses.MISSING
    )


def number(help: str, minimum: float, maximum: float | None = None) -> Any:
    """Return a typer option for a number within a range. The range is appended to the text ``help``.

    Use it for a value that is not a field of a settings dataclass. If the user gives a value outside the
    range, the command raises `InputError` with the same message as `fststyle.settings.check`.
    """

    def check_range(value: float, parameter: typer.CallbackParam) -> float:
        flag = parameter.opts[0]
        if value < minimum:
            raise InputError(f"{flag}: {value} is below {minimum}")
        if maximum is not None and value > maximum:
            raise InputError(f"{flag}: {value} is above {maximum}")
        return value

    return typer.Option(help=help + _range(minimum, maximum), callback=check_range)


def _range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return ""
    return f" From {minimum:.9g}" + (f" to {maximum:.10g}." if maximum is not None else ".")


def _former_parameter(field: "dataclasses.Field[Any]", hints: dict[str, Any]) -> inspect.Parameter:
    """Return the parameter for the hidden option with a field's former name. Its default is None."""
    former = field.metadata["former"]
    option = typer.Option(f"--{former.replace('_', '-')}", hidden=True)
    return inspect.Parameter(
        former,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[hints[field.name] | None, option],
    )


def _take_former(field: "dataclasses.Field[Any]", values: dict[str, Any]) -> None:
    """Move a field's value in ``values`` from its former to its current name, and print a deprecation note.

    If the former option was not given, its entry, which is None, is only removed. Raises `InputError` if it
    was given and the current option also has a value other than its default.
    """
    former = field.metadata["former"]
    value = values.pop(former)
    if value is None:
        return
    old, new = (f"--{name.replace('_', '-')}" for name in (former, field.name))
    if values[field.name] != field.default:
        raise InputError(f"{old} is the former name of {new}; give only {new}")
    streams.note(f"fststyle: {old} is deprecated; use {new}")
    values[field.name] = value


def main(app: typer.Typer) -> None:
    """Run the program ``app``. Prints an `FststyleError` as one line on stderr, and exits with its exit code.

    An `OSError` is also printed as one line, with exit code 2; a `BrokenPipeError` and other exceptions
    propagate. Warnings are hidden unless Python is started with -W or PYTHONWARNINGS. A closed stdout or
    stderr is replaced (`fststyle.cli.streams.replace_closed_streams`).
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # escape characters that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    streams.replace_closed_streams()
    try:
        app()
    except FststyleError as error:
        sys.stderr.write(f"{streams.problem(error)}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        raise
    except OSError as error:  # for example, a file name is too long, or permissions are missing
        place = f"{error.filename}: " if error.filename else ""
        streams.note(f"fststyle: {place}{error.strerror or error}")
        sys.exit(InputError.exit_code)
