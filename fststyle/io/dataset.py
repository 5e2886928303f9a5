"""Datasets of small square images in memory: MNIST and similar datasets (`fststyle.io.idx`), or a folder of
images.

Loading needs no PyTorch, since inference reads the same datasets as training.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fststyle.arrays import Pixels
from fststyle.errors import InputError
from fststyle.io import idx, images

SIDES = (28, 32, 64, 128)
"""Supported sides in pixels."""
MIN_PICTURES = 8
"""Minimum number of training images in IDX files, or of usable images in a folder."""
HOLD_OUT = 10
"""Size of the groups into which the usable images of a folder are divided, in the order of their paths. The
first image of each group is held out for testing. IDX datasets have separate test files.
"""
MAX_BYTES = 8 << 30
"""Maximum size in bytes of the resized images of a folder, as RGB."""


@dataclass(frozen=True)
class Dataset:
    """A dataset of square images.

    Args:
        rgb: the images, uint8 (N, S, S, C), where C is 1 if all images are gray, otherwise 3.
        labels: indices into ``classes``, int64 (N,), or None.
        classes: the names of the classes; empty without labels.
        skipped: paths of the image files in a folder that could not be read.
        held_out: True if this is the test set that was held out from the images of a folder (see `HOLD_OUT`).
    """

    rgb: Pixels
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = field(default=(), repr=False)
    held_out: bool = False

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def side(self) -> int:
        """Side of the images in pixels."""
        return int(self.rgb.shape[1])

    @property
    def channels(self) -> int:
        """Number of color channels: 1 for gray images, 3 for RGB images."""
        return int(self.rgb.shape[3])

    def sha256(self) -> str:
        """Return the SHA-256 hash of the shape, the pixels, the labels and the class names, as hex."""
        digest = hashlib.sha256(repr((self.rgb.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.rgb).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


def load(
    data: str | Path, size: int | None = None, download: bool = False, without: Iterable[Path] = ()
) -> tuple[Dataset, Dataset]:
    """Load the dataset ``data``, and return its training set and its test set.

    Args:
        data: "mnist", "fashion-mnist", a folder with IDX files named like those of MNIST (compressed or not;
            a missing part is an empty set), or any other folder of images. In the last case, the subfolders
            are the classes if there are at least two and all images are in subfolders.
        size: side in pixels to which all images are resized, one of `SIDES`; default: 28 for IDX files and 64
            for image files. Images from image files are first cropped to their central square; images from
            IDX files are not.
        download: whether torchvision may download mnist or fashion-mnist to the cache folder.
        without: files to ignore, such as the preview sheet of a training run in the same folder.

    Raises:
        InputError: ``size`` is not in `SIDES`, the dataset does not exist or cannot be downloaded, an IDX
            file is damaged, there are fewer than `MIN_PICTURES` images, or the images of a folder need more
            than `MAX_BYTES`.
        DependencyError: the download needs torchvision, or an image needs a package that is not installed.
    """
    if size is not None and size not in SIDES:
        raise InputError(f"--size: {size} is not one of {', '.join(map(str, SIDES))}")
    if not str(data):
        raise InputError("--data: is empty (is a shell variable unset?)")
    folder = Path(data)
    if not folder.exists() and str(data) in idx.NAMED:
        folder = idx.cached(str(data), download)
    if idx.is_idx(folder):
        return _of_idx(folder, Path(data).name, size or 28)
    return _of_folder(folder, size or 64, without)


def _of_idx(folder: Path, name: str, size: int) -> tuple[Dataset, Dataset]:
    found = {
        part: (idx.read_images(folder, part), idx.read_labels(folder, part)) for part in ("train", "t10k")
    }
    if all(gray is None for gray, _ in found.values()):
        raise InputError(f"{folder}: has labels but no images")
    if (train := found["train"][0]) is not None and len(train) < MIN_PICTURES:
        raise InputError(
            f"{folder}: contains {len(train)} training images; at least {MIN_PICTURES} are needed"
        )
    labels = [labels for _, labels in found.values() if labels is not None]
    names = idx.classes(name, int(max(some.max() for some in labels)) + 1) if labels else ()

    def part(gray: Pixels | None, labels: Pixels | None) -> Dataset:
        if gray is None:
            return Dataset(np.empty((0, size, size, 1), np.uint8))
        if gray.shape[1:] != (size, size):
            gray = np.stack(
                [
                    np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
                    for picture in gray
                ]
            )
        return Dataset(
            gray[..., None],
            None if labels is None else labels.astype(np.int64),
            names if labels is not None else (),
        )

    return part(*found["train"]), part(*found["t10k"])


def _of_folder(folder: Path, size: int, without: Iterable[Path]) -> tuple[Dataset, Dataset]:
    files = images.find(folder, without)
    if len(files) * size * size * 3 > MAX_BYTES:
        raise InputError(
            f"{folder}: {len(files)} images of {size}x{size} pixels need more than {MAX_BYTES >> 30} GiB; use"
            " a smaller --size"
        )
    kept: list[Path] = []
    skipped: list[str] = []
    pixels = np.empty((len(files), size, size, 3), np.uint8)
    for path in files:
        try:
            pixels[len(kept)] = square(images.read(path).opaque, size)
        except InputError:
            skipped.append(str(path))
            continue
        kept.append(path)
    pixels = pixels[: len(kept)]
    if len(kept) < MIN_PICTURES:
        raise InputError(
            f"{folder}: contains {len(kept)} usable image{'s' * (len(kept) != 1)}; at least {MIN_PICTURES}"
            " are needed"
        )
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    places = [path.relative_to(folder).parts[:-1] for path in kept]
    names = tuple(sorted({place[0] for place in places})) if all(places) else ()
    labels = np.array([names.index(place[0]) for place in places], np.int64) if len(names) > 1 else None
    tested = np.arange(len(kept)) % HOLD_OUT == 0

    def part(chosen: NDArray[np.bool_], held_out: bool) -> Dataset:
        return Dataset(
            pixels[chosen],
            None if labels is None else labels[chosen],
            names if labels is not None else (),
            tuple(skipped),
            held_out,
        )

    return part(~tested, False), part(tested, True)


def joined(learned: Dataset, tested: Dataset) -> Dataset:
    """Return one dataset with the images of the training set ``learned``, followed by those of the test set
    ``tested``.

    It has labels only if both sets have labels. ``classes`` and ``skipped`` are those of the training set;
    ``held_out`` is False.
    """
    labels = (
        None
        if learned.labels is None or tested.labels is None
        else np.concatenate([learned.labels, tested.labels])
    )
    return Dataset(np.concatenate([learned.rgb, tested.rgb]), labels, learned.classes, learned.skipped)


def square(rgb: Pixels, size: int) -> Pixels:
    """Return the central square of an image, uint8 (H, W, 3), resized to (size, size, 3)."""
    height, width = rgb.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    middle = np.ascontiguousarray(rgb[top : top + short, left : left + short])
    if short == size:
        return middle
    return np.asarray(Image.fromarray(middle).resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3))


def order(count: int, *, seed: int, batch: int, start: int, steps: int) -> Iterator[NDArray[np.int64]]:
    """Yield the image indices of one batch, int64 (batch,), for each step from ``start`` to ``steps`` - 1.

    Each epoch contains all ``count`` images in a new random order. A batch depends only on ``count``,
    ``seed``, ``batch`` and its step, so a resumed training run gets the same batches.
    """
    epoch, shuffled = -1, np.empty(0, np.int64)
    for step in range(start, steps):
        chosen = np.empty(batch, np.int64)
        for i, position in enumerate(range(step * batch, (step + 1) * batch)):
            if position // count != epoch:
                epoch = position // count
                shuffled = np.random.default_rng((seed, epoch)).permutation(count)
            chosen[i] = shuffled[position % count]
        yield chosen
