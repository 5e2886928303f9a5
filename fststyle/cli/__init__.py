"""The program `fststyle`: one module per verb, each adds itself by `register`. No logic here."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fststyle.cli import (
    bench,
    classify,
    data,
    export,
    gan,
    gatys,
    image,
    info,
    options,
    styles,
    train,
    translate,
    vae,
    video,
    webcam,
)
from fststyle.errors import InputError

__all__ = ["app", "main"]


class _Program(TyperGroup):
    """Leaves usage errors to `options.main`, which makes each the one line and exit code that every other
    error gets.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # As a path it would be the current folder, and everything in it would be painted.
        if "" in args or any(text.startswith("--") and text.endswith("=") for text in args):
            raise InputError("an empty argument was given (an unset variable of the shell?)")
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except Exception as error:
            # By what they can do, not by their class: typer has carried click inside since 0.26 or so, and
            # needed it installed before.
            message = getattr(error, "format_message", None)
            if message is None:
                if type(error).__name__ == "Abort":
                    raise KeyboardInterrupt from error
                raise
            raise InputError(_usage(message(), error)) from error
        if isinstance(code, int) and code:
            raise KeyboardInterrupt if code == 130 else SystemExit(code)
        return code


def _usage(message: str, error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')} (see {context.command_path} --help)" if context is not None else message


def _version(asked: bool) -> None:
    if asked:
        from fststyle import __version__

        typer.echo(f"fststyle {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="fststyle",
    cls=_Program,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Fast style transfer: a painting becomes a filter for photos and videos."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _verb in (
    image,
    video,
    webcam,
    gatys,
    styles,
    train,
    translate,
    gan,
    vae,
    classify,
    data,
    export,
    bench,
    info,
):
    _verb.register(app)


def main() -> None:
    """What the console script calls."""
    options.main(app)
