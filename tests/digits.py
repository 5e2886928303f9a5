"""Images of 28x28 pixels that a tiny network can classify: bars, whose position is the class."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def digits(count: int, classes: int = 10) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images, uint8 (count, 28, 28), and labels, (count,)."""
    rng = np.random.default_rng(4)
    labels = (np.arange(count) % classes).astype(np.uint8)
    pixels = rng.integers(0, 40, (count, 28, 28)).astype(np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        picture[4:24, 2 + 2 * label : 6 + 2 * label] += 200
    return pixels, labels


def write_idx(
    folder: Path, train: int, test: int, packed: bool = True
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Write `digits` in the four files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels, labels = digits(train + test)
    for part, chosen in (("train", slice(0, train)), ("t10k", slice(train, None))):
        for name, array in (
            (f"{part}-images-idx3-ubyte", pixels[chosen]),
            (f"{part}-labels-idx1-ubyte", labels[chosen]),
        ):
            content = (
                bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            )
            (folder / (f"{name}.gz" if packed else name)).write_bytes(
                gzip.compress(content) if packed else content
            )
    return pixels, labels
