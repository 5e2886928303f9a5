"""Measure artifacts of style files: grids, woven texture, uneven color and border bands.

    python bench/artifacts.py starry-night other.onnx

On flat colors with a little grain:

- grid: spectral energy at the frequencies of the network's stride (periods of 4 and 8 pixels), divided by
  that of the neighboring frequencies. 1 is no grid.
- border: difference in mean and in standard deviation between the outer 16 pixels and the middle (0-255).

On photos (those of examples/, or `--photos`); the last row of the table is the photos themselves:

- weave: `block_texture_loss` of fststyle/train/losses/grid.py: how closely the contrast follows blocks of 4
  pixels. 0 is no weave.
- mesh: power of lines along rows and columns of pixels relative to that in other directions, for lines that
  repeat every 2 to 5 pixels (`mesh_log_ratio` of fststyle/train/losses/mesh.py, the largest of its bands).
- uneven: `even_loss` below: variance of the output where the photo has one color (MSE, 0-255). Halos and
  blotches raise it.
- edge: contrast of the outer 8 pixels divided by that of the inside, relative to the same ratio of the photo.

To compare with a reference network, name its file too.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from painters import FrameStylizer, shipped, source
from program import run, show
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from fststyle.io import images
from fststyle.train.data.loader import to_tensor
from fststyle.train.losses.grid import block_texture_loss
from fststyle.train.losses.mesh import mesh_log_ratio

EXAMPLES = Path(__file__).parents[1] / "examples"

COLORS = ((200, 200, 200), (90, 140, 220), (40, 40, 50), (180, 120, 60), (230, 220, 150))


def grid(painted: NDArray[np.uint8], period: int) -> float:
    """Energy at the frequencies k / period of both axes, divided by that of their neighbors; 1 where nothing
    repeats. Takes a picture of multiples of 8.
    """
    gray = painted.astype(np.float64).mean(2)
    gray -= gray.mean()
    energies = []
    for axis in (0, 1):
        power = (np.abs(np.fft.rfft(gray, axis=axis)) ** 2).sum(1 - axis)
        step = gray.shape[axis] // period
        for k in range(1, period // 2 + 1):
            at = k * step
            around = [power[i] for i in range(max(1, at - 6), min(len(power), at + 7)) if abs(i - at) > 1]
            energies.append((power[at] + 1e-3) / (np.mean(around) + 1e-3))
    return float(np.mean(energies))


def border(painted: NDArray[np.uint8], width: int = 16) -> tuple[float, float]:
    """Difference between the outer `width` pixels and the middle: of the mean color, and of the standard
    deviation, in levels.
    """
    picture = painted.astype(np.float64)
    inside = np.zeros(picture.shape[:2], bool)
    inside[4 * width : -4 * width, 4 * width : -4 * width] = True
    edge = np.ones_like(inside)
    edge[width:-width, width:-width] = False
    return float(np.abs(picture[edge].mean(0) - picture[inside].mean(0)).mean()), float(
        abs(picture[edge].std() - picture[inside].std())
    )


def weave(painted: NDArray[np.uint8]) -> float:
    """How closely the contrast of a picture (H, W, 3) follows blocks of 4 pixels: `block_texture_loss`."""
    with torch.no_grad():
        return block_texture_loss(to_tensor(painted)[None]).item()


def mesh(painted: NDArray[np.uint8]) -> float:
    """Power of fine lines along rows and columns of a picture (H, W, 3), relative to other directions."""
    with torch.no_grad():
        return mesh_log_ratio(to_tensor(painted)[None]).exp().max().item()


SAME, STROKES = 10.0, 20.0
"""Levels (0-255): the color difference below which two places of the photo count as one color, and the
difference of the output that brush strokes may have at little cost.
"""


def even_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Variance of the output where the photo has one color, per picture, (N,), as MSE (0-255) per channel.

    Both are (N, 3, H, W) in [-1, 1]. A photo compared with itself has about 10.

    Colors are means over blocks of 16 x 16 pixels, up to 24 along each side. The result is the mean of
    d^2 / (d + `STROKES`^2) over all pairs of blocks, where d is the squared distance of their colors in the
    output, weighted by a Gaussian (`SAME`) of the distance of their colors in the photo. So brush strokes in
    a sky cost little, but a sky that is light near the roofs and dark elsewhere costs much. Content losses
    and Gram matrices do not penalize such halos. Not from a paper; the closest is the photorealism
    regularization of Luan et al. 2017 (arXiv:1703.07511).
    """
    height, width = photo.shape[2:]
    side, step = min(16, height, width), max(8, max(height, width) // 24)
    with torch.autocast(photo.device.type, enabled=False):
        theirs, ours = (
            F.avg_pool2d(image.float() * 127.5, side, step).flatten(2).transpose(1, 2)
            for image in (photo, painted)
        )
        alike = (-_distances(theirs) / (2 * SAME**2)).exp()
        apart = _distances(ours) / 3
        return (alike * apart.square() / (apart + STROKES**2)).sum((1, 2)) / alike.sum((1, 2))


def _distances(points: Tensor) -> Tensor:
    """(N, P, C) -> (N, P, P): squared distances."""
    square = points.square().sum(2)
    return (square[:, :, None] + square[:, None] - 2 * points @ points.transpose(1, 2)).clamp(min=0)


def uneven(painted: NDArray[np.uint8], photo: NDArray[np.uint8]) -> float:
    """Variance of the output where the photo has one color: `even_loss`."""
    with torch.no_grad():
        return even_loss(to_tensor(painted)[None], to_tensor(photo)[None]).item()


def edge(painted: NDArray[np.uint8], photo: NDArray[np.uint8], width: int = 8) -> float:
    """Contrast of the outer `width` pixels of a stylized picture, divided by that at 3 to 6 times `width`
    from the border, relative to the same ratio of its photo; 1 is no border effect.
    """

    def contrast(picture: NDArray[np.uint8]) -> float:
        gray = picture.astype(np.float64).mean(2)
        steps = np.diff(gray, axis=0)[:, 1:] ** 2 + np.diff(gray, axis=1)[1:] ** 2
        row, column = np.indices(steps.shape)
        depth = np.minimum.reduce([row, column, row[::-1], column[:, ::-1]])
        return float(
            (steps[depth < width].mean() + 1) / (steps[(depth >= 3 * width) & (depth < 6 * width)].mean() + 1)
        )

    return contrast(painted) / contrast(photo)


def on_photos(pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> dict[str, float]:
    """The measures of stylized pictures and their photos."""
    return {
        "edge": float(np.mean([edge(*pair) for pair in pairs])),
        "weave": float(np.mean([weave(painted) for painted, _ in pairs])),
        "mesh": float(np.mean([mesh(painted) for painted, _ in pairs])),
        "uneven": float(np.mean([uneven(*pair) for pair in pairs])),
    }


def measure(painter: FrameStylizer, photos: list[NDArray[np.uint8]], side: int = 256) -> dict[str, float]:
    """The measures of one file: means over flat frames with a little grain, and over `photos`."""
    rng = np.random.default_rng(0)
    frames = [
        np.clip(np.array(color) + rng.normal(0, 2, (side, side, 3)), 0, 255).astype(np.uint8)
        for color in COLORS
    ]
    painted = [painter(frame) for frame in frames]
    edges = [border(picture) for picture in painted]
    return {
        "grid 4": float(np.mean([grid(p, 4) for p in painted])),
        "grid 8": float(np.mean([grid(p, 8) for p in painted])),
        "border mean": float(np.mean([m for m, _ in edges])),
        "border spread": float(np.mean([s for _, s in edges])),
        **on_photos([(painter(photo), photo) for photo in photos]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        nargs="*",
        help="style names, style files, or any float NCHW network (FILE@1: on 0..1); "
        "all shipped styles if none are given",
    )
    parser.add_argument(
        "--photos", type=Path, default=EXAMPLES, help="folder of photos for edge, weave, mesh and uneven"
    )
    args = parser.parse_args()

    def rows() -> list[tuple[str, dict[str, float]]]:
        files = [source(text) for text in args.files] or shipped()
        photos = [images.read(path).opaque for path in images.find(args.photos)]
        found = [(what.label, measure(FrameStylizer(what), photos)) for what in files]
        return [*found, ("the photos themselves", on_photos([(photo, photo) for photo in photos]))]

    return run(lambda _: rows(), _print)


def _print(rows: list[tuple[str, dict[str, float]]]) -> None:
    table = Table(title="grid and border on flat colors; edge, weave, mesh and uneven on photos")
    table.add_column("file")
    for name in rows[0][1]:
        table.add_column(name, justify="right")
    for label, found in rows:
        table.add_row(label, *(f"{found[name]:.2f}" if name in found else "" for name in rows[0][1]))
    show(table)


if __name__ == "__main__":
    sys.exit(main())
