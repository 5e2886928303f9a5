"""The command-line program `fststyle`. Each command is a module with a function `register`."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fststyle.cli import (
    bench,
    classify,
    data,
    export,
    export_web,
    gan,
    gatys,
    image,
    info,
    keyframe,
    options,
    restore,
    serve,
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
    """Typer group that contains all commands of the program.

    It raises usage errors as `InputError`, so that `options.main` reports them like all other errors.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # An empty path is the current folder, so all images in it would be stylized.
        if "" in args or any(text.startswith("--") and text.endswith("=") for text in args):
            raise InputError("an argument is empty (is a shell variable unset?)")
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the command names in the order of `_COMMANDS`.

        By default, typer lists groups such as ``gan`` last.
        """
        names = [module.__name__.rpartition(".")[2].replace("_", "-") for module in _COMMANDS]
        return sorted(super().list_commands(ctx), key=names.index)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except Exception as error:
            # Duck typing, since typer vendors click from about version 0.26 on.
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
    """Return the message of a usage error. If the command is known, the message says how to show its help."""
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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Fast style transfer for images, videos and webcams."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_COMMANDS = (
    image,
    video,
    webcam,
    serve,
    gatys,
    restore,
    styles,
    train,
    keyframe,
    translate,
    gan,
    vae,
    classify,
    data,
    export,
    export_web,
    bench,
    info,
)
for _command in _COMMANDS:
    _command.register(app)
options.unwrap_help(app)


def main() -> None:
    """Run the program with the command-line arguments of the process. See `options.main`."""
    options.main(app)
