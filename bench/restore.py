"""Print how well holes in paintings are restored, compared with OpenCV's inpainting.

    python bench/restore.py PAINTINGS --limit 10 --keep images/

A square of each painting gets synthetic holes: cracks, which are curves 2 or 3 pixels wide, or losses, which
are blobs about 24 to 40 pixels wide. Their positions depend only on the number of the painting. Each method
fills them from the rest of the image. All columns measure damaged pixels only, against the painting.

- PSNR: in dB, higher is closer. It prefers a smooth filling to brush strokes in another position.
- VGG: feature distance, lower is closer (bench/features.py: LPIPS without learned weights, in VGG-16).
  `fststyle restore` optimizes features of the same network, which favors it here.
- detail: the mean gradient divided by that of the painting; 1 is right, below 1 is blurred. It uses no
  network.
- s: seconds per painting.

`--keep` writes, for each painting and kind of damage, the results and an image: original, damaged, and each
method. Results that already exist are read instead of computed, so an interrupted run can be continued.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from features import distance
from numpy.typing import NDArray
from program import Row, run, show
from quality import square
from rich.console import Console
from rich.table import Table

import fststyle
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.train.networks.vgg import load_vgg, repeat_edges

KINDS = ("cracks", "losses")
METHODS = ("Telea", "Navier-Stokes", "fststyle restore")
FORMS = {"psnr": "{:.2f}", "vgg": "{:.3f}", "detail": "{:.2f}", "s": "{:.1f}"}


def main() -> int:
    args = _arguments()
    return run(
        lambda console: list(_rows(args, console)),
        lambda rows: print(json.dumps(rows, indent=1)) if args.json else _print(rows),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paintings", nargs="+", type=Path, help="image files or folders")
    parser.add_argument("--limit", type=int, default=10, help="number of paintings")
    parser.add_argument("--size", type=int, default=160, help="side of the squares in pixels")
    parser.add_argument("--iterations", type=int, help="iterations of `fststyle restore`")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="factor by which the square taken from a painting is scaled: 0.5 takes a square of twice --size",
    )
    parser.add_argument("--keep", type=Path, help="folder for results and images of all methods")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def holes(kind: str, size: int, seed: int) -> NDArray[np.uint8]:
    """Return a mask, uint8 (size, size), with 255 where the image is damaged."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    mask = np.zeros((size, size), np.uint8)
    if kind == "cracks":
        for _ in range(4):
            place, heading = rng.uniform(0.1 * size, 0.9 * size, 2), rng.uniform(0, 2 * np.pi)
            points = [place]
            for _ in range(14):
                heading += rng.normal(0, 0.35)
                points.append(points[-1] + size / 18 * np.array((np.cos(heading), np.sin(heading))))
            cv2.polylines(mask, [np.array(points, np.int32)], False, 255, int(rng.integers(2, 4)))
    else:
        for _ in range(2):
            place = rng.uniform(0.22 * size, 0.78 * size, 2)
            angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            waves = [rng.uniform(0, 0.12) * np.sin(k * angles + rng.uniform(0, 6)) for k in (2, 3, 5)]
            reach = rng.uniform(12, 20) * (1 + np.sum(waves, axis=0))
            outline = place + reach[:, None] * np.stack((np.cos(angles), np.sin(angles)), 1)
            cv2.fillPoly(mask, [outline.astype(np.int32)], 255)
    return mask


def filled(method: str, damaged: NDArray[np.uint8], mask: NDArray[np.uint8], args: argparse.Namespace) -> Any:
    """Return the image, with its holes filled by a method."""
    if method == "Telea":
        return cv2.inpaint(damaged, mask, 3, cv2.INPAINT_TELEA)
    if method == "Navier-Stokes":
        return cv2.inpaint(damaged, mask, 3, cv2.INPAINT_NS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.png"
        images.write(images.Picture([images.Frame(np.dstack([mask] * 3))]), path)
        settings = {} if args.iterations is None else {"iterations": args.iterations}
        return fststyle.restore(damaged, path, **settings)


class Measures:
    """The metrics of the table."""

    def __init__(self) -> None:
        self.vgg = repeat_edges(load_vgg())

    def __call__(
        self, found: NDArray[np.uint8], truth: NDArray[np.uint8], mask: NDArray[np.uint8]
    ) -> dict[str, float]:
        hole = mask > 0
        error = np.square(found.astype(np.float64) - truth)[hole].mean()
        return {
            "psnr": float(10 * np.log10(255**2 / max(error, 1e-9))),
            "vgg": distance(self.vgg, found, truth, hole),
            "detail": _gradient(found, hole) / _gradient(truth, hole),
        }


def _gradient(rgb: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the mean gradient within the hole."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = (cv2.Sobel(gray, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))
    return float(cv2.magnitude(across, down)[hole].mean())


def _rows(args: argparse.Namespace, console: Console) -> Iterator[Row]:
    measure = Measures()
    for number, path in enumerate(_files(args.paintings)[: args.limit]):
        for kind in KINDS:
            kept = args.keep / f"{path.stem}-{kind}.json" if args.keep else None
            if kept and kept.exists():
                yield from json.loads(kept.read_text())
                continue
            truth, mask = _square(path, args.size, args.scale), holes(kind, args.size, number)
            rows, tiles = _compared(path.stem, kind, truth, mask, measure, args, console)
            if kept:
                images.write(images.Picture([images.Frame(np.hstack(tiles))]), kept.with_suffix(".png"))
                kept.write_text(json.dumps(rows, indent=1) + "\n")
            yield from rows


def _compared(
    name: str,
    kind: str,
    truth: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    measure: Measures,
    args: argparse.Namespace,
    console: Console,
) -> tuple[list[Row], list[NDArray[np.uint8]]]:
    """Return the metrics of all methods on one painting, and the images: original, damaged, and the result of
    each method.
    """
    damaged = truth.copy()
    damaged[mask > 0] = 255
    rows, tiles = [], [truth, damaged]
    for method in METHODS:
        with console.status(f"{name}: {kind}, {method}"):
            begin = time.perf_counter()
            result = filled(method, damaged, mask, args)
            seconds = time.perf_counter() - begin
        if (result[mask == 0] != truth[mask == 0]).any():
            raise InputError(f"{method} changed pixels outside the mask")
        tiles.append(result)
        figures = measure(result, truth, mask)
        rows.append({"painting": name, "kind": kind, "method": method, **figures, "s": seconds})
    return rows, tiles


def _files(given: list[Path]) -> list[Path]:
    return [path for name in given for path in (images.find(name) if name.is_dir() else [name])]


def _square(path: Path, size: int, scale: float) -> NDArray[np.uint8]:
    """Return the central square of a painting, scaled by `scale` to (size, size, 3).

    If the painting is not larger than this square, its whole central square is scaled.
    """
    rgb = images.read(path).opaque
    side = round(size / scale)
    if min(rgb.shape[:2]) <= side:
        return square(path, size)
    top, left = ((length - side) // 2 for length in rgb.shape[:2])
    part = rgb[top : top + side, left : left + side]
    return part if side == size else np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA))


def _print(rows: list[Row]) -> None:
    count = len({row["painting"] for row in rows})
    table = Table(title=f"damaged pixels of {count} paintings, means")
    for name in ("damage", "method"):
        table.add_column(name)
    for name in FORMS:
        table.add_column(name, justify="right")
    for kind in KINDS:
        table.add_section()
        for method in METHODS:
            mine = [row for row in rows if (row["kind"], row["method"]) == (kind, method)]
            figures = [form.format(np.mean([row[name] for row in mine])) for name, form in FORMS.items()]
            table.add_row(kind, method, *figures)
    show(table)


if __name__ == "__main__":
    sys.exit(main())
