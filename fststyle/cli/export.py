"""`fststyle export`: export a checkpoint to ONNX."""

from pathlib import Path
from typing import Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.cli.train import NEEDS_TRAIN
from fststyle.errors import missing_packages
from fststyle.export.settings import ExportSettings


def register(app: typer.Typer) -> None:
    """Add the ``export`` command to ``app``."""

    @app.command(rich_help_panel="Make a style")
    @with_settings(ExportSettings)
    def export(
        checkpoint: Annotated[
            Path, typer.Argument(metavar="CHECKPOINT", help="The checkpoint to export, a .pt file.")
        ],
        settings: ExportSettings,
    ) -> None:
        """Export a checkpoint of a style, generator or classifier to an ONNX file.

        The exported graph is compared with the PyTorch network before the file is written. Training need not
        be finished. The encoder of a VAE is written to NAME-encoder.onnx, next to the decoder NAME.onnx.
        Existing files are replaced.
        """
        with missing_packages(NEEDS_TRAIN):
            from fststyle.train.export import export_checkpoint
        path, parity = export_checkpoint(checkpoint, settings)
        if "psnr" in parity:
            difference = f"PSNR relative to the network {parity['psnr']:.1f} dB on photos"
        elif "mean" in parity:
            difference = (
                f"differs from the network by at most {parity['largest']:.0f} of 255 (mean"
                f" {parity['mean']:.3f})"
            )
        else:
            difference = f"differs from the network by at most {parity['largest']:.2g}"
        typer.echo(streams.printable(f"{path}  {settings.precision}, {difference}"))
