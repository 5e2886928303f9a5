"""`fststyle classify train`: a small convolutional classifier. It also provides the features for evaluating
generated images (`fststyle.train.generative.metrics`).

    from fststyle.train.generative.classifier import train_classifier
    train_classifier("mnist", epochs=4)

writes mnist-classifier.onnx (outputs ``logits`` and ``features``), mnist-classifier.pt, and
mnist-classifier-preview.png with the confusion matrix.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.errors import InputError
from fststyle.io import grids, images
from fststyle.train import loop
from fststyle.train.generative import dataset_training, export
from fststyle.train.generative.augment import shifted
from fststyle.train.generative.dataset_training import DatasetTraining, ModelTrainer
from fststyle.train.generative.settings import ClassifySettings
from fststyle.train.networks import build
from fststyle.train.optimizer_step import minimize
from fststyle.train.training_run import OnMessage, OnProgress

KIND = "classifier"
_PEAK = {"sgd": 0.05, "adam": 2e-3, "rmsprop": 5e-4}
"""Default peak learning rates by optimizer."""


@dataclass(frozen=True)
class Classified:
    """The result of training a classifier.

    Args:
        name: the name of the classifier.
        onnx: the ONNX file.
        checkpoint: the checkpoint file.
        preview: the image file of the confusion matrix.
        accuracy: fraction of test images that are classified correctly.
        confusion: confusion matrix, (classes, classes): number of test images by true class (rows) and
            predicted class (columns).
        losses: the losses of the last step, by name.
    """

    name: str
    onnx: Path
    checkpoint: Path
    preview: Path
    accuracy: float
    confusion: NDArray[np.int64]
    losses: dict[str, float]


def train_classifier(
    data: str | Path,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Classified:
    """Train and export one classifier, and write an image of its confusion matrix.

    The errors are those of `open_training` and `DatasetTraining.run` in
    `fststyle.train.generative.dataset_training`, those of `fststyle.train.generative.export.write`, and
    `InputError` if the training or the test images have no labels, or if all training images belong to the
    same class.

    Args:
        data: the dataset, as in `ClassifySettings`.
        on_message: called with status messages.
        on_progress: called after each step.
        settings: the other fields of `ClassifySettings`.
    """
    return train(ClassifySettings(data=str(data), **settings), on_message=on_message, on_progress=on_progress)


def train(
    settings: ClassifySettings, *, on_message: OnMessage | None = None, on_progress: OnProgress | None = None
) -> Classified:
    """Like `train_classifier`, with a settings object."""
    with dataset_training.open_training(settings, KIND, KIND, on_message, on_progress) as run:
        if run.train.labels is None or run.test.labels is None:
            raise InputError(
                f"--data {settings.data}: has no classes, or none for the test images; put the images of each"
                " class into a separate subfolder, or add the label files of an IDX dataset"
            )
        if len(np.unique(run.train.labels)) < 2:
            raise InputError(f"--data {settings.data}: all training images belong to the same class")
        return _train(settings, run, torch.from_numpy(run.train.labels), run.test.labels)


def _train(
    settings: ClassifySettings,
    run: DatasetTraining,
    labels: Tensor,
    test_labels: NDArray[np.int64],
) -> Classified:
    shape = {"side": run.train.side, "channels": run.train.channels, "classes": len(run.train.classes)}
    shape |= {"width": settings.width, "features": settings.features}
    net = run.compute.place(dataset_training.build_seeded(settings.seed, lambda: build(KIND, shape)))
    optimizer = optimizer_for(net, settings)
    steps = settings.epochs * run.per_epoch
    counts = np.zeros((shape["classes"],) * 2, np.int64)

    def step(number: int, batch: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Run one training step. Returns the losses."""
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, number, steps)
        net.train()
        logits, _ = net(shifted(batch, settings.shift, "replicate"))
        loss = F.cross_entropy(logits, label)
        minimize(optimizer, loss)
        return {"cross_entropy": loss.detach(), "batch error": (logits.argmax(1) != label).float().mean()}

    def evaluate(done: int) -> None:
        counts[:] = confusion(net, run, test_labels)
        accuracy = counts.trace() / counts.sum()
        run.message(
            f"epoch {done / run.per_epoch:.0f} of {settings.epochs}: {accuracy:.2%} of {counts.sum()} test"
            " images are classified correctly"
        )
        run.log(loop.Progress(done, steps, run.rate, {"test error": 1 - accuracy}))
        images.write(grids.confusion(counts, run.train.classes), run.files.preview)

    trainer = ModelTrainer(KIND, shape, net, {"all": optimizer}, step, evaluate, labels=labels)
    run.run(trainer, steps, run.per_epoch)
    files = run.files
    export.write(net, run.checkpoint_content(trainer, steps), files.onnx)
    return Classified(
        run.name,
        files.onnx,
        files.checkpoint,
        files.preview,
        float(counts.trace() / counts.sum()),
        counts,
        dict(run.losses),
    )


def confusion(net: nn.Module, run: DatasetTraining, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the confusion matrix of the test images of `run`, int64 (classes, classes): one row per true
    class, one column per predicted class.

    Sets `net` to evaluation mode. `labels` are the true classes of the test images, (N,).
    """
    net.eval()
    classes = len(run.train.classes)
    counts = np.zeros((classes, classes), np.int64)
    with torch.inference_mode():
        for start in range(0, len(run.test), 500):
            chosen = np.arange(start, min(start + 500, len(run.test)))
            taken = net(run.batch(chosen, run.test))[0].argmax(1).cpu().numpy()
            np.add.at(counts, (labels[chosen], taken), 1)
    return counts


def optimizer_for(net: nn.Module, settings: ClassifySettings) -> torch.optim.Optimizer:
    """Return the optimizer that ``--optimizer`` selects, for all parameters of `net`.

    Its learning rate is the default of the optimizer. Each training step replaces it (`learning_rate`).
    """
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            net.parameters(), lr=_PEAK["sgd"], momentum=0.9, nesterov=True, weight_decay=5e-4
        )
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(net.parameters(), lr=_PEAK["rmsprop"])
    return torch.optim.Adam(net.parameters(), lr=_PEAK["adam"])


def learning_rate(settings: ClassifySettings, step: int, steps: int) -> float:
    """Return the learning rate: linear warm-up over the first tenth of the steps, times a linear decay to 0
    over all steps.

    Args:
        settings: contains the optimizer and the peak learning rate. If the latter is None, the default of the
            optimizer is used.
        step: number of the step, from 0.
        steps: total number of steps.
    """
    peak = settings.learning_rate or _PEAK[settings.optimizer]
    return peak * min(1.0, (step + 1) / max(1, steps // 10)) * (1 - step / steps)
