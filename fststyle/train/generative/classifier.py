"""`fststyle classify train`: a small convolutional classifier. It also provides the features for evaluating
generated pictures (`fststyle.train.generative.metrics`).

    from fststyle.train.generative.classifier import train_classifier
    train_classifier("mnist", epochs=4)

writes mnist-classifier.onnx (outputs ``logits`` and ``features``), mnist-classifier.pt and
mnist-classifier-preview.png, the confusion matrix.
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
from fststyle.train.generative import export, session
from fststyle.train.generative.augment import shifted
from fststyle.train.generative.session import Course, Learner
from fststyle.train.generative.settings import ClassifySettings
from fststyle.train.networks import build
from fststyle.train.run import OnMessage, OnProgress

KIND = "classifier"
_PEAK = {"sgd": 0.05, "adam": 2e-3, "rmsprop": 5e-4}


@dataclass(frozen=True)
class Classified:
    """Result of a training: ``accuracy`` on the test pictures, and ``confusion`` counts (classes, classes),
    with a row per true class.
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
    """Train and export one classifier. The keyword arguments are the fields of `ClassifySettings`.

    See `fststyle.train.generative.session.opened` for the errors.
    """
    return train(ClassifySettings(data=str(data), **settings), on_message=on_message, on_progress=on_progress)


def train(
    settings: ClassifySettings, *, on_message: OnMessage | None = None, on_progress: OnProgress | None = None
) -> Classified:
    """As `train_classifier`, with a settings object."""
    with session.opened(settings, KIND, KIND, on_message, on_progress) as here:
        if here.train.labels is None or here.test.labels is None:
            raise InputError(
                f"--data {settings.data}: has no classes; put the pictures of each class into a"
                " separate subfolder"
            )
        if len(np.unique(here.train.labels)) < 2:
            raise InputError(f"--data {settings.data}: all pictures are of one class")
        return _train(settings, here, torch.from_numpy(here.train.labels), here.test.labels)


def _train(
    settings: ClassifySettings,
    here: Course,
    labels: Tensor,
    test_labels: NDArray[np.int64],
) -> Classified:
    shape = {"side": here.train.side, "channels": here.train.channels, "classes": len(here.train.classes)}
    shape |= {"width": settings.width, "features": settings.features}
    net = here.compute.place(session.fresh(settings.seed, lambda: build(KIND, shape)))
    optimizer = optimizer_for(net, settings)
    steps = settings.epochs * here.per_epoch
    counts = np.zeros((shape["classes"],) * 2, np.int64)

    def step(number: int, picture: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Run one training step."""
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, number, steps)
        net.train()
        logits, _ = net(shifted(picture, settings.shift, "replicate"))
        loss = F.cross_entropy(logits, label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return {"cross_entropy": loss.detach(), "batch error": (logits.argmax(1) != label).float().mean()}

    def examine(done: int) -> None:
        counts[:] = confusion(net, here, test_labels)
        accuracy = counts.trace() / counts.sum()
        here.tell(
            f"epoch {done / here.per_epoch:.0f} of {settings.epochs}: {accuracy:.2%} of {counts.sum()} test"
            " pictures are classified correctly"
        )
        here.log(loop.Progress(done, steps, here.rate, {"test error": 1 - accuracy}))
        images.write(grids.confusion(counts, here.train.classes), here.files.preview)

    learner = Learner(KIND, shape, net, {"all": optimizer}, step, examine, labels=labels)
    here.learn(learner, steps, here.per_epoch)
    files = here.files
    export.write(net, here.record(learner, steps), files.onnx)
    return Classified(
        here.name,
        files.onnx,
        files.checkpoint,
        files.preview,
        float(counts.trace() / counts.sum()),
        counts,
        dict(here.losses),
    )


def confusion(net: nn.Module, here: Course, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confusion matrix of the test pictures, (classes, classes), with a row per true class."""
    net.eval()
    classes = len(here.train.classes)
    counts = np.zeros((classes, classes), np.int64)
    with torch.inference_mode():
        for start in range(0, len(here.test), 500):
            chosen = np.arange(start, min(start + 500, len(here.test)))
            taken = net(here.batch(chosen, here.test))[0].argmax(1).cpu().numpy()
            np.add.at(counts, (labels[chosen], taken), 1)
    return counts


def optimizer_for(net: nn.Module, settings: ClassifySettings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            net.parameters(), lr=_PEAK["sgd"], momentum=0.9, nesterov=True, weight_decay=5e-4
        )
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(net.parameters(), lr=_PEAK["rmsprop"])
    return torch.optim.Adam(net.parameters(), lr=_PEAK["adam"])


def learning_rate(settings: ClassifySettings, step: int, steps: int) -> float:
    """Learning rate at a step: linear warm-up over the first tenth of the steps, then linear decay to 0."""
    peak = settings.learning_rate or _PEAK[settings.optimizer]
    return peak * min(1.0, (step + 1) / max(1, steps // 10)) * (1 - step / steps)
