"""What surrounds the steps of a training on a set of small pictures: its name and files, going on, saving,
the log, and the loop that all trainers share.

A trainer (`classify`, `gan`, `vae`) brings a `Learner`; all that is random in its steps comes from torch's
generator, which is set from seed and step before each of them. So a resumed training is the unbroken one to
the last bit, and there is no random state to save.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.io import dataset
from fststyle.io.dataset import Pictures
from fststyle.settings import check, plain
from fststyle.train import checkpoint, loop
from fststyle.train.compute import Compute, computing
from fststyle.train.results import Files, checked_name, earlier_training, going_on
from fststyle.train.tensorboard import open_log

_FREE = {"data", "download"}

OnMessage = Callable[[str], None]
OnProgress = Callable[[loop.Progress], None]


@dataclass
class Learner:
    """What a trainer brings: one module with everything that is learned, its optimisers, and what a step does
    with a batch.
    """

    network: str
    network_settings: dict[str, Any]
    model: nn.Module
    optimizers: dict[str, torch.optim.Optimizer]
    step: Callable[..., dict[str, Tensor]]
    """(number, pictures) or, with `labels`, (number, pictures, their labels) -> the losses."""
    preview: Callable[[int], None]
    hear: Callable[[loop.Progress], None] = lambda progress: None
    labels: Tensor | None = None


@dataclass
class Course:
    """A training that may begin: its settings are good and nothing of an earlier one would be lost."""

    kind: str
    settings: Any
    name: str
    files: Files
    train: Pictures
    test: Pictures
    compute: Compute
    earlier: dict[str, Any] | None
    tell: OnMessage
    digest: str = ""
    """Of the pictures, see `Pictures.sha256`."""
    losses: dict[str, float] = field(default_factory=dict)
    log: OnProgress = lambda progress: None
    rate: float = 0.0
    """Pictures a second, as last reported."""

    @property
    def per_epoch(self) -> int:
        """Steps in which every picture is seen about once."""
        return max(1, round(len(self.train) / self.settings.batch))

    def batch(self, chosen: NDArray[np.int64], source: Pictures | None = None) -> Tensor:
        """Pictures by index as float32 (N, C, S, S) in [-1, 1] on the device."""
        pixels = torch.from_numpy((source or self.train).rgb[chosen]).permute(0, 3, 1, 2)
        placed: Tensor = self.compute.place(pixels.float().div_(127.5).sub_(1))
        return placed

    def learn(self, learner: Learner, steps: int, preview_every: int, on_progress: OnProgress | None) -> None:
        """Take all steps that are left; the learner's weights are then those of the last one."""
        settings, saved = self.settings, self.files.checkpoint
        first = self.earlier["step"] if self.earlier else 0
        if self.earlier:
            checkpoint.load_weights(learner.model, self.earlier["model"], str(saved))
            for name, optimizer in learner.optimizers.items():
                states = self.earlier.get("optimizer")
                checkpoint.load_optimizer(
                    optimizer, states.get(name) if isinstance(states, dict) else None, str(saved)
                )

        def step(number: int, chosen: NDArray[np.int64]) -> dict[str, Tensor]:
            torch.manual_seed(settings.seed * 1_000_003 + number)
            if learner.labels is None:
                return learner.step(number, self.batch(chosen))
            return learner.step(
                number, self.batch(chosen), self.compute.place(learner.labels[torch.from_numpy(chosen)])
            )

        def save(done: int) -> None:
            model = {key: value.contiguous() for key, value in learner.model.state_dict().items()}
            optimizers = {name: optimizer.state_dict() for name, optimizer in learner.optimizers.items()}
            checkpoint.save(saved, {**self.record(learner, done), "model": model, "optimizer": optimizers})

        def report(progress: loop.Progress) -> None:
            self.losses.update(progress.losses)
            self.rate = progress.rate
            self.log(progress)
            learner.hear(progress)
            if on_progress:
                on_progress(progress)

        with open_log(settings.tensorboard) as self.log, torch.random.fork_rng():
            self._introduce(first)
            loop.run(
                step,
                dataset.order(
                    len(self.train), seed=settings.seed, batch=settings.batch, start=first, steps=steps
                ),
                start=first,
                steps=steps,
                batch_size=settings.batch,
                compute=self.compute,
                save=save,
                save_every=settings.save_every,
                preview=learner.preview,
                preview_every=preview_every,
                report=report,
            )
            learner.preview(steps)

    def _introduce(self, first: int) -> None:
        some = self.train
        if some.skipped:
            self.tell(
                f"skipped {len(some.skipped)} pictures that are damaged or too small, the first:"
                f" {some.skipped[0]}"
            )
        shape = f"{some.side}x{some.side}x{some.channels}"
        self.tell(
            f"learning {self.name} on {len(some)} pictures of {self.settings.data}, {shape}, on"
            f" {self.compute.device}{going_on(first)}"
        )
        if self.test.held_out:
            self.tell(f"every {dataset.HOLD_OUT}th picture of the folder is left out, for tests")

    def record(self, learner: Learner, done: int) -> dict[str, Any]:
        """What a checkpoint after step `done` says of itself, which is all but the weights."""
        return {
            "kind": self.kind,
            "name": self.name,
            "network": learner.network,
            "network_settings": learner.network_settings,
            "step": done,
            "settings": plain(self.settings),
            "data_sha256": self.digest,
            "classes": list(self.train.classes),
            "torch": str(torch.__version__),
        }


@contextlib.contextmanager
def opened(
    settings: Any,
    kind: str,
    suffix: str,
    tell: OnMessage | None,
    *,
    beside: Callable[[Path], Path] | None = None,
    free: Set[str] = frozenset(),
    tested: bool = True,
) -> Iterator[Course]:
    """A `Course` for settings of `fststyle.train.generative.settings`.

    `suffix` ends the name made from that of the pictures, `beside` gives one more result, and what is `free`
    may be another when a training goes on. `tested` is a training that needs test pictures.

    Raises:
        InputError, OutputError, CheckpointError, DeviceError: nothing was trained, nothing is lost.
    """
    check(settings)
    name = checked_name(f"{_plain(settings.data)}-{suffix}" if settings.name is None else settings.name)
    files = replace(Files.of(settings.output, name), preview=settings.output / f"{name}-preview.png")
    train, test = dataset.load(settings.data, settings.size, settings.download, without=(files.preview,))
    earlier = earlier_training(settings, files, kind, _FREE | free, (beside(files.onnx),) if beside else ())
    if not len(train):
        raise InputError(f"{settings.data}: holds no pictures to learn on")
    if tested and not len(test):
        raise InputError(f"{settings.data}: holds no pictures to test on")
    digest = train.sha256()
    if earlier and earlier.get("data_sha256") != digest:
        raise InputError(
            f"--resume: {files.checkpoint} was trained on other pictures than those of {settings.data}"
        )
    with computing(settings.device, "float32", settings.batch) as compute:
        if compute.world > 1:
            raise InputError(f"{kind} is trained in one process; torchrun is for `fststyle train`")
        yield Course(
            kind, settings, name, files, train, test, compute, earlier, tell or (lambda text: None), digest
        )


def fresh(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """A network whose weights the seed decides, leaving torch's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _plain(data: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(data).resolve().name.lower()).strip("-")[:48] or "pictures"
