"""Print a table of the artifacts of style files: grids, woven texture, uneven color and border bands.

    python bench/artifacts.py starry-night other.onnx

Measured on flat colors with a little grain:

- grid: spectral energy at the frequencies of the network's stride (periods of 4 and 8 pixels), divided by
  that of the neighboring frequencies. 1 means no grid.
- border: difference in mean and in standard deviation (0-255) between the outer 16 pixels and the middle,
  which is more than 64 pixels from the border.

Measured on photos (those of examples/, or `--photos`); the last row has the values of the photos:

- weave: `block_texture_loss` of fststyle/train/losses/grid.py: how closely the contrast follows blocks of 4
  pixels. 0 means no weave.
- mesh: power of lines along rows and columns of pixels relative to that in other directions, for lines that
  repeat every 2 to 5 pixels (`mesh_log_ratio` of fststyle/train/losses/mesh.py, the largest of its bands).
- uneven: `even_loss` below: variance of the output where the photo has one color (MSE, 0-255). Halos and
  blotches increase it.
- edge: contrast of the outer 8 pixels divided by that of the interior, relative to the same ratio of the
  photo. 1 means no border effect.

To compare with a reference network, add its file to the arguments.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from program import run, show
from rich.table import Table
from stylizers import FrameStylizer, included, source
from torch import Tensor
from torch.nn import functional as F

from fststyle.io import images
from fststyle.train.data.loader import to_tensor
from fststyle.train.losses.grid import block_texture_loss
from fststyle.train.losses.mesh import mesh_log_ratio

EXAMPLES = Path(__file__).parents[1] / "examples"

COLORS = ((200, 200, 200), (90, 140, 220), (40, 40, 50), (180, 120, 60), (230, 220, 150))
"""The flat colors."""


def grid(stylized: NDArray[np.uint8], period: int) -> float:
    """Return the energy at the frequencies k / period of both axes, divided by that of their neighbors; 1
    means no repetition.

    Args:
        stylized: uint8 (H, W, 3), H and W multiples of 8.
        period: period in pixels.
    """
    gray = stylized.astype(np.float64).mean(2)
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


def border(stylized: NDArray[np.uint8], width: int = 16) -> tuple[float, float]:
    """Return the differences (0-255) of the mean color and of the standard deviation between the outer
    `width` pixels and the middle, which is more than four times `width` from the border.
    """
    image = stylized.astype(np.float64)
    inside = np.zeros(image.shape[:2], bool)
    inside[4 * width : -4 * width, 4 * width : -4 * width] = True
    edge = np.ones_like(inside)
    edge[width:-width, width:-width] = False
    return float(np.abs(image[edge].mean(0) - image[inside].mean(0)).mean()), float(
        abs(image[edge].std() - image[inside].std())
    )


def weave(stylized: NDArray[np.uint8]) -> float:
    """Return `block_texture_loss` of an image (H, W, 3): how closely its contrast follows 4x4 blocks."""
    with torch.no_grad():
        return block_texture_loss(to_tensor(stylized)[None]).item()


def mesh(stylized: NDArray[np.uint8]) -> float:
    """Return the power of fine lines along rows and columns of an image (H, W, 3), relative to that in other
    directions; the largest value of the bands of `mesh_log_ratio`.
    """
    with torch.no_grad():
        return mesh_log_ratio(to_tensor(stylized)[None]).exp().max().item()


SAME, STROKES = 10.0, 20.0
"""Color differences (0-255) in `even_loss`: up to about `SAME`, two regions of the photo count as the same
color; up to about `STROKES`, differences in the output, as from brush strokes, cost little.
"""


def even_loss(stylized: Tensor, photo: Tensor) -> Tensor:
    """Return the variance of the output where the photo has one color, (N,), as MSE (0-255) per channel.

    A photo compared with itself has about 10. Colors are means over blocks of 16 x 16 pixels, at up to 24
    positions along each side. The result is the mean of d^2 / (d + `STROKES`^2) over all pairs of blocks,
    where d is the squared distance of their colors in the output (mean over the channels), weighted by a
    Gaussian with standard deviation `SAME` of the distance of their colors in the photo. Brush strokes in a
    sky therefore cost little, but a sky that is light near the roofs and dark elsewhere costs much. Content
    losses and Gram matrices do not penalize such halos. We know of no paper with this loss; the closest is
    the photorealism regularization of Luan et al. 2017 (arXiv:1703.07511).

    Args:
        stylized: stylized images, (N, 3, H, W) in [-1, 1].
        photo: their photos, of the same shape.
    """
    height, width = photo.shape[2:]
    side, step = min(16, height, width), max(8, max(height, width) // 24)
    with torch.autocast(photo.device.type, enabled=False):
        theirs, ours = (
            F.avg_pool2d(image.float() * 127.5, side, step).flatten(2).transpose(1, 2)
            for image in (photo, stylized)
        )
        alike = (-_distances(theirs) / (2 * SAME**2)).exp()
        apart = _distances(ours) / 3
        return (alike * apart.square() / (apart + STROKES**2)).sum((1, 2)) / alike.sum((1, 2))


def _distances(points: Tensor) -> Tensor:
    """Return the squared distances (N, P, P) between points (N, P, C)."""
    square = points.square().sum(2)
    return (square[:, :, None] + square[:, None] - 2 * points @ points.transpose(1, 2)).clamp(min=0)


def uneven(stylized: NDArray[np.uint8], photo: NDArray[np.uint8]) -> float:
    """Return `even_loss` of a stylized image and its photo, uint8 (H, W, 3)."""
    with torch.no_grad():
        return even_loss(to_tensor(stylized)[None], to_tensor(photo)[None]).item()


def edge(stylized: NDArray[np.uint8], photo: NDArray[np.uint8], width: int = 8) -> float:
    """Return the contrast of the outer `width` pixels of a stylized image, divided by that at distances of 3
    to 6 times `width` from the border, relative to the same ratio of its photo. 1 means no border effect.
    """

    def contrast(image: NDArray[np.uint8]) -> float:
        gray = image.astype(np.float64).mean(2)
        steps = np.diff(gray, axis=0)[:, 1:] ** 2 + np.diff(gray, axis=1)[1:] ** 2
        row, column = np.indices(steps.shape)
        depth = np.minimum.reduce([row, column, row[::-1], column[:, ::-1]])
        return float(
            (steps[depth < width].mean() + 1) / (steps[(depth >= 3 * width) & (depth < 6 * width)].mean() + 1)
        )

    return contrast(stylized) / contrast(photo)


def on_photos(pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> dict[str, float]:
    """Return the mean metrics of pairs of a stylized image and its photo."""
    return {
        "edge": float(np.mean([edge(*pair) for pair in pairs])),
        "weave": float(np.mean([weave(stylized) for stylized, _ in pairs])),
        "mesh": float(np.mean([mesh(stylized) for stylized, _ in pairs])),
        "uneven": float(np.mean([uneven(*pair) for pair in pairs])),
    }


def measure(stylizer: FrameStylizer, photos: list[NDArray[np.uint8]], side: int = 256) -> dict[str, float]:
    """Return the mean metrics of one style file, on flat frames with a little grain and on `photos`."""
    rng = np.random.default_rng(0)
    frames = [
        np.clip(np.array(color) + rng.normal(0, 2, (side, side, 3)), 0, 255).astype(np.uint8)
        for color in COLORS
    ]
    stylized = [stylizer(frame) for frame in frames]
    edges = [border(image) for image in stylized]
    return {
        "grid 4": float(np.mean([grid(p, 4) for p in stylized])),
        "grid 8": float(np.mean([grid(p, 8) for p in stylized])),
        "border mean": float(np.mean([m for m, _ in edges])),
        "border spread": float(np.mean([s for _, s in edges])),
        **on_photos([(stylizer(photo), photo) for photo in photos]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        nargs="*",
        help="style names, style files, or any float NCHW network (FILE@1: in 0..1); "
        "default: all included styles",
    )
    parser.add_argument(
        "--photos",
        type=Path,
        default=EXAMPLES,
        help="folder of photos for edge, weave, mesh and uneven; default: examples/",
    )
    args = parser.parse_args()

    def rows() -> list[tuple[str, dict[str, float]]]:
        files = [source(text) for text in args.files] or included()
        photos = [images.read(path).opaque for path in images.find(args.photos)]
        found = [(what.label, measure(FrameStylizer(what), photos)) for what in files]
        return [*found, ("the photos", on_photos([(photo, photo) for photo in photos]))]

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
