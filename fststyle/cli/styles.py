"""`fststyle styles`: list the styles, or make a contact sheet of one photo in all styles."""

import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from fststyle import catalogue
from fststyle.cli import streams
from fststyle.cli.options import number
from fststyle.errors import BatchError, StyleError
from fststyle.io.files import refuse_overwrite


def register(app: typer.Typer) -> None:
    """Add the ``styles`` command group to ``app``."""
    group = typer.Typer(
        help="List the styles, or stylize a photo in all of them.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="styles", rich_help_panel="Stylize")

    @group.callback(invoke_without_command=True)
    def styles(
        context: typer.Context,
        as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    ) -> None:
        if context.invoked_subcommand is None:
            known = [catalogue.described(entry) for entry in catalogue.styles()]
            _json(known) if as_json else _table(known)

    @group.command()
    def sheet(
        photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="Image file of the photo.")],
        output: Annotated[
            Path, typer.Option("--output", "-o", help="Image file for the contact sheet.")
        ] = Path("sheet.jpg"),
        size: Annotated[int, number("Longer side of each image in pixels.", 64, 2048)] = 384,
        device: Annotated[str, typer.Option(help="Device; see `fststyle image --help`.")] = "auto",
    ) -> None:
        """Stylize one photo in all styles, as a labeled contact sheet."""
        from fststyle.io import images
        from fststyle.runtime.contact_sheet import contact_sheet

        refuse_overwrite((photo,), output)
        known = catalogue.styles()
        if not known:
            raise StyleError(f"no styles are installed; put .onnx files into {catalogue.user_folder()}")
        made, failed = contact_sheet(images.read(photo), known, size=size, device=device)
        images.write(made, output)
        typer.echo(streams.printable(str(output)), err=True)
        if failed:
            for error in failed:
                typer.echo(streams.problem(error), err=True)
            raise BatchError(f"{len(failed)} of {len(known)} styles failed")


def _json(known: list[catalogue.Entry]) -> None:
    streams.answer(
        json.dumps([dataclasses.asdict(entry) for entry in known], indent=2, ensure_ascii=False, default=str)
    )


def _table(known: list[catalogue.Entry]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not known:
        streams.answer(f"no styles are installed; put .onnx files into {catalogue.user_folder()}")
        return
    shown, terminal = io.StringIO(), sys.stdout.isatty()
    # The width is that of the terminal. Other outputs get a fixed width, so that lines are rarely wrapped.
    console = Console(file=shown, force_terminal=terminal, width=None if terminal else 200)
    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("style", "left"),
        ("painting", "left"),
        ("network", "left"),
        ("size", "right"),
        ("license", "left"),
    ):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for entry in known:
        table.add_row(
            entry.name,
            _credit(entry),
            " ".join((entry.network, entry.precision)).strip(),
            f"{entry.size / 1e6:.1f} MB",
            entry.license,
        )
    console.print(table)
    streams.answer(shown.getvalue().removesuffix("\n"))


def _credit(entry: catalogue.Entry) -> str:
    """Return the artist, title and year of a style's painting, as far as they are known, separated by commas.

    If none of them is known, return the path of the folder that contains the style file.
    """
    return ", ".join(part for part in (entry.artist, entry.title, entry.year) if part) or str(
        entry.path.parent
    )
