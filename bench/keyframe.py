"""Print how well styles of `fststyle keyframe train` stylize their shot, compared with other methods.

    python bench/keyframe.py --frames shot/ --painted ink_040.png --held-out ink_070.png --style ink.onnx \\
        --filter stylization

The rows are methods:

- scene: the frames of the shot, not stylized.
- frame by frame: the method that made the painted frame stylizes each frame. It is a filter of OpenCV
  (--filter), or a style (--network) in place of `fststyle gatys`, which is too slow for all frames.
- warped: the painted frame is warped to every frame along the optical flow of consecutive frames.
- keyframe: the style that was trained on the painted frame, without and with the temporal filter of
  `fststyle video`.

The columns are metrics:

- error: warping error, MSE 0-255, as in bench/temporal.py; lower is more stable. It is nearly 0 for warped
  frames by construction.
- moving: the same where the scene moves by more than half a pixel.
- pixel: mean absolute difference (0-255) from the held-out painted frame, which is not used in training.
- VGG: feature distance from the held-out painted frame (bench/features.py); lower is closer.
- style: style loss of the frames against the painted frame (fststyle/train/losses/multiscale.py), mean of up
  to eight frames; lower is closer. Training minimizes this loss, so it favors the trained style.
- detail: the mean gradient of the frames divided by that of the painted frame.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from features import distance
from numpy.typing import NDArray
from program import Row, run, show
from rich.console import Console
from rich.table import Table
from stylizers import FrameStylizer, source
from temporal import Motion

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.runtime.temporal import TemporalFilter
from fststyle.train.data.loader import to_tensor
from fststyle.train.keyframe.shot import MOST, read_shot
from fststyle.train.losses.multiscale import MultiscaleStyle
from fststyle.train.networks.vgg import load_vgg, repeat_edges

Frame = NDArray[np.uint8]
FILTERS: dict[str, Callable[[Frame], Frame]] = {
    "stylization": lambda bgr: cv2.stylization(bgr, sigma_s=60, sigma_r=0.45),
    "pencil": lambda bgr: cv2.pencilSketch(bgr, sigma_s=60, sigma_r=0.07, shade_factor=0.05)[1],
}
"""Name -> OpenCV filter, a function of a BGR frame."""
FORMS = {
    "error": "{:.0f}",
    "moving": "{:.0f}",
    "pixel": "{:.1f}",
    "vgg": "{:.3f}",
    "style": "{:.2f}",
    "detail": "{:.2f}",
}
"""Columns and their formats."""
MOVING = 0.5
"""Smallest motion in pixels that counts as moving."""
STYLED = 8
"""Largest number of frames for the style and detail columns."""


def main() -> int:
    args = _arguments()
    return run(
        lambda console: _rows(args, console),
        lambda rows: print(json.dumps(rows, indent=1)) if args.json else _print(rows),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--frames", type=Path, required=True, help="the shot, as for `fststyle keyframe train`"
    )
    parser.add_argument("--painted", type=Path, required=True, help="the painted frame used for training")
    parser.add_argument("--held-out", type=Path, required=True, help="another painted frame")
    parser.add_argument("--style", required=True, help="the style that was trained on the painted frame")
    parser.add_argument("--filter", choices=FILTERS, help="the filter that made the painted frame")
    parser.add_argument("--network", help="a style that stylizes frame by frame")
    parser.add_argument("--sheet", type=Path, help="image file to which frames of all methods are written")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    if not args.filter and not args.network:
        parser.error("give a --filter or a --network")
    return args


class Filter:
    """An OpenCV filter, callable on frames, uint8 (H, W, 3) RGB."""

    def __init__(self, name: str):
        self.apply = FILTERS[name]

    def __call__(self, rgb: Frame) -> Frame:
        bgr = self.apply(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def ways(
    args: argparse.Namespace, painted: Frame, frames: list[Frame], key: int
) -> dict[str, Callable[[], list[Frame]]]:
    """Return a dict from the name of each method to a function that returns all stylized frames. `painted` is
    the painted version of the frame with the index `key`.
    """
    painter, steady = FrameStylizer(source(args.style), 1), TemporalFilter()
    alone = FrameStylizer(source(args.network), 1) if args.network else Filter(args.filter)
    return {
        "scene": lambda: frames,
        f"frame by frame ({args.network or args.filter})": lambda: [alone(rgb) for rgb in frames],
        "warped": lambda: warped(frames, key, painted),
        "keyframe": lambda: [painter(rgb) for rgb in frames],
        "keyframe, steady": lambda: [steady(rgb, painter(rgb)) for rgb in frames],
    }


def warped(frames: list[Frame], key: int, painted: Frame) -> list[Frame]:
    """Return `painted`, the painted version of the frame with the index `key`, warped to every frame along
    the flow of consecutive frames.
    """
    height, width = painted.shape[:2]
    grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    result = {key: painted}
    for order in (range(key + 1, len(frames)), range(key - 1, -1, -1)):
        place, last = grid, key
        for number in order:
            there = Motion(frames[last], frames[number]).there.astype(np.float32)
            place = cv2.remap(place, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            result[number] = cv2.remap(painted, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            last = number
    return [result[number] for number in range(len(frames))]


def _rows(args: argparse.Namespace, console: Console) -> list[Row]:
    with console.status("the shot"):
        shot = read_shot(args.frames, [args.painted], None)
        held = read_shot(args.frames, [args.held_out], None).pairs[0]
        first = shot.neighbors[0][0]
        if [number for number, _, _ in shot.neighbors] != list(range(first, first + len(shot.neighbors))):
            raise InputError(
                f"{args.frames}: the shot must have consecutive frame numbers, and at most {MOST + 1} frames"
            )
        frames = [shot.neighbors[0][1], *(after for _, _, after in shot.neighbors)]
        motions = [Motion(a, b) for a, b in itertools.pairwise(frames)]
        vgg = repeat_edges(load_vgg())
        painted = shot.pairs[0].painted
        style = MultiscaleStyle(vgg, to_tensor(painted)[None], 0.6, 1)
    rows, tiles = [], []
    for name, paint in ways(args, painted, frames, shot.pairs[0].number - first).items():
        with console.status(name):
            made = paint()
        there = made[held.number - first]
        places = np.unique(np.linspace(0, len(made) - 1, STYLED).round().astype(int))
        some = [made[place] for place in places]
        with torch.no_grad():
            losses = [float(style(*(to_tensor(rgb)[None] for rgb in (made[i], frames[i])))) for i in places]
        rows.append(
            {
                "way": name,
                **_steadiness(made, motions),
                "pixel": float(np.abs(there.astype(np.float32) - held.painted).mean()),
                "vgg": distance(vgg, there, held.painted),
                "style": float(np.mean(losses)),
                "detail": float(np.mean([_gradient(rgb) for rgb in some])) / _gradient(painted),
            }
        )
        tiles.append([some[0], there, some[-1]])
    if args.sheet:
        tiles.append([painted, held.painted, np.full_like(painted, 255)])
        sheet = np.vstack([np.hstack(row) for row in tiles])
        images.write(images.Picture([images.Frame(sheet)]), args.sheet)
    return rows


def _steadiness(frames: list[Frame], motions: list[Motion]) -> dict[str, float]:
    """Return the warping error of consecutive frames over the pixels with reliable flow, and over the moving
    ones among them.
    """
    height, width = frames[0].shape[:2]
    grid = np.dstack(np.meshgrid(np.arange(width), np.arange(height)))
    totals = {"error": [0.0, 0.0], "moving": [0.0, 0.0]}
    for motion, (before, after) in zip(motions, itertools.pairwise(frames), strict=True):
        moved = cv2.remap(before, motion.there.astype(np.float32), None, cv2.INTER_LINEAR).astype(np.float32)
        square = np.square(after - moved).mean(2)
        moving = np.hypot(*np.moveaxis(motion.there - grid, 2, 0)) > MOVING
        for name, mask in (("error", motion.certain), ("moving", motion.certain & moving)):
            totals[name][0] += float(square[mask].sum())
            totals[name][1] += float(mask.sum())
    return {name: total / max(1.0, count) for name, (total, count) in totals.items()}


def _gradient(rgb: Frame) -> float:
    """Return the mean gradient of a frame."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = (cv2.Sobel(gray, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))
    return float(cv2.magnitude(across, down).mean())


def _print(rows: list[Row]) -> None:
    table = Table(title="a shot stylized by several methods")
    table.add_column("method")
    for name in FORMS:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(row["way"], *(form.format(row[name]) for name, form in FORMS.items()))
    show(table)


if __name__ == "__main__":
    sys.exit(main())
