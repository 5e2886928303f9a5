"""`fststyle image`: stylize images."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.cli.progress_bar import counting
from fststyle.errors import FststyleError, InputError, OutputError
from fststyle.runtime.settings import ImageSettings

if TYPE_CHECKING:
    from fststyle.runtime.batch import Painted


def register(app: typer.Typer) -> None:
    """Add the ``image`` command to `app`."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(ImageSettings)
    def image(
        inputs: Annotated[
            list[str],
            typer.Argument(metavar="IN", help="Image files, folders, or - for stdin.", show_default=False),
        ],
        settings: ImageSettings,
        output: Annotated[
            str | None,
            typer.Option(
                "--output",
                "-o",
                help=(
                    "Output file, folder (for several inputs), or - for stdout; default: in the current"
                    " folder, NAME-STYLE.EXT for a file or the folder NAME-STYLE for a folder; stdout for"
                    " stdin."
                ),
            ),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="At the end, print the results to stdout as a JSON list.")
        ] = False,
    ) -> None:
        """Stylize images: fststyle image photo.jpg -s udnie -o stylized.jpg"""
        if output is None:
            _refuse_output_as_input(inputs)
        to_stdout = output == "-" or (output is None and inputs == ["-"])
        if as_json and to_stdout:
            raise OutputError("--json and the image cannot both be written to stdout; use -o FILE")
        stdout = (
            streams.stdout("image", "redirect it (> stylized.png) or give a file (-o)") if to_stdout else None
        )
        _stylize(inputs, output, settings, as_json, stdout)


def _refuse_output_as_input(inputs: list[str]) -> None:
    """Raise `InputError` if the second of two inputs does not exist and seems to be meant as the output.

    Other commands take the output as an argument: ``fststyle video in.mp4 out.mp4``.
    """
    *sources, last = inputs
    if len(sources) == 1 and last != "-" and Path(sources[0]).exists() and not Path(last).exists():
        raise InputError(f"{last}: no such file; to write to it: fststyle image {sources[0]} -o {last}")


def _stylize(
    inputs: list[str], output: str | None, settings: ImageSettings, as_json: bool, stdout: BinaryIO | None
) -> None:
    from rich.console import Console

    from fststyle.runtime.batch import ImageListener, Painted, stylize_files

    done: list[Painted] = []
    with counting(Console(stderr=True)) as bar:
        task = bar.add_task("stylizing", total=None)

        def on_done(painted: Painted) -> None:
            done.append(painted)
            bar.advance(task)
            if not as_json and stdout is None:
                size = f"{painted.width}x{painted.height}"
                streams.print_lines(bar.console, f"{painted.output}  {size}  {painted.seconds:.1f} s")
            if painted.lost:
                lost = f"{painted.input}: not in the output: {', '.join(painted.lost)}"
                streams.print_lines(bar.console, lost)

        def on_failed(source: str, error: FststyleError) -> None:
            streams.print_lines(bar.console, streams.problem(error))
            bar.advance(task)

        def on_skipped(pictures: int) -> None:
            if pictures:
                what = (
                    "1 image, since its output" if pictures == 1 else f"{pictures} images, since their output"
                )
                streams.print_lines(bar.console, f"skipped {what} already exists")

        listener = ImageListener(
            on_skipped=on_skipped,
            on_start=lambda pictures: bar.update(task, total=pictures),
            on_tile=lambda tile, of: bar.update(
                task, description=f"tile {tile} of {of}" if tile < of else "stylizing"
            ),
            on_done=on_done,
            on_failed=on_failed,
        )
        try:
            stylize_files(
                inputs,
                output,
                settings,
                listener=listener,
                stdin=getattr(sys.stdin, "buffer", None),
                stdout=stdout,
            )
        except FststyleError as error:
            # Print the results of a batch even if some images failed.
            if as_json and error.exit_code == 1:
                streams.result(_json(done))
            raise
    if stdout is not None:
        stdout.flush()
    if as_json:
        streams.result(_json(done))


def _json(done: "list[Painted]") -> str:
    return json.dumps([dataclasses.asdict(painted) for painted in done], indent=2, ensure_ascii=False)
