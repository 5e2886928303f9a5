"""A set of small square pictures of one size, in memory: MNIST and its likes (`fststyle.io.idx`), or any
folder of images.

No torch: the trainers, the torch-free tools and the judges read the same sets.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fststyle.errors import InputError
from fststyle.io import idx, images

Pixels = NDArray[np.uint8]
SIDES = (28, 32, 64, 128)
"""Pixels a side that the networks are made for."""
FEWEST = 8
"""Pictures that a folder must hold at least: fewer are nothing to learn a distribution from."""
HOLD_OUT = 10
"""Of a folder every tenth picture (by name) is kept for testing; MNIST has test files of its own."""
MAX_BYTES = 8 << 30


@dataclass(frozen=True)
class Pictures:
    """A set of them.

    ``rgb``: uint8 (N, S, S, C) with C = 1 where all are grey, else 3; ``labels``: (N,) int64 into
    ``classes``, or None; ``skipped``: files not usable; ``held_out``: whether it is every `HOLD_OUT`th of a
    folder, on which no training learns.
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
        return int(self.rgb.shape[1])

    @property
    def channels(self) -> int:
        return int(self.rgb.shape[3])

    def sha256(self) -> str:
        """Of the pixels and labels: two sets with the same one are the same set."""
        digest = hashlib.sha256(repr((self.rgb.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.rgb).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


def load(
    data: str | Path, size: int | None = None, download: bool = False, without: Iterable[Path] = ()
) -> tuple[Pictures, Pictures]:
    """The pictures to learn on and those to test on.

    Args:
        data: a folder with the IDX files of MNIST's layout (.gz or not; a part without images is empty, one
            without labels has none), any other folder of images, whose subfolders are its classes, or the
            words mnist and fashion-mnist.
        size: side in pixels, of `SIDES`; None takes 28 for IDX files and 64 for images. Pictures are cut to
            their middle square and scaled.
        download: let torchvision fetch mnist or fashion-mnist into the cache folder.
        without: files of the folder that are no part of it, the preview of a training in the same place.

    Raises:
        InputError: nothing usable there, too few pictures in a folder, files that are not what they say, or
            more than fits in memory.
    """
    if size is not None and size not in SIDES:
        raise InputError(f"--size: {size} is none of {', '.join(map(str, SIDES))}")
    if not str(data):
        raise InputError("--data: is empty (an unset variable of the shell?)")
    folder = Path(data)
    if not folder.exists() and str(data) in idx.NAMED:
        folder = idx.cached(str(data), download)
    if idx.is_idx(folder):
        return _of_idx(folder, Path(data).name, size or 28)
    return _of_folder(folder, size or 64, without)


def _of_idx(folder: Path, name: str, size: int) -> tuple[Pictures, Pictures]:
    found = {
        part: (idx.read_images(folder, part), idx.read_labels(folder, part)) for part in ("train", "t10k")
    }
    if all(gray is None for gray, _ in found.values()):
        raise InputError(f"{folder}: has labels but no images")
    if (learned := found["train"][0]) is not None and len(learned) < FEWEST:
        raise InputError(f"{folder}: holds {len(learned)} pictures to learn on, at least {FEWEST} are needed")
    labels = [labels for _, labels in found.values() if labels is not None]
    names = idx.classes(name, int(max(some.max() for some in labels)) + 1) if labels else ()

    def part(gray: Pixels | None, labels: Pixels | None) -> Pictures:
        if gray is None:
            return Pictures(np.empty((0, size, size, 1), np.uint8))
        if gray.shape[1:] != (size, size):
            gray = np.stack(
                [
                    np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
                    for picture in gray
                ]
            )
        return Pictures(
            gray[..., None],
            None if labels is None else labels.astype(np.int64),
            names if labels is not None else (),
        )

    return part(*found["train"]), part(*found["t10k"])


def _of_folder(folder: Path, size: int, without: Iterable[Path]) -> tuple[Pictures, Pictures]:
    files = images.find(folder, without)
    if len(files) * size * size * 3 > MAX_BYTES:
        raise InputError(
            f"{folder}: {len(files)} pictures of {size} pixels need more than {MAX_BYTES >> 30} GiB; take a"
            " smaller --size"
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
    if len(kept) < FEWEST:
        raise InputError(
            f"{folder}: holds {len(kept)} usable picture{'s' * (len(kept) != 1)}, at least {FEWEST} are"
            " needed"
        )
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    places = [path.relative_to(folder).parts[:-1] for path in kept]
    names = tuple(sorted({place[0] for place in places})) if all(places) else ()
    labels = np.array([names.index(place[0]) for place in places], np.int64) if len(names) > 1 else None
    tested = np.arange(len(kept)) % HOLD_OUT == 0

    def part(chosen: NDArray[np.bool_], held_out: bool) -> Pictures:
        return Pictures(
            pixels[chosen],
            None if labels is None else labels[chosen],
            names if labels is not None else (),
            tuple(skipped),
            held_out,
        )

    return part(~tested, False), part(tested, True)


def joined(learned: Pictures, tested: Pictures) -> Pictures:
    """The two parts of a folder as one set."""
    labels = (
        None
        if learned.labels is None or tested.labels is None
        else np.concatenate([learned.labels, tested.labels])
    )
    return Pictures(np.concatenate([learned.rgb, tested.rgb]), labels, learned.classes, learned.skipped)


def square(rgb: Pixels, size: int) -> Pixels:
    """The middle square of uint8 (H, W, 3), scaled to `size` pixels a side."""
    height, width = rgb.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    middle = np.ascontiguousarray(rgb[top : top + short, left : left + short])
    if short == size:
        return middle
    return np.asarray(Image.fromarray(middle).resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3))


def order(count: int, *, seed: int, batch: int, start: int, steps: int) -> Iterator[NDArray[np.int64]]:
    """Which of `count` pictures the steps `start` .. `steps` - 1 see: `batch` indices each, every picture
    once an epoch, in a new order each epoch.

    A function of seed and step alone, so a resumed training sees what an unbroken one would have.
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
