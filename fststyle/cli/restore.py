"""`fststyle restore`: fill cracks and missing parts of a painting."""

import functools
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from fststyle.cli import streams
from fststyle.cli.one_image import open_picture
from fststyle.cli.options import number, with_settings
from fststyle.cli.progress_bar import Bar
from fststyle.cli.train import NEEDS_TRAIN
from fststyle.errors import missing_packages
from fststyle.io.files import PIPE
from fststyle.train.restore.settings import RestoreSettings

_EXACT = (".png", ".tif", ".tiff", ".bmp", ".ppm")
"""Suffixes of the formats that are always written without loss."""


def register(app: typer.Typer) -> None:
    """Add the ``restore`` command to ``app``."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(RestoreSettings)
    def restore(
        damaged: Annotated[
            str,
            typer.Argument(
                metavar="IN", help="Image of the damaged painting, or - for stdin.", show_default=False
            ),
        ],
        settings: RestoreSettings,
        output: Annotated[
            str | None,
            typer.Option(
                "--output",
                "-o",
                help="Output file, folder, or - for stdout; default: NAME-restored in the current folder, in"
                " the format of a PNG, TIFF, BMP or PPM input, otherwise as PNG; stdout for stdin.",
            ),
        ] = None,
        quality: Annotated[int, number("Quality of JPEG, WebP, AVIF, HEIC and JPEG XL output.", 1, 100)] = 95,
    ) -> None:
        """Fill cracks and missing parts of a painting: fststyle restore damaged.png --mask mask.png

        Only the white areas of the mask change. They are optimized to match the style of their surroundings.
        All other pixels stay the same, unless the output format is lossy, such as JPEG. Ctrl-C writes the
        current state to the output file; the run cannot be resumed.
        """
        with missing_packages(NEEDS_TRAIN):
            from fststyle.train.restore.restore import restore_image
        from rich.console import Console

        from fststyle.io import images
        from fststyle.runtime.target_names import shortened

        out = Console(stderr=True, highlight=False, markup=False)
        if output is None and damaged != PIPE and Path(damaged).suffix.lower() not in _EXACT:
            output = str(shortened(Path(f"{Path(damaged).stem}-restored.png"), "-restored.png"))
        picture = open_picture(damaged, output, "restored", (settings.mask,), out)
        source, target = picture.source, picture.target
        lost = list(source.lost)

        def write(restored: "images.Picture", to: Path | BinaryIO, **options: Any) -> None:
            lost[len(source.lost) :] = images.write(restored, to, quality=quality, **options)

        bar = Bar(out, settings.iterations, "iterations")
        with bar:
            restored = restore_image(
                source,
                settings,
                on_start=functools.partial(streams.print_lines, out),
                on_progress=bar.update,
                on_preview=(lambda preview: write(preview, target)) if target else None,
            )
        if picture.stdout is not None:
            write(restored, picture.stdout, format="PNG")
            picture.stdout.flush()
        else:
            streams.print_lines(out, f"{target}  {restored.size[1]}x{restored.size[0]}")
        if lost:
            streams.print_lines(out, f"{damaged}: not in the output: {', '.join(lost)}")
