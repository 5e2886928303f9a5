"""`fststyle translate train`: train a style on a folder of paintings, with unpaired photos.

    from fststyle import train_translator
    train_translator("monet/", photos="photos/", name="monet")

writes monet.onnx (a style file for image, video and webcam), monet-int8.onnx (live networks only), monet.pt
and monet-preview.jpg.

The generator is trained against a patch discriminator (`fststyle.train.networks.patch`). The content is
preserved by the contrastive loss of Park et al. 2020 (`fststyle.train.losses.contrastive`), by the cycle loss
of Zhu et al. 2017 (CycleGAN, arXiv:1703.10593, equation 2), or by both.

Departures: the generators are our networks, with a linear last layer instead of a tanh, and by default they
start from the base network, which reproduces the photo. There is one discriminator step per generator step,
even for wgan-gp. As in Park et al., there is no history of generated images (Zhu et al., section 4).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from fststyle.errors import InputError
from fststyle.io.files import refuse_overwrite
from fststyle.settings import check, current_names
from fststyle.train import checkpoint
from fststyle.train.compute import computing
from fststyle.train.data.loader import Photos, Scenes, batches, held_out, photo_source
from fststyle.train.results import (
    ResultFiles,
    Trained,
    checked_name,
    export_results,
    load_earlier_training,
    loader_threads,
    resume_note,
)
from fststyle.train.style.init_weights import (
    BASE,
    check_size,
    resolve_initial_weights,
    training_base_sha256,
)
from fststyle.train.style.preview import preview_photos, write_sheet
from fststyle.train.style.state import card, checkpoint_content, weights_of
from fststyle.train.training_run import OnMessage, OnProgress, TrainingRun
from fststyle.train.translate.model import prepare
from fststyle.train.translate.settings import TranslateSettings
from fststyle.train.translate.trainer import Trainer, divergence_monitor

PhotoBatch = tuple[Tensor, list[str]]
"""Images, uint8 (N, 3, size, size), and the paths of the files that were skipped."""

# Settings that may change on resume, in addition to those of `fststyle.train.results`.
_FREE = {"photos", "paintings"}
_SEED_OFFSET = 2**31
"""Offset between the seeds of photos and paintings."""
_FEW_PAINTINGS = 50
"""With fewer paintings, a message recommends more."""


def train_translator(
    paintings: str | Path,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Trained:
    """Train and export a style that imitates a folder of paintings, and write a preview sheet.

    Args:
        paintings: folder of paintings.
        on_message: called with status messages and with warnings about divergence.
        on_progress: called after each step.
        settings: the other fields of `TranslateSettings`.

    Returns:
        The paths of the output files and the losses of the last step, among others; see `Trained`.

    Raises:
        InputError, StyleError, CheckpointError, DeviceError, DependencyError: a setting, an input file or the
            device cannot be used, or a package is missing. Raised before the first step; no existing file is
            changed.
        OutputError: a file cannot be written.
        TrainingError: a loss is not finite, memory is exhausted, or no image is usable; the last checkpoint
            is kept.
        ExportError: the network cannot be exported; the checkpoint is kept.
        Interrupted: SIGINT (Ctrl-C), SIGTERM or SIGHUP; the checkpoint is saved, and ``resume=True``
            continues from it.
    """
    named = current_names(TranslateSettings, settings, stacklevel=3)
    return train(
        TranslateSettings(paintings=Path(paintings), **named), on_message=on_message, on_progress=on_progress
    )


def train(
    settings: TranslateSettings,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
) -> Trained:
    """Like `train_translator`, with a settings object."""
    check(settings)
    if not settings.contrastive_weight and not settings.cycle_weight:
        raise InputError(
            "--contrastive-weight and --cycle-weight are both 0: the content of the photo would be lost"
        )
    settings = replace(
        settings, from_=resolve_initial_weights(settings, BASE), name=checked_name(settings.name)
    )
    check_size(settings.size, settings.network)
    files = ResultFiles.of(settings.output, settings.name)
    refuse_overwrite((settings.from_,), *files.all)
    photos, paintings = (
        photo_source(settings.photos, settings.size, without=files.all),
        Photos(settings.paintings, settings.size, without=files.all),
    )
    for source in (photos, paintings):
        if isinstance(source, Photos) and len(source.files) < 2:
            hint = "; for one painting, use `fststyle train`" if source is paintings else ""
            raise InputError(
                f"{source.folder}: contains only one image, {source.files[0].name}; at least two are"
                f" needed{hint}"
            )
    earlier = load_earlier_training(settings, files, "translate", _FREE)
    with computing(settings.device, settings.precision, None) as compute:
        run = TrainingRun(settings, settings.name, files, compute, earlier, on_message, on_progress)
        return _train(run, photos, paintings)


def _train(run: TrainingRun[TranslateSettings], photos: Photos | Scenes, paintings: Photos) -> Trained:
    settings, compute, files = run.settings, run.compute, run.files
    nets, optimizers = prepare(settings, compute, run.earlier, files.checkpoint)
    base = training_base_sha256(settings.from_, run.earlier)
    shown = preview_photos(settings.photos, settings.size, files, settings.seed)
    painting = held_out(paintings, 1)[0]
    count = len(paintings.files)
    source = f"{count} painting{'s' * (count != 1)} of {settings.paintings} and {photos.source}"
    run.message(
        f"training {run.name} on {source}, on {compute.device}, in {compute.precision}"
        f"{resume_note(run.first_step)}"
    )
    if count < _FEW_PAINTINGS:
        run.message(f"{len(paintings.files)} paintings may be too few; 100 or more are recommended")
    trainer = Trainer(settings, compute, nets, optimizers)
    watch = divergence_monitor(settings, run.message)
    skipped: dict[str, None] = {}

    def step(number: int, batch: tuple[PhotoBatch, PhotoBatch]) -> dict[str, Tensor]:
        (photo, no_photos), (paintings, no_paintings) = batch
        skipped.update(dict.fromkeys(no_photos + no_paintings))
        return trainer.step(number, photo, paintings)

    def reading(source: Photos | Scenes, seed: int) -> Iterator[PhotoBatch]:
        workers = loader_threads(settings.workers, compute)
        return batches(
            source,
            seed=seed,
            batch=settings.batch,
            start=run.first_step,
            steps=settings.steps,
            workers=workers,
        )

    def save(done: int) -> None:
        weights = weights_of(nets)
        prefix = "generator."
        model = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        more = {"weights": weights, "optimizers": [optimizer.state_dict() for optimizer in optimizers]}
        content = checkpoint_content("translate", settings, run.name, model, done, base, **more)
        checkpoint.save(files.checkpoint, content)

    run.run_steps(
        step,
        zip(reading(photos, settings.seed), reading(paintings, settings.seed + _SEED_OFFSET), strict=True),
        steps=settings.steps,
        save=save,
        preview=lambda _: write_sheet(files.preview, nets.generator, compute.device, painting, shown),
        preview_every=settings.preview_every,
        on_losses=watch,
    )
    export_results(
        nets.generator, card(settings, run.name, base), files, lambda: held_out(photos, 24), run.message
    )
    return run.trained(skipped, source)
