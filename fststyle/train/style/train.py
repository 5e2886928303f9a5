"""`fststyle train`: train a feed-forward network for one style (Johnson et al. 2016, arXiv:1603.08155).

    from fststyle import train_style
    train_style("starry.jpg", steps=2000, data="photos/")

writes starry.onnx (the style file), starry-int8.onnx (the int8 version for CPUs; live networks only),
starry.pt (the checkpoint) and starry-preview.jpg to the current folder.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.files import refuse_overwrite
from fststyle.settings import check, to_dict, to_name
from fststyle.train import checkpoint
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import Photos, Scenes, batches, held_out, photo_source
from fststyle.train.data.surroundings import surplus
from fststyle.train.networks.vgg import load_vgg, repeat_edges
from fststyle.train.results import (
    ResultFiles,
    Trained,
    checked_name,
    export_results,
    load_earlier_training,
    loader_threads,
    resume_note,
    sha256,
)
from fststyle.train.style.discriminator import WARM_UP, new_discriminator
from fststyle.train.style.init_weights import (
    PRETRAINED,
    check_size,
    resolve_initial_weights,
    training_base_sha256,
)
from fststyle.train.style.loss import StyleLosses
from fststyle.train.style.preview import chosen_photos, preview_photos, write_sheet
from fststyle.train.style.settings import TrainSettings
from fststyle.train.style.state import card, checkpoint_content, prepare, weights_of
from fststyle.train.style.trainer import Trainer
from fststyle.train.timing import TIMED_STEPS, duration_message, steps_within
from fststyle.train.training_run import OnMessage, OnProgress, TrainingRun

ENLARGE = 2.25
"""Maximum factor by which photos are upscaled; see `Photos`."""

MIN_LIVE_SIZE = 64
"""Minimum side of the crops for live networks with the grid loss, in pixels. In smaller crops, too few blocks
are averaged, so the loss is high for any strokes, and the network learns a nearly flat gray image.
"""

# Settings that may change on resume, in addition to those of `fststyle.train.results`.
_FREE = {"style", "data"}


def train_style(
    style: str | Path,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Trained:
    """Train and export one style, and write a preview sheet.

    Args:
        style: the file of the style image.
        on_message: called with status messages, for example about the training data, or why there is no int8
            file.
        on_progress: called after each step.
        settings: the other fields of `TrainSettings`.

    Returns:
        The paths of the output files and the losses of the last step, among others; see `Trained`.

    Raises:
        InputError, StyleError, CheckpointError, DeviceError, DependencyError: a setting, an input file or the
            device cannot be used, or a package is missing. Raised before the first step; no existing file is
            changed.
        OutputError: a file cannot be written.
        TrainingError: a loss is not finite, memory is exhausted, or no photo is usable; the last checkpoint
            is kept.
        ExportError: the network cannot be exported; the checkpoint is kept.
        Interrupted: SIGINT (Ctrl-C), SIGTERM or SIGHUP; the checkpoint is saved, and ``resume=True``
            continues from it.
    """
    return train(TrainSettings(style=Path(style), **settings), on_message=on_message, on_progress=on_progress)


def train(
    settings: TrainSettings,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
) -> Trained:
    """Like `train_style`, with a settings object."""
    check(settings)
    settings = replace(settings, from_=resolve_initial_weights(settings, PRETRAINED))
    name = style_name(settings)
    files = ResultFiles.of(settings.output, name)
    refuse_overwrite((settings.style, settings.from_), *files.all)
    check_size(settings.size, settings.network)
    if settings.network == "live" and settings.grid_weight and settings.size < MIN_LIVE_SIZE:
        raise InputError(
            f"--size {settings.size}: must be at least {MIN_LIVE_SIZE} for live, since the grid loss removes"
            " the strokes of smaller crops; or set --grid-weight 0"
        )
    style_image = images.read(settings.style).opaque
    earlier = load_earlier_training(settings, files, "style", _FREE)
    if earlier and settings.minutes is not None:
        settings = replace(settings, steps=earlier["settings"]["steps"])
    if earlier and earlier.get("style_sha256") != sha256(settings.style):
        raise InputError(f"--resume: {files.checkpoint} was trained on an image other than {settings.style}")
    with computing(settings.device, settings.precision, settings.batch) as compute:
        # A separate function, so that DistributedDataParallel is freed before the process group is destroyed.
        return _train(
            TrainingRun(settings, name, files, compute, earlier, on_message, on_progress), style_image
        )


def _train(run: TrainingRun[TrainSettings], style_image: RGB) -> Trained:
    settings, compute, files = run.settings, run.compute, run.files
    source = photo_source(
        settings.data,
        settings.size + surplus(settings.size),
        settings.size // 4,
        files.all,
        inner=settings.size,
        enlarge=ENLARGE,
    )
    net, optimizer, initial_weights = prepare(settings, compute, run.earlier, files.checkpoint)
    base, digest = training_base_sha256(settings.from_, run.earlier), sha256(settings.style)
    losses = StyleLosses(repeat_edges(load_vgg(settings.vgg)), settings, compute)
    discriminator = new_discriminator(losses, run.earlier, files.checkpoint)
    photos = _shown(settings, files) if compute.leads else []
    _report_start(run, source)
    trainer = Trainer(settings, compute, losses, net, optimizer, initial_weights, discriminator)
    if (minutes := settings.minutes) is not None and not run.earlier:
        trial, timed = trainer.trial(), _photos(source, settings, compute, 0, TIMED_STEPS)
        steps = steps_within(
            minutes, lambda number, batch: trial.step(WARM_UP + number, batch[0]), timed, compute
        )
        settings = replace(settings, steps=steps)
        run.settings = trainer.settings = settings
        run.message(duration_message(settings.steps, minutes))
    skipped: dict[str, None] = {}

    def step(number: int, batch: tuple[Tensor, list[str]]) -> dict[str, Tensor]:
        skipped.update(dict.fromkeys(batch[1]))
        return trainer.step(number, batch[0])

    def save(done: int) -> None:
        more: dict[str, Any] = {"optimizer": optimizer.state_dict(), "style_sha256": digest}
        if discriminator is not None:
            more["discriminator"] = discriminator.state()
        content = checkpoint_content("style", settings, run.name, weights_of(net), done, base, **more)
        checkpoint.save(files.checkpoint, content)

    run.run_steps(
        step,
        _photos(source, settings, compute, run.first_step, settings.steps),
        steps=settings.steps,
        save=save,
        preview=lambda _: write_sheet(files.preview, net, compute.device, style_image, photos),
        preview_every=settings.preview_every,
    )
    if compute.leads:
        described = card(settings, run.name, base, digest)
        export_results(net, described, files, lambda: held_out(source, 24), run.message)
    return run.trained(skipped, source.source)


def _shown(settings: TrainSettings, files: ResultFiles) -> list[RGB]:
    """Return the photos for the preview sheets: those in the folder ``--preview-photos``, or, if it is not
    set, random crops of the training data.
    """
    if settings.preview_photos is not None:
        return chosen_photos(settings.preview_photos, settings.size)
    return preview_photos(settings.data, settings.size, files, settings.seed)


def _report_start(run: TrainingRun[TrainSettings], source: Photos | Scenes) -> None:
    """Report the training data, the device, the precision, and whether earlier steps used different data."""
    run.message(
        f"training {run.name} on {source.source}, on {run.compute.device}, in {run.compute.precision}"
        f"{resume_note(run.first_step)}"
    )
    if run.earlier and (before := run.earlier["settings"].get("data")) != to_dict(run.settings)["data"]:
        run.message(
            f"the earlier steps used {before or 'the default photos'}: "
            "the result differs from that of an uninterrupted run"
        )


def _photos(
    source: Photos | Scenes, settings: TrainSettings, compute: Compute, first: int, steps: int
) -> Iterator[tuple[Tensor, list[str]]]:
    """Return an iterator over this process's batches for the steps `first` .. `steps` - 1."""
    return batches(
        source,
        seed=settings.seed,
        batch=settings.batch,
        start=first,
        steps=steps,
        workers=loader_threads(settings.workers, compute),
        rank=compute.rank,
        world=compute.world,
    )


def style_name(settings: TrainSettings) -> str:
    """Return the name of the style: ``--name``, or by default the file name of the style image without its
    suffix, converted to a valid name (`to_name`).

    Raises:
        InputError: ``--name`` is not valid.
    """
    if settings.name is not None:
        return checked_name(settings.name)
    return to_name(settings.style.stem)


__all__ = ["Trained", "train", "train_style"]
