"""Print the time of the steps of a stylized frame: the network, smoothing along strokes, and details of the
photo, in milliseconds and relative to the network.

    python bench/refinement.py --style great-wave --photo examples/china.jpg --size 1280x720

The steps alternate, so that a change in the load of the machine affects all of them. Each value is the
median.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from program import Row, run, show
from rich.console import Console
from rich.table import Table

import fststyle
from fststyle.io import images
from fststyle.runtime.details import keep_details
from fststyle.runtime.stroke_smoothing import smooth_along_strokes
from fststyle.runtime.video.formats.raw import parse_size

EXAMPLE = Path(__file__).parents[1] / "examples" / "china.jpg"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--photo", type=Path, default=EXAMPLE)
    parser.add_argument("--size", nargs="+", default=["640x480", "1280x720"], help="WIDTHxHEIGHT")
    parser.add_argument("--frames", type=int, default=15)
    parser.add_argument("--smooth", type=int, default=6)
    parser.add_argument("--detail", type=float, default=0.6)
    args = parser.parse_args()

    def measure(console: Console) -> list[Row]:
        style = fststyle.load_style(args.style)
        photo = images.read(args.photo).opaque
        with console.status("measuring"):
            return [row for size in args.size for row in _rows(style, photo, size, args)]

    return run(measure, _print)


def _rows(style: fststyle.Style, photo: NDArray[np.uint8], size: str, args: argparse.Namespace) -> list[Row]:
    height, width = parse_size(size, "--size")
    frame = np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    painted = style(frame)
    steps: dict[str, Callable[[], object]] = {
        "network": lambda: style(frame),
        "smooth": lambda: smooth_along_strokes(painted, args.smooth),
        "detail": lambda: keep_details(frame, painted, args.detail),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(args.frames + 1):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            times[name].append((time.perf_counter() - begin) * 1000)
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}  # the first is a warm-up
    return [
        {"size": size, "step": name, "ms": ms, "ratio": ms / medians["network"]}
        for name, ms in medians.items()
    ]


def _print(rows: list[Row]) -> None:
    table = Table("size", "step", "ms", "times the network")
    for row in rows:
        table.add_row(row["size"], row["step"], f"{row['ms']:.1f}", f"{row['ratio']:.2f}")
    show(table)


if __name__ == "__main__":
    sys.exit(main())
