"""`fststyle gan`: train and sample generative adversarial networks (GANs)."""

import math
from pathlib import Path
from typing import Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.options import number, with_settings
from fststyle.cli.train import run_training
from fststyle.errors import OutputError
from fststyle.io.files import refuse_overwrite
from fststyle.train.generative.settings import GanSettings

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Generator: an .onnx file, or the name of an included model (see `fststyle info`).",
    ),
]
Seed = Annotated[int, number("Seed of the latent vectors.", 0)]
Truncation = Annotated[
    float | None,
    typer.Option(
        help=(
            "Truncation of the latent distribution: values with a larger magnitude are resampled, so that"
            " unusual images are rarer. From 0.05; default: no truncation."
        ),
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the ``gan`` command group to ``app``."""
    group = typer.Typer(
        help="Train a GAN, sample it, and interpolate in its latent space.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="gan", rich_help_panel="Generate")

    @group.command()
    @with_settings(GanSettings)
    def train(settings: GanSettings) -> None:
        """Train a GAN.

        Writes NAME.onnx, the checkpoint NAME.pt and NAME-preview.png (samples of fixed latent vectors) to the
        output folder. In the progress bar, "spread" is the diversity of the generated images relative to that
        of the real images; a value near 0 means mode collapse. Ctrl-C saves a checkpoint; --resume continues
        from it.
        """
        out, trained = run_training("fststyle.train.generative.gan", settings, settings.steps)
        streams.print_lines(out, f"generator   {trained.onnx}", f"checkpoint  {trained.checkpoint}")
        streams.print_lines(out, f"preview     {trained.preview}")

    add_sample(group, "gan")

    @group.command()
    def walk(
        model: Model,
        output: Annotated[
            Path,
            typer.Argument(
                metavar="OUT",
                help="Output file: a video (.mp4 .mov .mkv .webm) or an animation (.gif .webp .png).",
            ),
        ],
        seconds: Annotated[float, number("Duration in seconds.", 0.1, 3600)] = 8.0,
        fps: Annotated[int, number("Frames per second.", 1, 120)] = 24,
        keys: Annotated[int, number("Number of latent vectors on the path.", 2, 1000)] = 6,
        side: Annotated[
            int,
            number("Minimum side of the frames in pixels; smaller frames are enlarged.", 16, 4096),
        ] = 256,
        seed: Seed = 0,
        truncation: Truncation = None,
    ) -> None:
        """Render a smooth, looping walk through the latent space as a video or an animation.

        Needs no PyTorch.
        """
        from fststyle.cli.progress_bar import counted
        from fststyle.runtime.generative import latents
        from fststyle.runtime.generative.sample import Generator, supported_fps, write_animation

        refuse_overwrite((model,), output)
        generator = Generator(model, ("gan",))
        fps = supported_fps(output, fps)
        path = latents.walk(
            latents.sample(keys, generator.latent, seed, truncation), max(2, round(seconds * fps))
        )
        write_animation(counted(generator.stream(path), len(path), "frames"), output, fps, side)
        typer.echo(streams.printable(str(output)), err=True)


def add_sample(group: typer.Typer, kind: str) -> None:
    """Add the ``sample`` command to ``group``.

    The command accepts only model files of the given ``kind``, which is "gan" or "vae".
    """

    @group.command()
    def sample(
        model: Model,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help=(
                    "Image file for the grid, or folder for single images; default: NAME-samples.png, or the"
                    " folder NAME-samples with --single."
                ),
            ),
        ] = None,
        count: Annotated[int, number("Number of images.", 1, 100_000)] = 64,
        seed: Seed = 0,
        truncation: Truncation = None,
        single: Annotated[
            bool, typer.Option("--single", help="Write one file per image instead of a grid.")
        ] = False,
    ) -> None:
        """Generate images, as a grid or as single files. Needs no PyTorch."""
        import numpy as np

        from fststyle.cli.progress_bar import counted
        from fststyle.io import grids, images
        from fststyle.runtime.generative import latents
        from fststyle.runtime.generative.sample import Generator

        generator = Generator(model, (kind,))
        output = output or Path(f"{generator.name}-samples{'' if single else '.png'}")
        if single and output.suffix.lower() in images.WRITABLE:
            raise OutputError(f"{output}: is an image file name; --single needs a folder")
        refuse_overwrite((model,), output)
        pictures = counted(
            generator.stream(latents.sample(count, generator.latent, seed, truncation)), count, "images"
        )
        if single:
            for number, picture in enumerate(pictures):
                images.write(grids.still(picture), output / f"{generator.name}-{seed}-{number:05}.png")
        else:
            drawn = np.stack(list(pictures))
            images.write(
                grids.tiled(drawn, math.ceil(math.sqrt(count)), max(1, 64 // drawn.shape[1])), output
            )
        typer.echo(streams.printable(str(output)), err=True)
