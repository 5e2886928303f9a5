"""`fststyle vae`: train and sample variational autoencoders (VAEs), and reconstruct and morph images."""

from pathlib import Path
from typing import Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.gan import Model, add_sample
from fststyle.cli.options import number, with_settings
from fststyle.cli.train import run_training
from fststyle.errors import InputError
from fststyle.io.files import refuse_overwrite
from fststyle.train.generative.settings import VaeSettings

Decoder = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help=(
            "VAE: a file NAME.onnx with NAME-encoder.onnx in the same folder, or the name of an included"
            " model (see `fststyle info`)."
        ),
    ),
]


def register(app: typer.Typer) -> None:
    """Add the ``vae`` command group to ``app``."""
    group = typer.Typer(
        help="Train a VAE, sample it, and reconstruct or morph images with it.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="vae", rich_help_panel="Generate")

    @group.command()
    @with_settings(VaeSettings)
    def train(settings: VaeSettings) -> None:
        """Train a VAE.

        Writes NAME.onnx (decoder), NAME-encoder.onnx, the checkpoint NAME.pt and NAME-preview.png to the
        output folder. The mean evidence lower bound (ELBO) of the test images, in nats, is printed after each
        epoch. Ctrl-C saves a checkpoint; --resume continues from it.
        """
        out, trained = run_training("fststyle.train.generative.vae", settings, settings.epochs)
        streams.print_lines(out, f"decoder     {trained.onnx}", f"encoder     {trained.encoder}")
        streams.print_lines(out, f"checkpoint  {trained.checkpoint}", f"preview     {trained.preview}")

    add_sample(group, "vae")

    @group.command()
    def reconstruct(
        picture: Annotated[
            Path,
            typer.Argument(metavar="IMAGE", help="Image file. Its center square is used."),
        ],
        model: Decoder,
        output: Annotated[
            Path,
            typer.Option(
                "--output", "-o", help="Image file for the original and its reconstruction, side by side."
            ),
        ] = Path("reconstructed.png"),
    ) -> None:
        """Reconstruct an image, and write the original and the reconstruction side by side.

        Needs no PyTorch.
        """
        import numpy as np

        from fststyle.io import grids, images
        from fststyle.runtime.generative.sample import Encoder, Generator

        refuse_overwrite((picture, model), output)
        decoder = Generator(model, ("vae",))
        seen, latent = Encoder(decoder).read(picture)
        images.write(
            grids.tiled(np.stack([seen, decoder.draw(latent[None])[0]]), 2, max(1, 256 // len(seen))), output
        )
        typer.echo(streams.printable(str(output)), err=True)

    @group.command()
    def morph(
        first: Annotated[Path, typer.Argument(metavar="FIRST", help="Image file to start from.")],
        second: Annotated[Path, typer.Argument(metavar="LAST", help="Image file to end with.")],
        output: Annotated[
            Path,
            typer.Argument(
                metavar="OUT",
                help="Output file: an animation (.gif .webp .png) or a video (.mp4 .mov .mkv .webm).",
            ),
        ],
        model: Decoder,
        seconds: Annotated[float, number("Duration in seconds.", 0.1, 600)] = 3.0,
        fps: Annotated[int, number("Frames per second.", 1, 120)] = 20,
        side: Annotated[
            int,
            number("Minimum side of the frames in pixels; smaller frames are enlarged.", 16, 4096),
        ] = 256,
    ) -> None:
        """Morph one image into another along a path in the latent space. Needs no PyTorch."""
        import numpy as np

        from fststyle.cli.progress_bar import counted
        from fststyle.runtime.generative import latents
        from fststyle.runtime.generative.sample import Encoder, Generator, supported_fps, write_animation

        refuse_overwrite((first, second, model), output)
        decoder = Generator(model, ("vae",))
        encoder = Encoder(decoder)
        ends = np.stack([encoder.read(picture)[1] for picture in (first, second)])
        fps = supported_fps(output, fps)
        path = latents.walk(ends, max(2, round(seconds * fps)), closed=False)
        write_animation(counted(decoder.stream(path), len(path), "frames"), output, fps, side)
        typer.echo(streams.printable(str(output)), err=True)

    @group.command()
    def grid(
        model: Model,
        output: Annotated[Path, typer.Option("--output", "-o", help="Image file for the grid.")] = Path(
            "grid.png"
        ),
        columns: Annotated[int, number("Images per row and per column.", 2, 100)] = 20,
    ) -> None:
        """Draw a grid of images that covers a two-dimensional latent space. Needs no PyTorch."""
        from fststyle.io import grids, images
        from fststyle.runtime.generative import latents
        from fststyle.runtime.generative.sample import Generator

        refuse_overwrite((model,), output)
        decoder = Generator(model, ("vae",))
        if decoder.latent != 2:
            raise InputError(
                f"{model}: has {decoder.latent} latent dimension{'s' * (decoder.latent != 1)}; a grid needs"
                " two"
            )
        images.write(
            grids.tiled(
                decoder.draw(latents.grid(columns)),
                columns,
                max(1, 40 // int(decoder.draw(latents.grid(1)).shape[1])),
            ),
            output,
        )
        typer.echo(streams.printable(str(output)), err=True)
