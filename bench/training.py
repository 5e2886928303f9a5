"""Print how well different settings train a network: one painting is trained with each, and the networks are
measured on unseen photos.

    python bench/training.py --image starry-night.jpg --data PHOTOS --photos UNSEEN --steps 200 \\
        --config optimizer=muon --config optimizer=adam

A `--config` contains settings of `fststyle train`, NAME=VALUE,NAME=VALUE; "steps" in it overrides `--steps`.
The objective is content loss + 3 x style loss on squares of 256 pixels, with the painting at the size of the
first configuration; lower is better. "times first" is the objective divided by that of the first
configuration.
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
from program import Row, run, show
from quality import evenly, square
from rich.console import Console
from rich.status import Status
from rich.table import Table

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.runtime.style import load_style
from fststyle.train.data.loader import style_tensor, to_tensor
from fststyle.train.loop import Progress
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import load_vgg
from fststyle.train.style.settings import TrainSettings
from fststyle.train.style.train import train


def main() -> int:
    args = _arguments()
    return run(
        lambda console: list(_rows(args, console)),
        lambda rows: print(json.dumps(rows, indent=1)) if args.json else _print(rows, args.image.stem),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", required=True, type=Path, help="the painting")
    parser.add_argument(
        "--data", type=Path, help="folder of training photos; default: as for `fststyle train`"
    )
    parser.add_argument("--photos", required=True, type=Path, help="folder of photos for the measurement")
    parser.add_argument(
        "--config",
        action="append",
        required=True,
        help="NAME=VALUE,... of `fststyle train`; may be repeated",
    )
    parser.add_argument("--steps", type=int, default=200, help="training steps of each configuration")
    parser.add_argument(
        "--limit",
        type=int,
        default=8,
        help="number of photos for the measurement, evenly spaced in the folder",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _rows(args: argparse.Namespace, console: Console) -> Iterator[Row]:
    photos = [square(path, 256) for path in evenly(images.find(args.photos), args.limit)]
    objective = None
    for number, config in enumerate(args.config):
        with tempfile.TemporaryDirectory() as folder:
            settings = _settings(args, config, Path(folder))
            if objective is None:
                painting = style_tensor(args.image, settings.style_size)
                objective = Objective(load_vgg(), painting, content_weight=1.0, style_weight=3.0)
            with console.status("training") as status:
                began = time.monotonic()
                trained = train(settings, on_progress=functools.partial(_show_step, status, config))
                seconds = time.monotonic() - began
            style = load_style(trained.onnx, "cpu")
            with torch.no_grad():
                terms = [objective(to_tensor(style(photo))[None], to_tensor(photo)[None]) for photo in photos]
        yield {
            "config": config,
            "number": number,
            "steps": settings.steps,
            "seconds": seconds,
            "content": float(np.mean([t.content.item() for t in terms])),
            "style": float(np.mean([t.style.item() for t in terms])),
            "objective": float(np.mean([t.total.item() for t in terms])),
        }


def _show_step(status: Status, config: str, progress: Progress) -> None:
    status.update(f"{config}: step {progress.step} of {progress.steps}")


def _settings(args: argparse.Namespace, config: str, folder: Path) -> TrainSettings:
    known = get_type_hints(TrainSettings)
    given: dict[str, Any] = {}
    for pair in config.split(","):
        name, _, value = pair.partition("=")
        name = "from_" if name == "from" else name
        if name not in known:
            raise InputError(f"--config: `fststyle train` has no setting {name!r}")
        number = next((kind for kind in (int, float) if known[name] in (kind, kind | None)), None)
        try:
            given[name] = number(value) if number else value
        except ValueError:
            raise InputError(f"--config: {name} must be a number, not {value!r}") from None
    base = {
        "style": args.image,
        "output": folder,
        "data": args.data,
        "name": "bench",
        "preview_every": 0,
        "steps": args.steps,
    }
    return TrainSettings(**{**base, **given})


def _print(rows: list[Row], painting: str) -> None:
    table = Table(title=f"{painting}: objective on unseen photos, in thousands")
    table.add_column("settings")
    for name in ("steps", "minutes", "content", "style", "objective", "times first"):
        table.add_column(name, justify="right")
    for row in rows:
        k = [f"{row[name] / 1000:.0f}" for name in ("content", "style", "objective")]
        table.add_row(
            row["config"],
            str(row["steps"]),
            f"{row['seconds'] / 60:.1f}",
            *k,
            f"{row['objective'] / rows[0]['objective']:.2f}",
        )
    show(table)


if __name__ == "__main__":
    sys.exit(main())
