"""`fststyle bench`: measure the speed of styles on this machine."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fststyle import catalogue
from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.errors import StyleError
from fststyle.runtime.settings import SIZES, SpeedSettings

if TYPE_CHECKING:
    from fststyle.runtime.benchmark import Speed


def register(app: typer.Typer) -> None:
    """Add the ``bench`` command to ``app``."""

    @app.command(rich_help_panel="More")
    @with_settings(SpeedSettings)
    def bench(
        settings: SpeedSettings,
        styles: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="STYLE", help="Names of styles or .onnx files; default: all included styles."
            ),
        ] = None,
        size: Annotated[
            list[str] | None,
            typer.Option(
                help=f"Frame size as WIDTHxHEIGHT; repeat for several. [default: {' '.join(SIZES)}]"
            ),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the results as JSON instead of a table.")
        ] = False,
    ) -> None:
        """Measure the speed of styles, and find the largest measured frame size with at least 30 fps."""
        from rich.console import Console

        from fststyle.runtime.benchmark import measure

        names = styles or [entry.name for entry in catalogue.styles() if entry.shipped]
        if not names:
            raise StyleError("no included styles are installed; give the name of a style or an .onnx file")
        with Console(stderr=True).status("measuring") as status:
            found = list(
                measure(names, size or SIZES, settings, lambda what: status.update(f"measuring {what}"))
            )
        if as_json:
            streams.answer(
                json.dumps([{**dataclasses.asdict(speed), "fps": speed.fps} for speed in found], indent=2)
            )
        else:
            _print(found)


def _print(found: "list[Speed]") -> None:
    from rich.console import Console
    from rich.table import Table

    from fststyle.runtime.benchmark import largest_at

    sizes = list(
        dict.fromkeys(
            f"{speed.width}x{speed.height}" for speed in sorted(found, key=lambda s: s.width * s.height)
        )
    )
    rows: dict[tuple[str, str, str], dict[str, Speed]] = {}
    for speed in found:
        rows.setdefault((speed.style, speed.precision, speed.provider), {})[
            f"{speed.width}x{speed.height}"
        ] = speed
    table = Table(box=None, pad_edge=False, title="frames per second", title_justify="left")
    for heading in ("style", "precision", "runs on"):
        table.add_column(heading, overflow="fold")
    for heading in (*sizes, "30 fps at"):
        table.add_column(heading, justify="right")
    for (style, precision, provider), speeds in rows.items():
        most = largest_at(list(speeds.values()))
        figures = [f"{speeds[size].fps:.1f}" if size in speeds else "-" for size in sizes]
        table.add_row(
            style,
            precision,
            provider.removesuffix("ExecutionProvider"),
            *figures,
            f"{most.width}x{most.height}" if most else "none",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
