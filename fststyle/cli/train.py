"""`fststyle train`: one painting in, one style file out."""

import functools
import importlib
from pathlib import Path
from typing import Any

import typer

from fststyle.cli.bar import Bar
from fststyle.cli.options import with_settings
from fststyle.errors import INSTALL_TRAIN, DependencyError
from fststyle.train.style.settings import TrainSettings

NEEDS_TRAIN = f"this needs PyTorch; {INSTALL_TRAIN}"


def register(app: typer.Typer) -> None:
    """Add the verb to the program."""

    @app.command(rich_help_panel="Make a style")
    @with_settings(TrainSettings)
    def train(settings: TrainSettings) -> None:
        """Learn a painting: leaves NAME.onnx, its checkpoint NAME.pt and NAME-preview.jpg in the output
        folder.

        Every --preview-every steps there is a preview to look at. Ctrl-C saves; --resume goes on, with the
        same settings; --from NAME.pt trains on with others. The three weighted losses are shown as they are,
        "loss" is what is descended: the mean of the logarithm of their sum. Several GPUs: torchrun
        --nproc-per-node 2 -m fststyle train --style starry.jpg --batch 8
        """
        out, trained = learn("fststyle.train.style.train", settings, settings.steps)
        if trained.leads:
            tell(out, trained)


def learn(trainer: str, settings: Any, total: int) -> tuple[Any, Any]:
    """Run the `train` of a module of trainers under a bar of `total` steps or epochs; gives the console it
    spoke on, and what was trained.

    Raises `DependencyError` without PyTorch, else as the trainer does.
    """
    try:
        train = importlib.import_module(trainer).train
    except ImportError as error:
        raise DependencyError(f"{NEEDS_TRAIN} [{error}]") from error
    from rich.console import Console

    out = Console(stderr=True, highlight=False, markup=False)
    with Bar(out, total) as bar:
        return out, train(
            settings, on_message=functools.partial(out.print, soft_wrap=True), on_progress=bar.update
        )


def tell(out: Any, trained: Any) -> None:
    """What a training left, and what to do with it."""
    if trained.skipped:
        out.print(
            f"skipped as damaged or too small: {len(trained.skipped)}, the first: {trained.skipped[0]}",
            soft_wrap=True,
        )
    # Wrapped lines could not be copied.
    files = f"{trained.onnx} and {trained.int8.name}" if trained.int8.is_file() else trained.onnx
    out.print(
        f"style       {files}\ncheckpoint  {trained.checkpoint}\npreview     {trained.preview}",
        soft_wrap=True,
    )
    out.print(f"paint with  fststyle image photo.jpg --style {_typed(trained.onnx)}", soft_wrap=True)


def _typed(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
