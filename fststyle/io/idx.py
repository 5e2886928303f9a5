"""IDX files, the format of MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): a magic number,
the dimensions, and uint8 data.

At most one byte more than the header states is decompressed, so decompression bombs cannot exhaust the
memory.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from fststyle.arrays import Pixels
from fststyle.errors import INSTALL_TRAIN, DependencyError, InputError
from fststyle.io.folders import cache_folder

NAMED = ("mnist", "fashion-mnist")
"""Datasets that can be downloaded."""
_FASHION = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_IMAGES, _LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"
MAX_BYTES = 2 << 30
"""Maximum size in bytes of the decompressed data of a file."""


def is_idx(folder: Path) -> bool:
    """Return whether the folder contains at least one of the four IDX files of MNIST."""
    return any(
        _existing(folder, pattern.format(part))
        for pattern in (_IMAGES, _LABELS)
        for part in ("train", "t10k")
    )


def read_images(folder: Path, part: str) -> Pixels | None:
    """Return the images of the training or test set, uint8 (N, H, W), or None if the file does not exist.

    Args:
        folder: the folder that contains the IDX files.
        part: "train" for the training set, "t10k" for the test set.

    Raises:
        InputError: the file cannot be read, is not an IDX file of images, is empty or larger than
            `MAX_BYTES`, or does not match its header.
    """
    path = _existing(folder, _IMAGES.format(part))
    return _read(path, 3) if path else None


def read_labels(folder: Path, part: str) -> Pixels | None:
    """Return the labels of the training or test set, uint8 (N,).

    Returns None if the file of the labels or that of the images does not exist. The arguments are those of
    `read_images`.

    Raises:
        InputError: a file is not usable (see `read_images`), or the numbers of labels and images differ.
    """
    path, images = _existing(folder, _LABELS.format(part)), _existing(folder, _IMAGES.format(part))
    if path is None or images is None:
        return None
    labels, count = _read(path, 1), _sides(images, 3)[0]
    if len(labels) != count:
        raise InputError(f"{path}: contains {len(labels)} labels for {count} images")
    return labels


def classes(name: str, count: int) -> tuple[str, ...]:
    """Return the names of the ``count`` classes of the dataset or folder ``name``.

    If ``name`` contains "fashion" and there are ten classes, these are the names of the Fashion-MNIST
    classes. Otherwise, they are the numbers from 0, as strings.
    """
    return _FASHION if "fashion" in name.lower() and count == len(_FASHION) else tuple(map(str, range(count)))


def cached(name: str, download: bool) -> Path:
    """Return the folder, within the cache folder, that contains the IDX files of mnist or fashion-mnist.

    If ``download`` is True, torchvision downloads and verifies a missing dataset.

    Raises:
        InputError: the dataset is not in the cache and ``download`` is False, or the download failed.
        DependencyError: the dataset must be downloaded, but torchvision is not installed.
    """
    root = cache_folder() / name
    folder = root / ("MNIST" if name == "mnist" else "FashionMNIST") / "raw"
    if is_idx(folder):
        return folder
    if not download:
        raise InputError(
            f"--data {name}: not in {root}; download it with --download (about"
            f" {12 if name == 'mnist' else 30} MB), or give a folder of IDX files"
        )
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DependencyError(f"--download needs torchvision; {INSTALL_TRAIN} [{error}]") from error
    try:
        for train in (True, False):
            (datasets.MNIST if name == "mnist" else datasets.FashionMNIST)(
                str(root), train=train, download=True
            )
    except (OSError, RuntimeError) as error:
        raise InputError(f"--data {name}: the download failed ({error})") from error
    return folder


def _existing(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _read(path: Path, dimensions: int) -> Pixels:
    sides = _sides(path, dimensions)
    count = math.prod(sides)
    content = _bytes(path, 4 + 4 * dimensions + count + 1)[4 + 4 * dimensions :]
    if len(content) != count:
        kind = "fewer" if len(content) < count else "more"
        raise InputError(f"{path}: is damaged: it holds {kind} bytes than its header states ({count:,})")
    return np.frombuffer(content, np.uint8).reshape(sides).copy()  # a writable copy, as torch needs


def _sides(path: Path, dimensions: int) -> tuple[int, ...]:
    header = _bytes(path, 4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions or header[:4] != bytes((0, 0, 8, dimensions)):
        raise InputError(f"{path}: is not an IDX file of {'images' if dimensions == 3 else 'labels'}")
    sides = struct.unpack(f">{dimensions}I", header[4:])
    if min(sides) < 1 or math.prod(sides) > MAX_BYTES:
        raise InputError(
            f"{path}: its header gives a size of {'x'.join(map(str, sides))} bytes; the data must be neither"
            f" empty nor larger than {MAX_BYTES >> 30} GiB"
        )
    return sides


def _bytes(path: Path, most: int) -> bytes:
    """Return the first ``most`` bytes of a file, decompressed if its suffix is .gz. Raises `InputError` if it
    cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(most)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
