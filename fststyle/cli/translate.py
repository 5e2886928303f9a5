"""`fststyle translate`: a folder of paintings in, a style file out."""

import typer

from fststyle.cli.options import with_settings
from fststyle.cli.train import learn, tell
from fststyle.train.translate.settings import TranslateSettings


def register(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verb = typer.Typer(
        help="Learn a whole body of work as a style, from a folder of paintings.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(verb, name="translate", rich_help_panel="Make a style")

    @verb.callback()
    def translate() -> None:
        pass

    @verb.command()
    @with_settings(TranslateSettings)
    def train(settings: TranslateSettings) -> None:
        """Learn to turn photos into paintings: leaves NAME.onnx (and NAME-int8.onnx), its checkpoint NAME.pt
        and NAME-preview.jpg in the output folder.

        A generator paints, a discriminator learns to tell its pictures from the paintings. Ctrl-C saves;
        --resume goes on, with the same settings. "critic" is the discriminator's loss (lsgan: a quarter where
        it can tell nothing), "spread" the contrast of what is painted over that of the paintings.
        """
        out, trained = learn("fststyle.train.translate.train", settings, settings.steps)
        tell(out, trained)
