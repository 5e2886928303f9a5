"""`fststyle keyframe`: train a style on one or a few painted frames of a shot."""

from typing import Annotated

import typer

from fststyle.cli.options import with_settings
from fststyle.cli.train import JSON_LINES, print_results, run_training, run_training_json
from fststyle.train.keyframe.settings import KeyframeSettings

_TRAINER = "fststyle.train.keyframe.train"


def register(app: typer.Typer) -> None:
    """Add the ``keyframe`` command group to ``app``."""
    group = typer.Typer(
        help="Train a style on painted frames of a shot.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="keyframe", rich_help_panel="Make a style")

    @group.callback()
    def keyframe() -> None:
        pass

    @group.command()
    @with_settings(KeyframeSettings)
    def train(
        settings: KeyframeSettings,
        as_json: Annotated[
            bool,
            typer.Option("--json-lines", help=JSON_LINES),
        ] = False,
    ) -> None:
        """Train a style on one or a few painted frames of a shot.

        Paint over a frame of the shot, for example frame_012.png, on paper or in any program. Then run:

          fststyle keyframe train --frames shot/ --painted frame_012.png
          fststyle video shot/ out.mp4 --style frame-012.onnx

        Writes NAME.onnx, NAME-int8.onnx, the checkpoint NAME.pt and NAME-preview.jpg to the output folder.
        Ctrl-C saves a checkpoint; --resume continues from it with the same settings.
        """
        if as_json:
            run_training_json(_TRAINER, settings)
            return
        out, trained = run_training(_TRAINER, settings, settings.steps)
        print_results(out, trained)
