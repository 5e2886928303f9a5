"""`fststyle train`: train a style on one painting."""

import dataclasses
import functools
import importlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.cli.progress_bar import Bar
from fststyle.errors import INSTALL_TRAIN, missing_packages
from fststyle.train.style.settings import TrainSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.console import Console

    from fststyle.train.results import Trained


NEEDS_TRAIN = f"this command needs PyTorch and other packages; {INSTALL_TRAIN}"
JSON_LINES = "Print messages, the losses of each step, and finally the results to stdout as JSON lines."


def register(app: typer.Typer) -> None:
    """Add the ``train`` command to ``app``."""

    @app.command(rich_help_panel="Make a style")
    @with_settings(TrainSettings)
    def train(
        settings: TrainSettings,
        as_json: Annotated[
            bool,
            typer.Option("--json-lines", help=JSON_LINES),
        ] = False,
    ) -> None:
        """Train a style on one painting: fststyle train --style painting.jpg

        Writes NAME.onnx (for live networks also NAME-int8.onnx), the checkpoint NAME.pt and NAME-preview.jpg
        to the output folder; the preview is updated every --preview-every steps. Ctrl-C saves a checkpoint:
        --resume continues from it with the same settings, and --from NAME.pt starts a new training run from
        it. The progress bar shows the weighted losses; "loss" is the minimized value, which is the log of
        their sum, averaged over the batch.

        To train on several GPUs:

          torchrun --nproc-per-node 2 -m fststyle train --style painting.jpg --batch 8
        """
        if as_json:
            run_training_json("fststyle.train.style.train", settings)
            return
        out, trained = run_training("fststyle.train.style.train", settings, settings.steps)
        if trained.leads:
            print_results(out, trained)


def run_training(trainer: str, settings: "DataclassInstance", total: int) -> "tuple[Console, Any]":
    """Run the function ``train`` of the module ``trainer``, with a progress bar on stderr.

    Returns the console of the progress bar, for further messages, and the return value of the function.
    Raises `DependencyError` if a package that training needs is not installed, and the errors of the
    function.

    Args:
        trainer: full name of the module.
        settings: the settings for the function.
        total: number of steps that the progress bar shows until the first progress report, whose
            `fststyle.train.loop.Progress.steps` replaces it.
    """
    train = _trainer(trainer)
    from rich.console import Console

    out = Console(stderr=True, highlight=False, markup=False)
    with Bar(out, total) as bar:
        return out, train(
            settings, on_message=functools.partial(streams.print_lines, out), on_progress=bar.update
        )


def run_training_json(trainer: str, settings: "DataclassInstance") -> None:
    """Run the function ``train`` of the module ``trainer``, and print its progress as JSON lines to stdout.

    Each line is a JSON object. A message is printed as ``{"message": ...}``. After each step, the object
    contains the fields of `fststyle.train.loop.Progress`. The last object contains the fields of
    `fststyle.train.results.Trained`; it is printed only if this process has written the files.

    Raises the same errors as `run_training`.
    """

    def show(**values: Any) -> None:
        sys.stdout.write(json.dumps(values, default=str) + "\n")
        sys.stdout.flush()

    trained = _trainer(trainer)(
        settings,
        on_message=lambda text: show(message=text),
        on_progress=lambda now: show(**dataclasses.asdict(now)),
    )
    if trained.leads:
        show(**dataclasses.asdict(trained))


def _trainer(module: str) -> Any:
    with missing_packages(NEEDS_TRAIN):
        imported = importlib.import_module(module)
    return imported.train


def print_results(out: "Console", trained: "Trained") -> None:
    """Print the number of skipped files, the output files of a training run, and a command that uses the
    style.
    """
    if trained.skipped:
        count, first = len(trained.skipped), trained.skipped[0]
        files = "file that is" if count == 1 else "files that are"
        which = "" if count == 1 else "the first is "
        streams.print_lines(out, f"skipped {count} {files} damaged or too small: {which}{first}")
    files = f"{trained.onnx} and {trained.int8.name}" if trained.int8.is_file() else str(trained.onnx)
    streams.print_lines(out, f"style       {files}", f"checkpoint  {trained.checkpoint}")
    streams.print_lines(out, f"preview     {trained.preview}")
    streams.print_lines(out, f"stylize     fststyle image photo.jpg --style {_typed(trained.onnx)}")


def _typed(path: Path) -> str:
    return shlex.quote(str(path))
