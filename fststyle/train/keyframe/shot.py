"""The frames of a shot (a video or an image sequence) and its painted frames, loaded into memory."""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.resize import resize_to
from fststyle.runtime.brush import REFERENCE_SIDE
from fststyle.runtime.mask import TOLERANCE
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.open import InputOptions, open_source

MOST = 200
"""Maximum number of pairs of consecutive frames in memory. Of a longer shot, evenly spaced pairs are kept."""


@dataclass(frozen=True)
class Pair:
    """A frame of the shot and its painted version, uint8 (H, W, 3) each, and the number of the frame."""

    frame: RGB
    painted: RGB
    number: int


@dataclass(frozen=True)
class Shot:
    """The frames of a shot, all of one size. Frames with a shorter side above `REFERENCE_SIDE` pixels are
    downscaled to it, as they are by default when they are stylized.

    Args:
        pairs: the frames that were painted, with their painted versions, sorted by frame number.
        neighbors: pairs of consecutive frames. Each is a tuple of the number of the first frame and the two
            frames, uint8 (H, W, 3) each.
        source: a description of the shot for messages.
    """

    pairs: tuple[Pair, ...]
    neighbors: tuple[tuple[int, RGB, RGB], ...]
    source: str

    def nearest(self, number: int) -> int:
        """Return the index in `pairs` of the painted frame that is nearest to the frame `number`. If two are
        equally near, the earlier one is used.
        """
        return min(range(len(self.pairs)), key=lambda i: abs(self.pairs[i].number - number))


def numbers_of(painted: Sequence[Path], at: str | None) -> list[int]:
    """Return the frame numbers of the painted frames, in the order of `painted`.

    Args:
        painted: the files of the painted frames.
        at: comma-separated numbers, or None for the last number in each file name.

    Raises:
        InputError: there is no painted frame, `at` is not a list of whole numbers of at most nine digits or
            has the wrong length, a file name contains no number, or a number occurs twice.
    """
    if not painted:
        raise InputError("--painted: at least one painted frame is needed")
    if at is not None:
        texts = [text.strip() for text in at.split(",")]
        if not all(re.fullmatch(r"\d{1,9}", text) for text in texts):
            raise InputError(
                f"--at: {at!r} is not a list of frame numbers (at most nine digits each), such as 12,80"
            )
        if len(texts) != len(painted):
            raise InputError(
                f"--at: {at!r} has {len(texts)} frame number{'s' * (len(texts) != 1)}, but --painted is given"
                f" {len(painted)} time{'s' * (len(painted) != 1)}"
            )
        numbers = [int(text) for text in texts]
    else:
        numbers = []
        for path in painted:
            found = re.findall(r"\d{1,9}", path.stem)
            if not found:
                raise InputError(f"{path}: has no frame number in its name; use --at")
            numbers.append(int(found[-1]))
    repeated = next((number for number in numbers if numbers.count(number) > 1), None)
    if repeated is not None:
        raise InputError(
            f"{'--painted' if at is None else '--at'}: several painted frames have the number {repeated}"
        )
    return numbers


def read_shot(frames: Path, painted: Sequence[Path], at: str | None) -> Shot:
    """Read the frames of a shot and the painted frames.

    Args:
        frames: an image sequence (a folder or a pattern of file names), or a video. The first frame of a
            video has the number 1.
        painted: image files. They may differ in size from the frames, but not in aspect ratio (`TOLERANCE`).
            They are scaled to the size of the frames. Where they are transparent, the frame is used.
        at: the numbers of the painted frames, as in `numbers_of`.

    Raises:
        InputError: a file cannot be read, a painted frame is not in the shot, has a different aspect ratio or
            is fully transparent, or the shot has fewer than two frames; also see `numbers_of`.
    """
    numbers = numbers_of(painted, at)
    painted_images = [images.read(path) for path in painted]
    wanted: dict[int, RGB] = {}
    seen: list[int] = []
    kept = _spread(_watched(_numbered(frames), set(numbers), wanted, seen))
    if len(seen) < 2:
        raise InputError(f"{frames}: a shot needs at least two frames")
    for path, number in zip(painted, numbers, strict=True):
        if number not in wanted:
            raise InputError(
                f"{path}: frame {number} is not in {frames}, whose frame numbers range from {seen[0]} to"
                f" {seen[-1]}"
            )
    pairs = sorted(
        (
            Pair(wanted[number], _fitted(path, image, wanted[number]), number)
            for path, image, number in zip(painted, painted_images, numbers, strict=True)
        ),
        key=lambda pair: pair.number,
    )
    several = "s" if len(pairs) > 1 else ""
    return Shot(
        tuple(pairs),
        tuple(kept),
        f"{len(seen)} frames of {frames} with {len(pairs)} painted frame{several}",
    )


def _numbered(frames: Path) -> Iterator[tuple[int, RGB]]:
    """Yield the frames, downscaled to a shorter side of at most `REFERENCE_SIDE`, with their numbers.

    Raises:
        InputError: the frames cannot be read, or the video is damaged.
    """
    source = open_source(frames, InputOptions())
    with contextlib.closing(source):
        count = itertools.count(1)
        for item in source:
            if not isinstance(item, TimedFrame):
                continue
            number = next(count)
            scale = min(1.0, REFERENCE_SIDE / min(item.rgb.shape[:2]))
            size = (round(item.rgb.shape[0] * scale), round(item.rgb.shape[1] * scale))
            yield number if item.number is None else item.number, resize_to(item.rgb, size)
        if source.broken:
            raise InputError(source.broken)


def _watched(
    frames: Iterable[tuple[int, RGB]], numbers: set[int], wanted: dict[int, RGB], seen: list[int]
) -> Iterator[tuple[int, RGB]]:
    """Yield `frames` unchanged. As a side effect, append the number of each frame to `seen`, and store each
    frame whose number is in `numbers` in the dict `wanted`, with its number as the key.
    """
    for number, rgb in frames:
        seen.append(number)
        if number in numbers:
            wanted[number] = rgb
        yield number, rgb


def _spread(frames: Iterable[tuple[int, RGB]]) -> list[tuple[int, RGB, RGB]]:
    """Return at most `MOST` pairs of consecutive frames, evenly spaced over the shot, each with the number of
    its first frame.

    The length of the shot is not known in advance. Whenever there are too many pairs, every second one is
    dropped.
    """
    kept: dict[int, tuple[int, RGB, RGB]] = {}
    step = 1
    for index, ((number, before), (_, after)) in enumerate(itertools.pairwise(frames)):
        if index % step:
            continue
        if len(kept) >= MOST:
            step *= 2
            kept = {i: item for i, item in kept.items() if i % step == 0}
        if index % step == 0:
            kept[index] = (number, before, after)
    return list(kept.values())


def _fitted(path: Path, image: images.Picture, frame: RGB) -> RGB:
    """Return the painted frame `image`, scaled to the size of the original `frame` and composited over it.

    Raises:
        InputError: the aspect ratios differ by more than `TOLERANCE`, or the painted frame is fully
            transparent. The message names `path`.
    """
    first, (height, width) = image.frames[0], frame.shape[:2]
    rows, columns = image.size
    if abs(columns * height / (rows * width) - 1) > TOLERANCE:
        raise InputError(
            f"{path}: the aspect ratio of {columns}x{rows} pixels differs by more than {TOLERANCE:.0%} from"
            f" that of the frames ({width}x{height})"
        )
    if first.alpha is not None and not first.alpha.any():
        raise InputError(f"{path}: is fully transparent; nothing is painted")
    if first.alpha is None:
        return resize_to(first.rgb, (height, width))
    # Composited at the size of the painted frame, so that scaling does not mix in colors of transparent
    # pixels.
    share = first.alpha[..., None].astype(np.float32) / 255
    under = resize_to(frame, (rows, columns))
    rgb = np.asarray(first.rgb * share + under * (1 - share) + 0.5, np.uint8)
    seen = resize_to(first.alpha, (height, width)) > 0
    return np.where(seen[..., None], resize_to(rgb, (height, width)), frame)
