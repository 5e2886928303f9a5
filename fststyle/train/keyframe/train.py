"""`fststyle keyframe train`: train a style on one or a few painted frames of a shot.

    from fststyle import train_keyframes
    train_keyframes("shot/", ["frame_012.png"])

writes frame-012.onnx (a style file for image, video and webcam), frame-012-int8.onnx, frame-012.pt and
frame-012-preview.jpg.

The network learns from patches of the painted frames (Texler et al. 2020, "Interactive Video Stylization
Using Few-Shot Patch-Based Training", arXiv:2004.14489). For the other frames, a style loss compares the Gram
matrices with those of a painted frame (Futschik et al. 2021, "STALP: Style Transfer with Auxiliary Limited
Pairing"). Departures:

* The network is the live network, which stylizes in real time. By default, its initial weights are
  pretrained on many paintings, so that a short training run is enough.
* The style loss on the other frames replaces the adversarial loss.
* A temporal loss along the optical flow of the shot replaces the filter of the input frames and the
  additional input of Texler et al.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io.files import refuse_overwrite
from fststyle.settings import check, to_name
from fststyle.train import checkpoint
from fststyle.train.compute import computing
from fststyle.train.keyframe.settings import KeyframeSettings
from fststyle.train.keyframe.shot import Shot, read_shot
from fststyle.train.keyframe.trainer import Sample, Trainer, samples
from fststyle.train.networks.vgg import load_vgg, repeat_edges
from fststyle.train.results import (
    ResultFiles,
    Trained,
    checked_name,
    export_results,
    load_earlier_training,
    resume_note,
)
from fststyle.train.style.init_weights import (
    PRETRAINED,
    resolve_initial_weights,
    training_base_sha256,
)
from fststyle.train.style.preview import write_sheet
from fststyle.train.style.state import card, checkpoint_content, prepare, weights_of
from fststyle.train.timing import TIMED_STEPS, duration_message, steps_within
from fststyle.train.training_run import OnMessage, OnProgress, TrainingRun

# Settings that may change on resume, in addition to those of `fststyle.train.results`.
_FREE = {"frames", "painted"}
_SHOWN = 3
"""Maximum number of evenly spaced frames on the preview sheet."""
_CALIBRATION = 24
"""Maximum number of frames for the calibration and the parity check of the int8 file."""
_MULTIPLE = 16
"""The sides of the calibration photos and preview frames are multiples of this number of pixels."""


def train_keyframes(
    frames: str | Path,
    painted: Sequence[str | Path],
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Trained:
    """Train and export one style from painted frames of a shot, and write a preview sheet.

    Args:
        frames: the shot: an image sequence (a folder or a pattern such as ``%05d.png``), or a video.
        painted: the image files of the painted versions of some frames of the shot. By default, the last
            number in each file name is the frame number; to change this, use the setting ``at``.
        on_message: called with status messages.
        on_progress: called after each step.
        settings: the other fields of `KeyframeSettings`.

    Returns:
        The paths of the output files and the losses of the last step, among others; see `Trained`.

    Raises:
        InputError, StyleError, CheckpointError, DeviceError, DependencyError: a setting, an input file or the
            device cannot be used, or a package is missing. Raised before the first step; no existing file is
            changed.
        OutputError: a file cannot be written.
        TrainingError: a loss is not finite, or memory is exhausted; the last checkpoint is kept.
        ExportError: the network cannot be exported; the checkpoint is kept.
        Interrupted: SIGINT (Ctrl-C), SIGTERM or SIGHUP; the checkpoint is saved, and ``resume=True``
            continues from it.
    """
    chosen = KeyframeSettings(frames=Path(frames), painted=[Path(path) for path in painted], **settings)
    return train(chosen, on_message=on_message, on_progress=on_progress)


def train(
    settings: KeyframeSettings,
    *,
    on_message: OnMessage | None = None,
    on_progress: OnProgress | None = None,
) -> Trained:
    """Like `train_keyframes`, with a settings object."""
    check(settings)
    settings = replace(settings, from_=resolve_initial_weights(settings, PRETRAINED))
    shot = read_shot(settings.frames, settings.painted, settings.at)
    name = checked_name(settings.name) if settings.name is not None else to_name(settings.painted[0].stem)
    files = ResultFiles.of(settings.output, name)
    refuse_overwrite((settings.frames, *settings.painted, settings.from_), *files.all)
    earlier = load_earlier_training(settings, files, "keyframe", _FREE)
    if earlier and settings.minutes is not None:
        settings = replace(settings, steps=earlier["settings"]["steps"])
    if earlier and earlier.get("style_sha256") != _digest(settings.painted):
        raise InputError(f"--resume: {files.checkpoint} was trained on different painted frames")
    with computing(settings.device, settings.precision, None) as compute:
        return _train(TrainingRun(settings, name, files, compute, earlier, on_message, on_progress), shot)


def _train(run: TrainingRun[KeyframeSettings], shot: Shot) -> Trained:
    settings, compute, files = run.settings, run.compute, run.files
    net, optimizer, _ = prepare(settings, compute, run.earlier, files.checkpoint)
    base, digest = training_base_sha256(settings.from_, run.earlier), _digest(settings.painted)
    where = f"on {compute.device}, in {compute.precision}"
    run.message(f"training {run.name} on {shot.source}, {where}{resume_note(run.first_step)}")
    trainer = Trainer(settings, compute, repeat_edges(load_vgg(settings.vgg)), shot, net, optimizer)
    if (minutes := settings.minutes) is not None and not run.earlier:
        timed = samples(shot, settings, 0, TIMED_STEPS)
        settings = replace(settings, steps=steps_within(minutes, trainer.trial().step, timed, compute))
        run.settings = trainer.settings = settings
        run.message(duration_message(settings.steps, minutes))

    def step(number: int, sample: Sample) -> dict[str, Tensor]:
        return trainer.step(number, sample)

    def save(done: int) -> None:
        more = {"optimizer": optimizer.state_dict(), "style_sha256": digest}
        content = checkpoint_content("keyframe", settings, run.name, weights_of(net), done, base, **more)
        checkpoint.save(files.checkpoint, content)

    shown = preview_frames(shot)
    run.run_steps(
        step,
        samples(shot, settings, run.first_step, settings.steps),
        steps=settings.steps,
        save=save,
        preview=lambda _: write_sheet(files.preview, net, compute.device, shot.pairs[0].painted, shown),
        preview_every=settings.preview_every,
        leaner="a smaller --window or --size",
    )
    described = card(settings, run.name, base, digest)
    export_results(net, described, files, lambda: frames_of(shot, _CALIBRATION), run.message)
    return run.trained((), shot.source)


def preview_frames(shot: Shot) -> list[RGB]:
    """Return the photos of the preview sheet: the original of the first painted frame, and at most `_SHOWN`
    evenly spaced frames of the shot. All are cropped as in `frames_of`.
    """
    return [_whole(shot.pairs[0].frame), *frames_of(shot, _SHOWN)]


def frames_of(shot: Shot, count: int) -> list[RGB]:
    """Return at most `count` evenly spaced frames of the shot, uint8 (H, W, 3) each. They are cropped at the
    bottom and at the right, so that their sides are multiples of 16 pixels.
    """
    last = len(shot.neighbors) - 1
    places = np.unique(np.linspace(0, last, min(count, last + 1)).round().astype(int))
    return [_whole(shot.neighbors[place][2]) for place in places]


def _whole(frame: RGB) -> RGB:
    """Return `frame`, cropped at the bottom and at the right to sides that are multiples of `_MULTIPLE`."""
    height, width = (side // _MULTIPLE * _MULTIPLE for side in frame.shape[:2])
    return frame[:height, :width]


def _digest(painted: Sequence[Path]) -> str:
    """Return the SHA-256 hash of the content of the painted files, in order, in hexadecimal."""
    total = hashlib.sha256()
    for path in painted:
        total.update(path.read_bytes())
    return total.hexdigest()
