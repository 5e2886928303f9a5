"""IDX files, the format of MNIST (LeCun et al. 1998) and of Fashion-MNIST (Xiao et al. 2017): a magic number,
the sides, then bytes.

Every file is held to what its header says before and after it is unpacked, so neither a wrong file nor a bomb
gets through.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import INSTALL_TRAIN, DependencyError, InputError
from fststyle.io.folders import cache_folder

NAMED = ("mnist", "fashion-mnist")
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


def is_idx(folder: Path) -> bool:
    """Whether any of MNIST's four files is in the folder."""
    return any(
        _there(folder, pattern.format(part)) for pattern in (_IMAGES, _LABELS) for part in ("train", "t10k")
    )


def read_images(folder: Path, part: str) -> NDArray[np.uint8] | None:
    """uint8 (N, H, W) of the part train or t10k, or None where it is not there.

    Raises `InputError` for a file that is not what it says.
    """
    path = _there(folder, _IMAGES.format(part))
    return _read(path, 3) if path else None


def read_labels(folder: Path, part: str) -> NDArray[np.uint8] | None:
    """uint8 (N,), one for each image of the part, or None where they are not there.

    Raises `InputError` as above.
    """
    path, images = _there(folder, _LABELS.format(part)), _there(folder, _IMAGES.format(part))
    if path is None or images is None:
        return None
    labels, count = _read(path, 1), _sides(images, 3)[0]
    if len(labels) != count:
        raise InputError(f"{path}: holds {len(labels)} labels for {count} images")
    return labels


def classes(name: str, count: int) -> tuple[str, ...]:
    """Names of the classes: Fashion-MNIST's where the folder is called so, else the numbers."""
    return _FASHION if "fashion" in name.lower() and count == len(_FASHION) else tuple(map(str, range(count)))


def cached(name: str, download: bool) -> Path:
    """The folder of mnist or fashion-mnist in the cache, fetched there by torchvision (which checks the
    files) if asked.

    Raises:
        InputError: not there and not asked for, or it could not be fetched.
        DependencyError: torchvision is not installed.
    """
    root = cache_folder() / name
    folder = root / ("MNIST" if name == "mnist" else "FashionMNIST") / "raw"
    if is_idx(folder):
        return folder
    if not download:
        raise InputError(
            f"--data {name}: not in {root} yet; --download fetches it (about 12 MB, 30 MB for fashion-mnist),"
            " or give a folder of IDX files"
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
        raise InputError(f"--data {name}: could not be fetched ({error})") from error
    return folder


def _there(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    sides = _sides(path, dimensions)
    count = math.prod(sides)
    content = _bytes(path, 4 + 4 * dimensions + count + 1)[4 + 4 * dimensions :]
    if len(content) != count:
        kind = "less" if len(content) < count else "more"
        raise InputError(f"{path}: damaged, it holds {kind} than the {count} bytes that its header promises")
    return np.frombuffer(content, np.uint8).reshape(sides).copy()  # writable, as torch wants it


def _sides(path: Path, dimensions: int) -> tuple[int, ...]:
    header = _bytes(path, 4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions or header[:4] != bytes((0, 0, 8, dimensions)):
        raise InputError(f"{path}: is not an IDX file of {'images' if dimensions == 3 else 'labels'}")
    sides = struct.unpack(f">{dimensions}I", header[4:])
    if min(sides) < 1 or math.prod(sides) > MAX_BYTES:
        raise InputError(
            f"{path}: an IDX file of {'x'.join(map(str, sides))} bytes is not one that fits here"
        )
    return sides


def _bytes(path: Path, most: int) -> bytes:
    """The first `most` bytes, unpacked; no more of a bomb than that is ever held."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(most)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
