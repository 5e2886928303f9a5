"""Common parts of training on datasets of small images: file names, checkpoints, log and training loop.

The modules `classifier`, `gan` and `vae` each provide a `ModelTrainer`. Before each step, the global torch
generator is seeded from the seed and the number of the step, so a resumed run is identical to an
uninterrupted one, without saved random state.
"""

import contextlib
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.io import dataset
from fststyle.io.dataset import Dataset
from fststyle.settings import check, to_dict, to_name
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import computing
from fststyle.train.generative.settings import DatasetSettings
from fststyle.train.networks import NetworkSettings
from fststyle.train.results import ResultFiles, checked_name, load_earlier_training, resume_note
from fststyle.train.training_run import OnMessage, OnProgress, TrainingRun

_FREE = {"data", "download"}


@dataclass
class ModelTrainer:
    """A model with its optimizers and its training step, for `DatasetTraining.run`.

    Args:
        network: name of the network in `fststyle.train.networks.NETWORKS`.
        network_settings: the keyword arguments of the network.
        model: the module with all parameters.
        optimizers: the optimizers by name, as they are stored in the checkpoint.
        step: the training step, called with the step number, the images and, unless `labels` is None, their
            classes; returns the losses by name.
        preview: writes the preview; called with the number of completed steps.
        on_losses: called with the losses of each step.
        labels: the classes of the training images, (N,) int64, or None.
    """

    network: str
    network_settings: NetworkSettings
    model: nn.Module
    optimizers: dict[str, torch.optim.Optimizer]
    step: Callable[..., dict[str, Tensor]]
    preview: Callable[[int], None]
    on_losses: Callable[[dict[str, float]], None] | None = None
    labels: Tensor | None = None


@dataclass(kw_only=True)
class DatasetTraining(TrainingRun[DatasetSettings]):
    """A training run on a dataset of small images. The other fields are those of `TrainingRun`.

    Args:
        kind: the kind of the checkpoint: "gan", "vae" or "classifier".
        train: the training images.
        test: the test images.
        digest: hash of the training images; see `Dataset.sha256`.
    """

    kind: str
    train: Dataset
    test: Dataset
    digest: str

    @property
    def per_epoch(self) -> int:
        """Number of steps per epoch, at least 1: the number of training images divided by the batch size,
        rounded.
        """
        result: int = max(1, round(len(self.train) / self.settings.batch))
        return result

    def batch(self, chosen: NDArray[np.int64], source: Dataset | None = None) -> Tensor:
        """Return images as float32 (N, C, S, S) in [-1, 1] on the device.

        Args:
            chosen: indices of the images, (N,).
            source: the dataset; default: the training images.
        """
        pixels = torch.from_numpy((source or self.train).rgb[chosen]).permute(0, 3, 1, 2)
        placed: Tensor = self.compute.place(pixels.float().div_(127.5).sub_(1))
        return placed

    def run(self, trainer: ModelTrainer, steps: int, preview_every: int) -> None:
        """Restore the state from the checkpoint in `earlier`, unless it is None, and run the remaining steps.

        Args:
            trainer: the model and its training step.
            steps: total number of steps.
            preview_every: steps between previews; 0 writes one only at the end.

        Raises:
            CheckpointError: the checkpoint does not match the model.
            OutputError: a file cannot be written.
            DependencyError: tensorboard is needed and not installed.
            TrainingError, Interrupted: see `fststyle.train.loop.run_loop`.
        """
        settings, saved = self.settings, self.files.checkpoint
        if self.earlier:
            checkpoint.load_weights(trainer.model, self.earlier["model"], str(saved))
            for name, optimizer in trainer.optimizers.items():
                states = self.earlier.get("optimizer")
                checkpoint.load_optimizer(
                    optimizer, states.get(name) if isinstance(states, dict) else None, str(saved)
                )

        def step(number: int, chosen: NDArray[np.int64]) -> dict[str, Tensor]:
            torch.manual_seed(settings.seed * 1_000_003 + number)
            if trainer.labels is None:
                return trainer.step(number, self.batch(chosen))
            return trainer.step(
                number, self.batch(chosen), self.compute.place(trainer.labels[torch.from_numpy(chosen)])
            )

        def save(done: int) -> None:
            model = {key: value.contiguous() for key, value in trainer.model.state_dict().items()}
            optimizers = {name: optimizer.state_dict() for name, optimizer in trainer.optimizers.items()}
            checkpoint.save(
                saved, {**self.checkpoint_content(trainer, done), "model": model, "optimizer": optimizers}
            )

        self._report_start()
        with torch.random.fork_rng():
            self.run_steps(
                step,
                dataset.order(
                    len(self.train),
                    seed=settings.seed,
                    batch=settings.batch,
                    start=self.first_step,
                    steps=steps,
                ),
                steps=steps,
                save=save,
                preview=trainer.preview,
                preview_every=preview_every,
                on_losses=trainer.on_losses,
            )

    def _report_start(self) -> None:
        """Report the skipped images, the training data and the device."""
        some = self.train
        if some.skipped:
            count = len(some.skipped)
            images = f"image{'s' * (count != 1)}"
            self.message(f"skipped {count} damaged or too-small {images}; the first is {some.skipped[0]}")
        shape = f"{some.side}x{some.side}x{some.channels}"
        self.message(
            f"training {self.name} on {len(some)} image{'s' * (len(some) != 1)} of {self.settings.data},"
            f" {shape}, on {self.compute.device}{resume_note(self.first_step)}"
        )
        if self.test.held_out:
            self.message(f"every {dataset.HOLD_OUT}th image of the folder is held out for testing")

    def checkpoint_content(self, trainer: ModelTrainer, done: int) -> Checkpoint:
        """Return the content of a checkpoint after `done` steps, without weights and optimizer states."""
        return {
            "kind": self.kind,
            "name": self.name,
            "network": trainer.network,
            "network_settings": trainer.network_settings,
            "step": done,
            "settings": to_dict(self.settings),
            "data_sha256": self.digest,
            "classes": list(self.train.classes),
            "torch": str(torch.__version__),
        }


@contextlib.contextmanager
def open_training(
    settings: DatasetSettings,
    kind: str,
    suffix: str,
    on_message: OnMessage | None,
    on_progress: OnProgress | None,
    *,
    beside: Callable[[Path], Path] | None = None,
    free: Set[str] = frozenset(),
    tested: bool = True,
) -> Iterator[DatasetTraining]:
    """Context manager that yields a `DatasetTraining` for the settings of a GAN, a VAE or a classifier.

    Args:
        settings: the settings of the training run.
        kind: the kind of the checkpoint: "gan", "vae" or "classifier".
        suffix: end of the default name of the result, which is DATASET-SUFFIX.
        on_message, on_progress: as in `TrainingRun`.
        beside: returns the path of an additional output file, given that of the .onnx file.
        free: names of settings that may change on resume, in addition to ``data``, ``download`` and those
            that all training commands allow (`fststyle.train.results`).
        tested: whether test images are required.

    Raises:
        InputError: a setting is invalid, there are no training images or no required test images, or the
            checkpoint was trained on other images; also see `fststyle.io.dataset.load`,
            `load_earlier_training` and `computing`.
        OutputError, CheckpointError: see `load_earlier_training`.
        DependencyError: see `fststyle.io.dataset.load`.
        DeviceError: the requested device is not available.

    All of these are raised on entry, and no existing file is changed.
    """
    check(settings)
    name = checked_name(
        f"{_dataset_name(settings.data)}-{suffix}" if settings.name is None else settings.name
    )
    files = replace(ResultFiles.of(settings.output, name), preview=settings.output / f"{name}-preview.png")
    train, test = dataset.load(settings.data, settings.size, settings.download, without=(files.preview,))
    earlier = load_earlier_training(
        settings, files, kind, _FREE | free, (beside(files.onnx),) if beside else ()
    )
    if not len(train):
        raise InputError(f"--data {settings.data}: contains no training images")
    if tested and not len(test):
        raise InputError(f"--data {settings.data}: contains no test images")
    digest = train.sha256()
    if earlier and earlier.get("data_sha256") != digest:
        raise InputError(
            f"--resume: {files.checkpoint} was trained on images other than those of {settings.data}"
        )
    with computing(settings.device, "float32", None) as compute:
        yield DatasetTraining(
            settings,
            name,
            files,
            compute,
            earlier,
            on_message,
            on_progress,
            kind=kind,
            train=train,
            test=test,
            digest=digest,
        )


def build_seeded(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """Return the network that `build` returns, with seeded random weights. The global torch generator is not
    changed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _dataset_name(data: str) -> str:
    """Return the last component of the path of a dataset, converted to a valid name (`to_name`), or "images"
    if no valid characters are left.
    """
    return to_name(Path(data).resolve().name, "images")
