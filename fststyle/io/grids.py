"""Grids of small images, and plots of confusion matrices."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fststyle.arrays import Pixels
from fststyle.io.images import Frame, Picture

_GAP = 2


def tiled(pictures: Pixels, columns: int, scale: int = 1) -> Picture:
    """Return a sheet with ``pictures``, uint8 (N, H, W, 3), in a grid of ``columns`` columns, filled row by
    row, with white gaps.

    The sheet is enlarged by the integer factor ``scale``, by repeating pixels.
    """
    count, height, width = pictures.shape[:3]
    rows = -(-count // columns)
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = _GAP + i // columns * (height + _GAP), _GAP + i % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = picture
    return still(sheet.repeat(scale, 0).repeat(scale, 1))


def still(rgb: Pixels) -> Picture:
    """Return a `Picture` whose only frame is ``rgb``, uint8 (H, W, 3)."""
    return Picture([Frame(np.ascontiguousarray(rgb))])


def confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> Picture:
    """Return a plot of the confusion matrix ``counts``, (classes, classes): rows are true classes and columns
    are predictions. Darker cells contain a larger fraction of their row.

    The names of the classes are shortened to 12 characters for rows and to 5 for columns.
    """
    cell, font = 44, ImageFont.load_default(14)
    names = [name[:12] for name in classes]
    left = 24 + max(round(font.getlength(name)) for name in names)
    side = len(names) * cell
    image = Image.new("RGB", (left + side + 8, side + 34), "white")
    draw = ImageDraw.Draw(image)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    for row, name in enumerate(names):
        draw.text((left - 8, row * cell + cell / 2), name, fill="black", font=font, anchor="rm")
        draw.text((left + row * cell + cell / 2, side + 16), name[:5], fill="black", font=font, anchor="mm")
        for column, share in enumerate(shares[row]):
            # The square root makes rare errors visible.
            shade = round(255 * (1 - 0.85 * float(share) ** 0.5))
            corner = (left + column * cell, row * cell)
            draw.rectangle((*corner, corner[0] + cell - 2, corner[1] + cell - 2), fill=(shade, shade, 255))
            if counts[row, column]:
                ink = "white" if share > 0.5 else "black"
                draw.text(
                    (corner[0] + cell / 2, corner[1] + cell / 2),
                    str(counts[row, column]),
                    fill=ink,
                    font=font,
                    anchor="mm",
                )
    return still(np.asarray(image))
