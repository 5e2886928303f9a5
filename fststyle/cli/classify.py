"""`fststyle classify`: train, test and run a small classifier."""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.cli.train import run_training
from fststyle.errors import BatchError, InputError
from fststyle.io.files import refuse_overwrite
from fststyle.train.generative.settings import ClassifySettings


def register(app: typer.Typer) -> None:
    """Add the ``classify`` command group to `app`."""
    group = typer.Typer(
        help="Train, test and run a small image classifier.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.add_typer(group, name="classify", rich_help_panel="Generate")

    @group.command()
    @with_settings(ClassifySettings)
    def train(settings: ClassifySettings) -> None:
        """Train a classifier.

        Writes NAME.onnx, the checkpoint NAME.pt and NAME-preview.png (the confusion matrix) to the output
        folder. The accuracy on the test images is printed after each epoch. Ctrl-C saves a checkpoint;
        --resume continues from it.
        """
        out, trained = run_training("fststyle.train.generative.classifier", settings, settings.epochs)
        streams.print_lines(out, f"classifier  {trained.onnx}", f"checkpoint  {trained.checkpoint}")
        streams.print_lines(out, f"confusion   {trained.preview}")

    @group.command()
    def test(
        model: Annotated[
            str, typer.Argument(metavar="MODEL", help="Classifier: an .onnx file, or an included model.")
        ],
        data: Annotated[
            str, typer.Option(help="Labeled test images; see --data of `fststyle classify train`.")
        ],
        output: Annotated[
            Path | None,
            typer.Option("--output", "-o", help="Image file for a plot of the confusion matrix."),
        ] = None,
        download: Annotated[
            bool,
            typer.Option(
                "--download",
                help="Download mnist or fashion-mnist if it is not in the cache folder; needs torchvision.",
            ),
        ] = False,
        as_json: Annotated[
            bool,
            typer.Option(
                "--json",
                help="Print the result as JSON; confusion has one row per true class and one column per"
                " predicted class.",
            ),
        ] = False,
    ) -> None:
        """Measure the accuracy on a test set. Needs no PyTorch.

        For MNIST, Fashion-MNIST and IDX files, the test images are used. For a folder, all images are used,
        unless the classifier was trained on this folder: then only the images that were held out in training
        are used (every tenth).
        """
        from fststyle.io import dataset, grids, images
        from fststyle.runtime.generative.classify import evaluate, load_classifier

        if output:
            refuse_overwrite(itertools.chain([model], Path(data).rglob("*")), output)
        classifier = load_classifier(model)
        learned, tested = dataset.load(data, classifier.shape[0], download)
        if tested.held_out and classifier.metadata.get("data_sha256") != learned.sha256():
            tested = dataset.joined(learned, tested)
        counts = evaluate(classifier, tested)
        accuracy = float(counts.trace() / counts.sum())
        if output:
            images.write(grids.confusion(counts, classifier.classes), output)
        result = {
            "model": classifier.name,
            "pictures": int(counts.sum()),
            "accuracy": accuracy,
            "classes": classifier.classes,
            "confusion": counts.tolist(),
        }
        part = (
            f" (every {dataset.HOLD_OUT}th image of {data}, held out in training)" if tested.held_out else ""
        )
        streams.answer(
            json.dumps(result)
            if as_json
            else f"{accuracy:.2%} of {counts.sum()} images are classified correctly{part}"
        )

    @group.command()
    def run(
        model: Annotated[
            str, typer.Argument(metavar="MODEL", help="Classifier: an .onnx file, or an included model.")
        ],
        inputs: Annotated[list[Path], typer.Argument(metavar="IN", help="Image files or folders.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    ) -> None:
        """Classify the center squares of images. Needs no PyTorch."""
        from fststyle.io import images
        from fststyle.runtime.generative.classify import classify, load_classifier

        classifier = load_classifier(model)
        files: list[Path] = []
        answers, failed = [], []
        for given in inputs:
            try:
                files += images.find(given) if given.is_dir() else [given]
            except InputError as error:
                if len(inputs) == 1:
                    raise
                failed.append(error)
        for path in files:
            try:
                answers.append(classify(path, classifier))
            except InputError as error:
                if len(files) + len(failed) == 1:
                    raise
                failed.append(error)
        if as_json:
            streams.answer(json.dumps([dataclasses.asdict(answer) for answer in answers], indent=1))
        else:
            for answer in answers:
                picture, label = streams.printable(str(answer.picture)), streams.printable(answer.label)
                streams.answer(f"{picture}\t{label}\t{answer.probability:.1%}")
        for failure in failed:
            streams.note(streams.problem(failure))
        if failed:
            raise BatchError(f"{len(failed)} of {len(answers) + len(failed)} images or folders failed")
