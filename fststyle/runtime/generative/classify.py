"""Classify images with a model from `fststyle classify train`. Does not need PyTorch."""

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
    """Class that a classifier predicts for one image.

    Attributes:
        picture: path of the image file.
        label: name of the predicted class, or its index if the model has no name for it.
        probability: predicted probability of this class, 0..1, rounded to four decimals.
    """

    picture: str
    label: str
    probability: float


def load_classifier(model: str | Path, device: str = "auto") -> Model:
    """Load a classifier, given by the name of an included model or the path of an .onnx file.

    See `Model` for ``device`` and the errors.
    """
    return Model(model, ("classifier",), "frame", ("logits", "features"), device)


def classify(picture: str | Path, classifier: Model) -> Prediction:
    """Classify the center square of an image file. Transparent areas are composited on white.

    Raises `InputError` if the file cannot be read, `DependencyError` if the package for its format is not
    installed, and `StyleError` if the network fails or the input of the model is not a square RGB image.
    """
    logits = classifier(center_square(images.read(picture).opaque, classifier))[0][0].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    names = classifier.classes
    return Prediction(
        str(picture), names[best] if best < len(names) else str(best), round(float(shares[best]), 4)
    )


def evaluate(classifier: Model, test: Dataset) -> NDArray[np.int64]:
    """Compute the confusion matrix of a classifier on a test set.

    Returns int64 (C, C): entry (i, j) is the number of images of class i that are predicted as class j. The
    classes are numbered as in the classifier. The classes of the test set are matched with these by name, or
    by index if their names are numbers.

    Raises `InputError` if there are no images, they have no labels, or their classes or their size differ
    from those of the classifier, and `StyleError` if the network fails.
    """
    if not len(test):
        raise InputError("there are no test images")
    count = len(classifier.classes)
    if test.labels is None:
        raise InputError(
            "the test images have no classes; put the images of each class into a separate subfolder, or add"
            " the label file of an IDX dataset"
        )
    if len(test.classes) != count:
        raise InputError(f"{classifier.name} has {count} classes, but the images have {len(test.classes)}")
    labels = test.labels
    if set(test.classes) == set(classifier.classes):
        labels = np.array([classifier.classes.index(name) for name in test.classes])[labels]
    elif not all(name.isdigit() for name in test.classes):  # numbers are matched by index
        raise InputError(
            f"{classifier.name} has the classes {', '.join(classifier.classes)}, but the images have"
            f" {', '.join(test.classes)}"
        )
    logits = classifier(test.rgb.repeat(3 // test.channels, axis=3))[0]
    counts = np.zeros((count, count), np.int64)
    np.add.at(counts, (labels, logits.argmax(1)), 1)
    return counts
