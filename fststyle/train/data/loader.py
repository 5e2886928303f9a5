"""Training photos as a deterministic function of the seed and the sample number.

The photo, the crop and the flip of sample i depend only on (seed, i). A resumed run therefore gets the same
crops as an uninterrupted one, the batches do not depend on the number of threads, and the loader has no state
to save.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from fststyle.arrays import RGB
from fststyle.errors import InputError, TrainingError
from fststyle.io import images
from fststyle.train.data.dead_leaves import scene
from fststyle.train.data.download import prepared_photos

PREFETCH = 4
"""Number of prefetched crops per loader thread."""
MAX_SIDE = 640
"""Largest number of pixels to which the shorter side of a photo is scaled before the photo is cropped. For
large crops, it is 1.5 times the side of the crop.
"""


def to_tensor(rgb: RGB) -> Tensor:
    """Return an image, uint8 (H, W, 3) RGB, as float32 (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1))).float().div_(127.5).sub_(1)


def style_tensor(path: Path, style_size: int, stretch: float = 0.0) -> Tensor:
    """Return a style image as (1, 3, h, w) RGB in [-1, 1].

    Args:
        path: the image file.
        style_size: the shorter side is scaled to this number of pixels. It determines the size of the brush
            strokes, so small images are upscaled.
        stretch: fraction, 0 to 1, by which the tones are stretched to the full range from black to white.
            At 1, the darkest and the lightest 1% of pixels are clipped. Scans of old prints are often
            faint.

    Raises:
        InputError: the file cannot be read, or its longer side is more than 8 times the shorter one.
    """
    rgb = images.read(path).opaque
    scale = style_size / min(rgb.shape[:2])
    height, width = (max(style_size, round(side * scale)) for side in rgb.shape[:2])
    if max(height, width) > 8 * style_size:
        size = f"{rgb.shape[1]}x{rgb.shape[0]}"
        raise InputError(f"{path}: the longer side is more than 8 times the shorter ({size})")
    image = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
    if stretch:
        full = ImageOps.autocontrast(image, cutoff=1, preserve_tone=True)
        image = Image.blend(image, full, stretch)
    return to_tensor(np.asarray(image))[None]


@dataclass(frozen=True)
class Sample:
    """One training image, which is a crop of a photo or a synthetic scene.

    Args:
        rgb: the image, uint8 (size, size, 3).
        skipped: the paths of the photos that were skipped because they are unreadable or too small.
    """

    rgb: RGB
    skipped: tuple[str, ...] = ()


class Photos:
    """Random square crops of the photos in a folder, with random scale and horizontal flip.

    A file that is unreadable or too small is replaced by the next one and reported in `Sample.skipped`.

    Args:
        folder: folder of photos of any size; subfolders are included.
        size: side of the crops in pixels.
        smallest: photos with a shorter side below this number of pixels are skipped; default: a quarter of
            `size`.
        without: files that are excluded.
        inner: the shorter side of a photo is scaled to at least this number of pixels; default: `size`. If
            the scaled photo is smaller than the crop, it is padded by reflection.
        enlarge: largest factor by which a photo is upscaled, unless `inner` requires more. Upscaled photos
            have more crops that show nothing but a flat region, such as the sky. The networks learn from them
            to stylize the flat regions of large photos.

    Raises:
        InputError: the folder cannot be read or contains no photos.
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        smallest: int | None = None,
        without: Iterable[Path] = (),
        inner: int | None = None,
        enlarge: float = 1.0,
    ):
        self.files = images.find(folder, without)
        self.size, self.inner, self.enlarge = size, size if inner is None else inner, enlarge
        self.smallest = size // 4 if smallest is None else smallest
        self.folder = folder
        self.source = f"{len(self.files)} photo{'s' * (len(self.files) != 1)} of {folder}"

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a random crop.

        Raises:
            TrainingError: none of the photos can be used.
        """
        first = int(rng.integers(len(self.files)))
        skipped: list[str] = []
        for i in range(len(self.files)):
            path = self.files[(first + i) % len(self.files)]
            try:
                rgb = images.read(path).opaque
            except InputError:
                skipped.append(str(path))
                continue
            if min(rgb.shape[:2]) < self.smallest:
                skipped.append(str(path))
                continue
            return Sample(_crop(rgb, self.size, self.inner, self.enlarge, rng), tuple(skipped))
        raise TrainingError(
            f"{self.folder}: contains no usable photo; each is unreadable or has a side below"
            f" {self.smallest} pixels"
        )


class Scenes:
    """Synthetic scenes (`fststyle.train.data.dead_leaves`), for training without photos.

    Args:
        size: side of the scenes in pixels.
    """

    def __init__(self, size: int):
        self.size = size
        self.source = "synthetic scenes (no photos given; `fststyle data` fetches real ones)"

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a random scene."""
        return Sample(scene(rng, self.size))


def _crop(rgb: RGB, size: int, inner: int, enlarge: float, rng: np.random.Generator) -> RGB:
    """Return a random square crop, uint8 (size, size, 3), flipped horizontally with probability 1/2.

    The photo is first scaled, so that crops show both whole scenes and details. Its shorter side gets a
    random length, log-uniform from `inner` to `MAX_SIDE` or to `enlarge` times its original length, whichever
    is smaller. See `Photos` and `MAX_SIDE`.
    """
    short = min(rgb.shape[:2])
    most = max(inner, min(short * enlarge, max(MAX_SIDE, size * 3 // 2)))
    target = round(inner * (most / inner) ** rng.random())
    image = Image.fromarray(rgb)
    # reducing_gap makes the scaling of large photos faster, without a visible difference.
    scaled = tuple(max(inner, round(side * target / short)) for side in image.size)
    if scaled != image.size:
        image = image.resize(scaled, Image.Resampling.BICUBIC, reducing_gap=3)
    missing = [max(0, size - side) for side in image.size]
    if any(missing):
        left, top = (int(rng.integers(more + 1)) for more in missing)
        around = ((top, missing[1] - top), (left, missing[0] - left), (0, 0))
        image = Image.fromarray(np.pad(np.asarray(image), around, "reflect"))
    left, top = int(rng.integers(image.width - size + 1)), int(rng.integers(image.height - size + 1))
    if rng.integers(2):
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # A copy, since the array of a Pillow image is read-only.
    return np.array(image.crop((left, top, left + size, top + size)))


def photo_source(
    folder: Path | None,
    size: int,
    smallest: int | None = None,
    without: Iterable[Path] = (),
    inner: int | None = None,
    enlarge: float = 1.0,
) -> Photos | Scenes:
    """Return a source of training crops: the photos in `folder`; without a folder, the photos downloaded by
    `fststyle data`; without these, synthetic scenes.

    The other arguments are those of `Photos`; for scenes, all but `size` are ignored. Raises `InputError`
    like `Photos`.
    """
    folder = folder or prepared_photos()
    return Photos(folder, size, smallest, without, inner, enlarge) if folder else Scenes(size)


def held_out(source: Photos | Scenes, count: int, seed: int = 0) -> list[RGB]:
    """Return `count` random crops for validation, uint8 (size, size, 3) each.

    The same `source` and `seed` yield the same crops. Training never draws the same random numbers, but may
    use other crops of the same photos.

    Raises:
        TrainingError: none of the photos can be used.
    """
    return [source.sample(np.random.default_rng((seed, 2**62 + i))).rgb for i in range(count)]


def batches(
    source: Photos | Scenes,
    *,
    seed: int,
    batch: int,
    start: int,
    steps: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
) -> Iterator[tuple[Tensor, list[str]]]:
    """Yield the batches for the steps `start` .. `steps` - 1.

    Args:
        source: the photos or the synthetic scenes.
        seed: the seed of all samples.
        batch: number of images per step over all processes, a multiple of `world`.
        start: number of the first step.
        steps: number of the last step plus 1.
        workers: number of threads that prefetch; with 0, crops are loaded when they are needed. Threads are
            sufficient, since Pillow releases the GIL while decoding. Unlike processes, they work in scripts
            without a main guard.
        rank: index of this process, from 0.
        world: number of processes. Each process gets an equal part of every batch.

    Yields:
        The images, uint8 (batch / world, 3, size, size), and the paths of the files that were skipped.

    Raises:
        TrainingError: none of the photos can be used.
    """
    share = batch // world

    def read(number: int) -> Sample:
        return source.sample(np.random.default_rng((seed, number)))

    numbers = (step * batch + rank * share + i for step in range(start, steps) for i in range(share))
    with contextlib.closing(
        _ahead(read, numbers, workers) if workers else (read(number) for number in numbers)
    ) as samples:
        for _ in range(start, steps):
            some = list(itertools.islice(samples, share))
            yield (
                torch.from_numpy(np.stack([sample.rgb for sample in some])).permute(0, 3, 1, 2),
                [path for sample in some for path in sample.skipped],
            )


def _ahead(read: Callable[[int], Sample], numbers: Iterator[int], workers: int) -> Generator[Sample]:
    """Yield ``read(number)`` for each of `numbers`, in order. The `workers` threads prefetch up to `PREFETCH`
    samples each.
    """
    waiting: deque[Future[Sample]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="fststyle-photos") as pool:
        try:
            waiting.extend(
                pool.submit(read, number) for number in itertools.islice(numbers, PREFETCH * workers)
            )
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(read, number) for number in itertools.islice(numbers, 1))
        finally:
            pool.shutdown(cancel_futures=True)
