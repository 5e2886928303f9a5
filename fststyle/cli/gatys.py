"""`fststyle gatys`: style transfer by optimization."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.one_image import open_picture
from fststyle.cli.options import number, with_settings
from fststyle.cli.progress_bar import Bar
from fststyle.cli.train import NEEDS_TRAIN
from fststyle.errors import missing_packages
from fststyle.train.style.gatys_settings import GatysSettings

if TYPE_CHECKING:
    from fststyle.train.loop import Progress


def register(app: typer.Typer) -> None:
    """Add the ``gatys`` command to ``app``."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(GatysSettings)
    def gatys(
        content: Annotated[
            str,
            typer.Argument(
                metavar="CONTENT", help="Content image (the photo), or - for stdin.", show_default=False
            ),
        ],
        style: Annotated[
            str,
            typer.Argument(
                metavar="STYLE",
                help="Style image (the painting), or several with weights: a.jpg:0.7,b.jpg:0.3.",
                show_default=False,
            ),
        ],
        output: Annotated[
            str,
            typer.Argument(
                metavar="OUT",
                help="Output file, folder, or - for stdout.",
                show_default=False,
            ),
        ],
        settings: GatysSettings,
        quality: Annotated[int, number("Quality of JPEG, WebP, AVIF, HEIC and JPEG XL output.", 1, 100)] = 95,
    ) -> None:
        """Stylize one image without training: fststyle gatys photo.jpg painting.jpg out.png

        Optimizes the pixels to match the content of the photo and the style of the painting (Gatys et al.
        2016). This is much slower than a trained style. An output file is updated every --preview-every
        iterations, and Ctrl-C saves the current image to it.
        """
        with missing_packages(NEEDS_TRAIN):
            from fststyle.train.style.gatys import optimize_image, paintings
        from rich.console import Console

        from fststyle.io import images

        out = Console(stderr=True, highlight=False, markup=False)
        picture = open_picture(content, output, "gatys", (path for path, _ in paintings(style)), out)
        done, last = 0, ""

        def keep(now: "Progress") -> None:
            nonlocal done
            done = now.step
            bar.update(now)

        def write(target: Path, painted: "images.Picture") -> None:
            nonlocal last
            images.write(painted, target, quality=quality)
            last = f"{target}  {painted.size[1]}x{painted.size[0]}  {done} iteration{'s' * (done != 1)}"

        bar = Bar(out, settings.iterations * settings.scales, "iterations")
        try:
            with bar:
                painted = optimize_image(
                    picture.source,
                    style,
                    settings,
                    on_start=functools.partial(streams.print_lines, out),
                    on_progress=keep,
                    on_preview=functools.partial(write, picture.target) if picture.target else None,
                )
        finally:
            if last:
                streams.print_lines(out, last)
        if picture.stdout is not None:
            images.write(painted, picture.stdout, format="PNG")
            picture.stdout.flush()
