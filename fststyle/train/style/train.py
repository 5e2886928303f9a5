"""`fststyle train`: train a feed-forward network for one style (Johnson et al. 2016, arXiv:1603.08155).

    from fststyle import train_style
    train_style("starry.jpg", steps=900, data="photos/")

writes starry.onnx (the style file), starry-int8.onnx (the int8 version for CPUs; live networks only),
starry.pt (the checkpoint) and starry-preview.jpg to the current folder.
"""

import copy
import re
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.export.style import Card
from fststyle.io import images
from fststyle.io.files import spare
from fststyle.settings import check, plain
from fststyle.train import checkpoint, loop
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import batches, held_out, photo_source
from fststyle.train.data.surroundings import surround
from fststyle.train.losses.clamp import shown
from fststyle.train.losses.temporal import shake, steady_loss
from fststyle.train.muon import Muon
from fststyle.train.networks import build
from fststyle.train.networks.live import Live
from fststyle.train.networks.vgg import load_vgg, repeat_edges
from fststyle.train.results import (
    Files,
    Trained,
    checked_name,
    earlier_training,
    going_on,
    leave,
    sha256,
    worker_count,
)
from fststyle.train.style.init_weights import (
    START,
    base_of,
    check_size,
    freeze,
    network_settings,
    start_from,
    starting_point,
)
from fststyle.train.style.loss import StyleLosses, minimized
from fststyle.train.style.preview import write_sheet
from fststyle.train.style.settings import TrainSettings, for_the_record
from fststyle.train.tensorboard import open_log

# Settings that may change on resume, in addition to those of `fststyle.train.results`.
_FREE = {"style", "data"}


def train_style(
    style: str | Path,
    *,
    on_message: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    **settings: Any,
) -> Trained:
    """Train, export and preview one style. The keyword arguments are the fields of `TrainSettings`.

    `on_message` is called with status messages, for example the training data, or why there is no int8 file.
    `on_progress` is called after each step.

    Raises:
        InputError, OutputError, CheckpointError, DeviceError: raised before training; no file is changed.
        TrainingError: a loss is not finite, or no photo is usable; the last checkpoint is kept.
        Interrupted: Ctrl-C or SIGTERM; the checkpoint is saved, and ``resume=True`` continues from it.
    """
    return train(TrainSettings(style=Path(style), **settings), on_message=on_message, on_progress=on_progress)


def train(
    settings: TrainSettings,
    *,
    on_message: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
) -> Trained:
    """As `train_style`, with a settings object."""
    check(settings)
    settings = replace(settings, from_=starting_point(settings, START))
    name = style_name(settings)
    files = Files.of(settings.output, name)
    spare((settings.style, settings.from_), *files.all)
    check_size(settings.size, settings.network)
    painting = images.read(settings.style).opaque
    # With --minutes, the number of steps is read from the checkpoint.
    earlier = earlier_training(
        settings, files, "style", _FREE | ({"steps"} if settings.minutes is not None else set())
    )
    if earlier and settings.minutes is not None:
        settings = replace(settings, steps=earlier["settings"]["steps"])
    if earlier and earlier.get("style_sha256") != sha256(settings.style):
        raise InputError(f"--resume: {files.checkpoint} was trained on another picture than {settings.style}")
    with computing(settings.device, settings.precision, settings.batch) as compute:
        # A separate function, so that DistributedDataParallel is freed before the process group is destroyed.
        return _train(settings, compute, files, name, painting, earlier, on_message, on_progress)


def _train(
    settings: TrainSettings,
    compute: Compute,
    files: Files,
    name: str,
    painting: NDArray[np.uint8],
    earlier: dict[str, Any] | None,
    on_message: Callable[[str], None] | None,
    on_progress: Callable[[loop.Progress], None] | None,
) -> Trained:
    source = photo_source(settings.data, settings.size, without=files.all)
    net, optimizer, start_weights = _prepare(settings, compute, earlier)
    first = earlier["step"] if earlier else 0
    base = str(earlier.get("base", "")) if earlier else base_of(settings.from_)
    style_losses = StyleLosses(repeat_edges(load_vgg(settings.vgg)), settings, compute)
    photos = (
        held_out(
            photo_source(settings.data, max(256, settings.size), settings.size // 4, files.all),
            4,
            settings.seed,
        )
        if compute.leads
        else []
    )
    if on_message and compute.leads:
        on_message(
            f"training {name} on {source.source}, on {compute.device}, "
            f"in {'bfloat16' if compute.bfloat16 else 'float32'}{going_on(first)}"
        )
        if earlier and (before := earlier["settings"].get("data")) != plain(settings)["data"]:
            on_message(
                f"the earlier steps used {before or 'other pictures'}: "
                "the result differs from that of an uninterrupted training"
            )
    skipped: dict[str, None] = {}
    last: dict[str, float] = {}

    def photos_from(first: int, steps: int) -> Iterator[tuple[Tensor, list[str]]]:
        workers = worker_count(settings.workers, compute)
        return batches(
            source,
            seed=settings.seed,
            batch=settings.batch,
            start=first,
            steps=steps,
            workers=workers,
            rank=compute.rank,
            world=compute.world,
        )

    trainer = Trainer(settings, compute, style_losses, net, optimizer, start_weights)
    if settings.minutes is not None and not earlier:
        settings = replace(
            settings, steps=steps_within(settings.minutes, trainer, photos_from(0, TIMED_STEPS), compute)
        )
        trainer.settings = settings
        if on_message and compute.leads:
            on_message(f"{settings.steps} steps take about {settings.minutes:g} minutes on this machine")

    def step(number: int, batch: tuple[Tensor, list[str]]) -> dict[str, Tensor]:
        skipped.update(dict.fromkeys(batch[1]))
        return trainer.step(number, batch[0])

    def save(done: int) -> None:
        checkpoint.save(files.checkpoint, _content(settings, name, net, optimizer, done, base))

    def report(progress: loop.Progress) -> None:
        last.update(progress.losses)
        log(progress)
        if on_progress:
            on_progress(progress)

    with open_log(settings.tensorboard if compute.leads else None) as log:
        loop.run(
            step,
            photos_from(first, settings.steps),
            start=first,
            steps=settings.steps,
            batch_size=settings.batch,
            compute=compute,
            save=save,
            save_every=settings.save_every,
            preview=lambda _: write_sheet(files.preview, net, compute.device, painting, photos),
            preview_every=settings.preview_every,
            report=report,
        )
    if compute.leads:
        write_sheet(files.preview, net, compute.device, painting, photos)
        leave(net, card(settings, name, base), files, lambda: held_out(source, 24), on_message)
    return Trained(
        name,
        files.onnx,
        files.int8,
        files.checkpoint,
        files.preview,
        last,
        tuple(skipped),
        source.source,
        compute.leads,
    )


TIMED_STEPS = 8
"""Steps for the speed measurement of ``--minutes``; the first quarter is discarded."""


class Trainer:
    """Trains one network on one painting."""

    def __init__(
        self,
        settings: TrainSettings,
        compute: Compute,
        losses: StyleLosses,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        start_weights: list[Tensor],
    ):
        self.settings, self.compute, self.losses = settings, compute, losses
        self.net, self.optimizer, self.start_weights = net, optimizer, start_weights
        self.shared = compute.share(net)
        self.stride = int(net.stride)  # type: ignore[arg-type]

    def step(self, number: int, pixels: Tensor) -> dict[str, Tensor]:
        """Run one training step on `pixels`, uint8 (N, 3, size, size). Returns the losses."""
        settings = self.settings
        photo = self.compute.place(pixels.float().div(127.5).sub(1))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, number)
        random = settings.seed * 1_000_003 + number
        # The network draws a random offset of its noise field. Seed it by the step, so that a resumed
        # training is exact.
        with self.compute.autocast(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            generator = torch.Generator().manual_seed(random)
            if settings.steady_weight:
                photo, moved, shift = shake(photo, generator)
                wide, (rows, columns) = surround(torch.cat([photo, moved]), generator)
                painted, repainted = shown(self.shared(wide)[..., rows, columns].float()).chunk(2)
                steady = settings.steady_weight * steady_loss(painted, repainted, shift)
            else:
                wide, (rows, columns) = surround(photo, generator)
                painted = shown(self.shared(wide)[..., rows, columns].float())
                steady = torch.zeros(len(photo), device=photo.device)
            losses = {**self.losses(painted, photo, self.stride), "steady": steady}
        loss = minimized(losses)
        if settings.pull and self.start_weights:
            loss = loss + settings.pull * sum(
                (p - q).square().sum() for p, q in zip(self.net.parameters(), self.start_weights, strict=True)
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if isinstance(self.net, Live):
            self.net.constrain()
        return {"loss": loss.detach(), **{key: value.detach().mean() for key, value in losses.items()}}


def steps_within(
    minutes: float, trainer: Trainer, photos: Iterable[tuple[Tensor, list[str]]], compute: Compute
) -> int:
    """Number of steps of `trainer` that take `minutes`, at least 1. Measured on a copy of its network."""
    net = copy.deepcopy(trainer.net)
    trial = Trainer(
        trainer.settings,
        compute,
        trainer.losses,
        net,
        optimizer_for(net, trainer.settings),
        trainer.start_weights,
    )
    times = []
    for number, (pixels, _) in enumerate(photos):
        begin = time.perf_counter()
        float(trial.step(number, pixels)["loss"])  # synchronizes with the device
        times.append(time.perf_counter() - begin)
    seconds = statistics.median(times[len(times) // 4 :])
    return max(1, round(compute.from_first(minutes * 60 / seconds)))


def style_name(settings: TrainSettings) -> str:
    """The name of the style: ``--name``, or the file name of the painting reduced to lower-case letters,
    digits and hyphens.

    Raises:
        InputError: ``--name`` is not valid.
    """
    if settings.name is not None:
        return checked_name(settings.name)
    letters = (
        unicodedata.normalize("NFKD", settings.style.stem).encode("ascii", "ignore").decode()
        or settings.style.stem
    )
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:64] or "style"


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Learning rate at a step: linear warm-up over 20 steps, and linear decay to 1/20.

    It depends only on the step, so that a resumed training is exact.
    """
    return settings.learning_rate * min(1.0, (step + 1) / 20) * (1 - 0.95 * step / settings.steps)


def optimizer_for(net: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "muon":
        return Muon(net, lr=settings.learning_rate)
    return torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=settings.learning_rate)


def card(settings: TrainSettings, name: str, base: str = "") -> Card:
    """The metadata of the ONNX file."""
    return Card(
        name=name,
        network=settings.network,
        network_settings=network_settings(settings),
        trained_with=for_the_record(plain(settings)),
        style_sha256=sha256(settings.style),
        base=base,
    )


def _prepare(
    settings: TrainSettings, compute: Compute, earlier: dict[str, Any] | None
) -> tuple[nn.Module, torch.optim.Optimizer, list[Tensor]]:
    """Build the network and the optimizer: new, with initial weights, or restored from the checkpoint.

    Also returns the initial weights for the L2 penalty of ``--pull``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = build(settings.network, network_settings(settings))
    if settings.from_ != "none":
        start_from(net, settings.from_)
    if settings.freeze is not None:
        freeze(net, settings.freeze)
    start_weights = (
        [p.detach().clone().to(compute.device) for p in net.parameters()]
        if settings.pull and settings.from_ != "none"
        else []
    )
    if earlier:
        checkpoint.load_weights(net, earlier["model"], str(settings.output))
    net = compute.place(net)
    optimizer = optimizer_for(net, settings)
    if earlier:
        checkpoint.load_optimizer(optimizer, earlier.get("optimizer"), str(settings.output))
    return net, optimizer, start_weights


def _content(
    settings: TrainSettings, name: str, net: nn.Module, optimizer: torch.optim.Optimizer, done: int, base: str
) -> dict[str, Any]:
    return {
        "kind": "style",
        "name": name,
        "network": settings.network,
        "network_settings": network_settings(settings),
        "model": {key: value.contiguous() for key, value in net.state_dict().items()},
        "optimizer": optimizer.state_dict(),
        "step": done,
        "settings": plain(settings),
        "style_sha256": sha256(settings.style),
        "base": base,
        "torch": str(torch.__version__),  # a str subclass, which weights_only refuses
    }


__all__ = ["Trained", "train", "train_style"]
