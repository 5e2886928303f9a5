"""Classify pictures with a file that `fststyle classify train` made, without torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.dataset import Pictures
from fststyle.runtime.generative.model import Model, frames_of


@dataclass(frozen=True)
class Answer:
    """What a picture was taken for, and how surely: ``probability`` of 0..1."""

    picture: str
    label: str
    probability: float


def load_classifier(model: str | Path, device: str = "auto") -> Model:
    """A classifier by name or path; see `Model` for the errors."""
    return Model(model, ("classifier",), "frame", ("logits", "features"), device)


def classify(picture: str | Path, classifier: Model) -> Answer:
    """What one image file shows. Raises `InputError` for a file that cannot be read."""
    logits = classifier(frames_of(images.read(picture).opaque, classifier))[0][0].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    names = classifier.classes
    return Answer(
        str(picture), names[best] if best < len(names) else str(best), round(float(shares[best]), 4)
    )


def examine(classifier: Model, test: Pictures) -> NDArray[np.int64]:
    """(classes, classes): how many pictures of the row's class were taken for the column's.

    Raises:
        InputError: the pictures have no labels, other classes or another size.
    """
    if not len(test):
        raise InputError("there are no pictures to test on")
    count = len(classifier.classes)
    if test.labels is None:
        raise InputError("the pictures have no classes; put those of each class into a folder of its own")
    if len(test.classes) != count:
        raise InputError(f"{classifier.name} knows {count} classes, the pictures have {len(test.classes)}")
    labels = test.labels
    if set(test.classes) == set(classifier.classes):
        labels = np.array([classifier.classes.index(name) for name in test.classes])[labels]
    elif not all(name.isdigit() for name in test.classes):  # mere numbers are nobody's names
        raise InputError(
            f"{classifier.name} knows {', '.join(classifier.classes)}; the pictures are of"
            f" {', '.join(test.classes)}"
        )
    logits = classifier(test.rgb.repeat(3 // test.channels, axis=3))[0]
    counts = np.zeros((count, count), np.int64)
    np.add.at(counts, (labels, logits.argmax(1)), 1)
    return counts
