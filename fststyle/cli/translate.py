"""`fststyle translate`: train a style on a folder of paintings."""

import typer

from fststyle.cli.options import with_settings
from fststyle.cli.train import print_results, run_training
from fststyle.train.translate.settings import TranslateSettings


def register(app: typer.Typer) -> None:
    """Add the ``translate`` command group to ``app``."""
    group = typer.Typer(
        help="Train a style on a folder of paintings.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="translate", rich_help_panel="Make a style")

    @group.callback()
    def translate() -> None:
        pass

    @group.command()
    @with_settings(TranslateSettings)
    def train(settings: TranslateSettings) -> None:
        """Train a style on a folder of paintings.

        Writes NAME.onnx (for live networks also NAME-int8.onnx), the checkpoint NAME.pt and NAME-preview.jpg
        to the output folder. Ctrl-C saves a checkpoint; --resume continues from it with the same settings.
        The progress bar shows the losses: with --adversary lsgan, "discriminator" is 0.25 at chance level.
        "spread" is the contrast of the stylized images relative to that of the paintings.
        """
        out, trained = run_training("fststyle.train.translate.train", settings, settings.steps)
        print_results(out, trained)
