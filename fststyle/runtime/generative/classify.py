"""Classify pictures with a model of `fststyle classify train`. Needs no PyTorch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.dataset import Dataset
from fststyle.runtime.generative.model import Model, center_square


@dataclass(frozen=True)
class Prediction:
    """The predicted class of a picture and its ``probability``, 0..1."""

    picture: str
    label: str
    probability: float


def load_classifier(model: str | Path, device: str = "auto") -> Model:
    """Load a classifier by name or path. Raises the errors of `Model`."""
    return Model(model, ("classifier",), "frame", ("logits", "features"), device)


def classify(picture: str | Path, classifier: Model) -> Prediction:
    """Classify an image file. Raises `InputError` for a file that cannot be read."""
    logits = classifier(center_square(images.read(picture).opaque, classifier))[0][0].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    names = classifier.classes
    return Prediction(
        str(picture), names[best] if best < len(names) else str(best), round(float(shares[best]), 4)
    )


def evaluate(classifier: Model, test: Dataset) -> NDArray[np.int64]:
    """The confusion matrix, int64 (classes, classes): rows are true classes, columns are predictions.

    Raises `InputError` for pictures without labels, with other classes or of another size.
    """
    if not len(test):
        raise InputError("there are no test pictures")
    count = len(classifier.classes)
    if test.labels is None:
        raise InputError("the pictures have no classes; put each class into a subfolder")
    if len(test.classes) != count:
        raise InputError(f"{classifier.name} has {count} classes, the pictures have {len(test.classes)}")
    labels = test.labels
    if set(test.classes) == set(classifier.classes):
        labels = np.array([classifier.classes.index(name) for name in test.classes])[labels]
    elif not all(name.isdigit() for name in test.classes):  # numbers match any names
        raise InputError(
            f"{classifier.name} has the classes {', '.join(classifier.classes)}; the pictures have"
            f" {', '.join(test.classes)}"
        )
    logits = classifier(test.rgb.repeat(3 // test.channels, axis=3))[0]
    counts = np.zeros((count, count), np.int64)
    np.add.at(counts, (labels, logits.argmax(1)), 1)
    return counts
