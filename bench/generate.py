"""Print a table of the quality of generated images, compared with real images.

    python bench/generate.py --data MNIST --classifier mnist-classifier.onnx mnist-mlp.onnx mnist-vae.onnx
    python bench/generate.py --data PAINTINGS --size 64 paintings-dcgan.onnx

With `--classifier`, the features are those of its penultimate layer, otherwise the spatial means of relu4_3
of VGG-16. The Fréchet distance of these features is not the FID of the literature. `--fid` adds the FID of
torchmetrics (pip install "torchmetrics[image]"), which downloads the Inception weights on first use. All
distances are from the test images. The row "real" has the same number of training images instead of generated
ones: it is what a perfect generator would reach. For a VAE, the reconstruction error (RMS, 0-255) is also
measured on the test images, and, if its checkpoint is next to the .onnx file, the ELBO (nats per image and
per dimension). The seconds per epoch are estimated from `--steps` training steps, after warm-up, with the
settings of each model.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from program import Row, run, show
from rich.console import Console
from rich.table import Table

from fststyle.arrays import Pixels
from fststyle.errors import InputError
from fststyle.io import dataset
from fststyle.runtime.generative import latents
from fststyle.runtime.generative.classify import load_classifier
from fststyle.runtime.generative.model import Model
from fststyle.runtime.generative.sample import Encoder, Generator
from fststyle.settings import replace_former_names
from fststyle.train import checkpoint
from fststyle.train.compute import Compute
from fststyle.train.generative import gan, metrics, vae
from fststyle.train.generative.settings import GanSettings, VaeSettings
from fststyle.train.loop import Progress
from fststyle.train.networks.vgg import load_vgg

WARM_UP = 5
"""Number of training steps before the measured ones."""
_AT_ONCE = 50
"""Number of images per call of the metric."""


def main() -> int:
    args = _arguments()
    return run(
        lambda console: _rows(args, console),
        lambda rows: print(json.dumps(rows, indent=1)) if args.json else _print(rows, args),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", type=Path, help="generators and VAE decoders, .onnx")
    parser.add_argument("--data", required=True, help="dataset, as for `fststyle gan train`")
    parser.add_argument("--size", type=int, help="side of the images in pixels")
    parser.add_argument("--classifier", help="classifier that provides the features, .onnx; default: VGG-16")
    parser.add_argument(
        "--count", type=int, default=10_000, help="largest number of generated images, and of real images"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=30,
        help="training steps for the time per epoch; 0 disables the measurement",
    )
    parser.add_argument("--fid", action="store_true", help="also measure the FID; needs torchmetrics[image]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _rows(args: argparse.Namespace, console: Console) -> list[Row]:
    train, test = dataset.load(args.data, args.size)
    if min(len(train), len(test)) < 2:
        raise InputError(f"{args.data}: needs at least two training images and two test images")
    classifier = load_classifier(args.classifier) if args.classifier else None
    generators = [Generator(path) for path in args.models]
    real = _frames(test)[: args.count]
    seen, _ = _judged(real, classifier)
    chosen = np.random.default_rng(0).permutation(len(train))[: len(real)]
    fid = _Fid(real) if args.fid else None
    rows = [{"model": "real", **_judgment(seen, *_judged(_frames(train, chosen), classifier))}]
    if fid:
        rows[0]["fid"] = fid(_frames(train, chosen))
    for generator in generators:
        console.print(f"{generator.name} ...", highlight=False)
        # The same number of images, since distance and precision depend on it.
        drawn = generator.draw(latents.sample(len(real), generator.latent, 0))
        if drawn.shape[1:] != real.shape[1:]:
            raise InputError(
                f"the images of {generator.name} have {drawn.shape[1]} pixels per side, those of the dataset"
                f" {real.shape[1]}; see --size"
            )
        row = {"model": generator.name, **_judgment(seen, *_judged(drawn, classifier))}
        if fid:
            row["fid"] = fid(drawn)
        if generator.metadata["kind"] == "vae":
            row |= _reconstruction(generator, real) | _elbo(generator.path.with_suffix(".pt"), test)
        if args.steps:
            row["seconds_per_epoch"] = _seconds(generator, args, len(train))
        rows.append(row)
    return rows


def _frames(some: dataset.Dataset, chosen: Any = slice(None)) -> Pixels:
    """Return the chosen images of a dataset, uint8 (N, S, S, 3)."""
    return np.repeat(some.rgb[chosen], 3 // some.channels, axis=3)


def _judged(frames: Pixels, classifier: Model | None) -> tuple[metrics.Features, metrics.Features | None]:
    """Return the features (N, D) of images, and the logits (N, classes) of a classifier or None."""
    if classifier is None:
        return metrics.vgg_features(frames, load_vgg(), Compute(torch.device("cpu"), bfloat16=False)), None
    logits, features = classifier(frames)
    return features, logits


class _Fid:
    """FID of torchmetrics against `real`, uint8 (N, S, S, 3). `network` replaces Inception-v3."""

    def __init__(self, real: Pixels, network: Any = 2048):
        try:
            from torchmetrics.image.fid import FrechetInceptionDistance

            self._metric = FrechetInceptionDistance(
                network, reset_real_features=False, input_img_size=(3, *real.shape[1:3])
            )
        except ModuleNotFoundError as error:
            raise InputError(
                f"--fid needs torchmetrics: pip install 'torchmetrics[image]' [{error}]"
            ) from error
        except OSError as error:
            raise InputError(f"--fid: the weights of Inception cannot be downloaded ({error})") from error
        self._show(real, real=True)

    def __call__(self, fake: Pixels) -> float:
        self._metric.reset()
        self._show(fake, real=False)
        return float(self._metric.compute())

    def _show(self, frames: Pixels, real: bool) -> None:
        for start in range(0, len(frames), _AT_ONCE):
            self._metric.update(
                torch.from_numpy(np.ascontiguousarray(frames[start : start + _AT_ONCE])).permute(0, 3, 1, 2),
                real=real,
            )


def _judgment(real: metrics.Features, fake: metrics.Features, logits: metrics.Features | None) -> Row:
    """Return the metrics of generated images, from their features and logits."""
    precision, recall = metrics.precision_recall(real, fake)
    row: Row = {"distance": metrics.frechet(real, fake), "precision": precision, "recall": recall}
    if logits is not None:
        balance = metrics.balance(logits)
        row |= {"least_class": balance.least, "most_class": balance.most}
    return row


def _reconstruction(decoder: Generator, frames: Pixels) -> dict[str, float]:
    """Return the reconstruction error of a VAE (RMS, 0-255)."""
    latent = Encoder(decoder)(frames)[0]
    error = decoder.draw(latent).astype(np.float64) - frames
    return {"reconstruction": float(np.sqrt(np.square(error).mean()))}


def _elbo(path: Path, test: dataset.Dataset) -> dict[str, float]:
    """Return the ELBO of the VAE in the checkpoint `path`, in nats per image and per dimension (pixel and
    channel), or {} if there is no checkpoint.
    """
    if not path.is_file():
        return {}
    net: Any = checkpoint.restore(checkpoint.load(path, "vae"), path).eval()
    elbo = vae.held_out_elbo(net, test, torch.device("cpu"))
    return {"elbo": elbo, "elbo_per_dimension": elbo / (test.side**2 * test.channels)}


def _seconds(generator: Generator, args: argparse.Namespace, count: int) -> float:
    """Return the estimated seconds per epoch of `count` images, with the training settings of the model."""
    recorded = json.loads(generator.metadata["trained_with"])
    is_vae = generator.metadata["kind"] == "vae"
    kind: type[VaeSettings | GanSettings] = VaeSettings if is_vae else GanSettings
    train: Any = vae.train if is_vae else gan.train
    named = replace_former_names(kind, recorded)
    known = {name: value for name, value in named.items() if name in kind.__dataclass_fields__}
    times: list[float] = []

    def on_progress(progress: Progress) -> None:
        times.append(time.monotonic())
        if len(times) > WARM_UP + args.steps:
            raise _AllMeasured

    with tempfile.TemporaryDirectory() as folder:
        changes: dict[str, Any] = {
            "data": str(args.data),
            "size": args.size,
            "output": Path(folder),
            "name": "bench",
            "resume": False,
            "tensorboard": None,
            "save_every": 10**9,
        }
        if "steps" in known:
            changes |= {"steps": WARM_UP + args.steps + 1, "preview_every": 0}
        with contextlib.suppress(_AllMeasured):
            train(kind(**{**known, **changes}), on_progress=on_progress)
    timed = times[min(WARM_UP, len(times) - 2) :]
    return (timed[-1] - timed[0]) / (len(timed) - 1) * count / float(known["batch"])


class _AllMeasured(Exception):
    """Ends the training once all steps have been measured."""


_COLUMNS = {
    "distance": ("distance", "{:.2f}"),
    "fid": ("FID", "{:.2f}"),
    "precision": ("precision", "{:.3f}"),
    "recall": ("recall", "{:.3f}"),
    "least_class": ("rarest class", "{:.1%}"),
    "most_class": ("commonest", "{:.1%}"),
    "reconstruction": ("reconstruction", "{:.1f}"),
    "elbo": ("ELBO", "{:.2f}"),
    "elbo_per_dimension": ("per dimension", "{:.4f}"),
    "seconds_per_epoch": ("s per epoch", "{:.0f}"),
}


def _print(rows: list[Row], args: argparse.Namespace) -> None:
    seen_by = (
        f"the features of {Path(args.classifier).stem}"
        if args.classifier
        else "VGG-16 features (not the Inception FID)"
    )
    table = Table(title=f"{args.data}: by {seen_by}")
    shown = {name: column for name, column in _COLUMNS.items() if any(name in row for row in rows)}
    table.add_column("model")
    for heading, _ in shown.values():
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["model"],
            *(form.format(row[name]) if name in row else "-" for name, (_, form) in shown.items()),
        )
    show(table)


if __name__ == "__main__":
    sys.exit(main())
