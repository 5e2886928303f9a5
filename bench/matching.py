"""Stylized image files, matched by name with their painting and their photo.

A stylized image is named PAINTING-PHOTO-SYSTEM.jpg, for example great-wave-china-lengstrom.jpg. The painting
can also be the name of the folder, and can be omitted if only one painting is given.
"""

import functools
import glob
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from stylizers import WEIGHTS, FrameStylizer, source

import fststyle
from fststyle.errors import InputError
from fststyle.io import images

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class StylizedImage:
    """A stylized image of one system.

    Args:
        painting, photo, system: their names.
        pixels: uint8 (H, W, 3), or the image file.
    """

    painting: str
    photo: str
    system: str
    pixels: Path | RGB

    def load(self) -> RGB:
        """Return the pixels, uint8 (H, W, 3)."""
        return images.read(self.pixels).opaque if isinstance(self.pixels, Path) else self.pixels


def named(text: str) -> tuple[str, str]:
    """Return the name and value of ``NAME=VALUE``; without a name, ("", text)."""
    name, equals, value = text.partition("=")
    return (name, value) if equals and re.fullmatch(r"[\w.+ -]+", name) else ("", text)


def files(text: str) -> list[Path]:
    """Return the image files that `text`, a file name, a folder or a glob pattern, stands for.

    Raises:
        InputError: there are none.
    """
    path = Path(text)
    if path.is_dir():
        return images.find(path)
    found = [path] if path.is_file() else [Path(name) for name in sorted(glob.glob(text))]
    found = [path for path in found if path.suffix.lower() in images.READABLE]
    if not found:
        raise InputError(f"{text}: no such image file or folder")
    return found


def by_name(texts: Iterable[str]) -> dict[str, Path]:
    """Return a dict from names to image files.

    For ``NAME=FILE``, the name is NAME. Other texts are files, folders or glob patterns; each file is then
    named by its stem.

    Raises:
        InputError: there is no such file, or a name stands for several files.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, value = named(text)
        paths = files(value)
        if name and len(paths) > 1:
            raise InputError(f"{text}: a name can stand for only one file, not for {len(paths)}")
        for path in paths:
            if found.setdefault(name or path.stem, path) != path:
                raise InputError(f"{path}: another file has the name {name or path.stem}")
    return found


def match(path: Path, paintings: Iterable[str], photos: Iterable[str]) -> tuple[str, str, str] | None:
    """Return the painting, the photo and the rest of the file name of a stylized image; None if the path does
    not determine the painting and the photo.
    """
    paintings = list(paintings)
    painting, stem = _cut(path.stem, paintings)
    photo, rest = _cut(stem, photos)
    if not photo:
        return None
    if not painting:
        if path.parent.name in paintings:
            painting = path.parent.name
        elif len(paintings) == 1 and stem.startswith(photo):
            # An unknown prefix would be the name of another painting.
            painting = paintings[0]
        else:
            return None
    return painting, photo, rest


def stylized_images(
    text: str,
    paintings: dict[str, Path],
    photos: dict[str, Path],
    threads: int = 0,
) -> list[StylizedImage]:
    """Return the stylized images of a system, given as ``SYSTEM=WHAT`` or ``WHAT``.

    WHAT is a file, a folder or a glob pattern of stylized images, or a style, which then stylizes all photos,
    for a style of fststyle as `fststyle image` does.
    The default name of the system is the rest of the file name, the name of the folder, or the name of the
    style. Photos and paintings themselves, and images in the style of other paintings, are skipped.

    Args:
        text: the system.
        paintings, photos: dicts from their names to their files.
        threads: threads of ONNX Runtime for a style; 0 lets it choose.

    Raises:
        InputError: no image remains, a file does not exist, or the painting of a style is not known.
    """
    system, value = named(text)
    if _is_style(value):
        painting, label, stylizer = _stylizer(value, paintings, threads)
        own = {photo: stylizer(images.read(path).opaque) for photo, path in photos.items()}
        return [StylizedImage(painting, photo, system or label, pixels) for photo, pixels in own.items()]
    known = {path.resolve() for path in (*photos.values(), *paintings.values())}
    found = []
    for path in files(value):
        names = match(path, paintings, photos)
        if names and path.resolve() not in known:
            found.append(
                StylizedImage(names[0], names[1], system or names[2] or path.absolute().parent.name, path)
            )
    if not found:
        raise InputError(f"{text}: no file name contains the name of a photo and of a painting")
    return found


def _is_style(text: str) -> bool:
    """Return whether `text` is a style, and not an image file, a folder or a pattern."""
    path = Path(text.rpartition("@")[0] or text)
    if path.suffix == ".onnx":
        return True
    return not (path.exists() or path.suffix.lower() in images.READABLE or set(text) & set("*?[/"))


def _stylizer(text: str, paintings: dict[str, Path], threads: int) -> tuple[str, str, Callable[[RGB], RGB]]:
    """Return the name of the painting of a style, the label of the style, and the function that stylizes a
    photo: for styles of fststyle, in float, with the defaults of `fststyle image`.

    Raises:
        InputError: there is no such style, or its name does not determine the painting.
    """
    what = source(text)
    only = next(iter(paintings)) if len(paintings) == 1 else ""
    painting = _cut(what.path.stem, paintings)[0] or only
    if not painting:
        raise InputError(f"{text}: the name of the style does not contain the name of a painting")
    network = FrameStylizer(what, threads)
    if not network.bytes_in:  # another program's network
        return painting, what.label, network
    name = what.path.stem if what.path.parent == WEIGHTS else what.path
    style = fststyle.load_style(name, threads=threads or None, precision="float")
    return painting, what.label, functools.partial(fststyle.stylize, style=style)


def same_size(first: RGB, second: RGB) -> tuple[RGB, RGB]:
    """Return both images at the size of the smaller one.

    A difference of up to 4 pixels is cropped, since some networks pad images to a multiple of their stride.
    Otherwise the larger image is scaled.

    Raises:
        InputError: the aspect ratios differ by more than 3 %.
    """
    (h1, w1), (h2, w2) = first.shape[:2], second.shape[:2]
    height, width = min(h1, h2), min(w1, w2)
    if max(abs(h1 - h2), abs(w1 - w2)) > 4:
        if abs(w1 * h2 - w2 * h1) > 0.03 * w1 * h2:
            raise InputError(f"the aspect ratios differ by more than 3 %: {w1}x{h1} and {w2}x{h2}")
        height, width = (h1, w1) if h1 < h2 else (h2, w2)
        return scaled(first, height, width), scaled(second, height, width)
    return first[:height, :width], second[:height, :width]


def scaled(image: RGB, height: int, width: int) -> RGB:
    """Return the image at another size, by Lanczos resampling."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def _cut(stem: str, names: Iterable[str]) -> tuple[str, str]:
    """Return the longest of `names` that is a separate part of `stem`, and `stem` without this part;
    ("", stem) if there is none. Case is ignored.
    """
    for name in sorted(names, key=len, reverse=True):
        if found := re.search(rf"(?:^|[-_. ]){re.escape(name)}(?:$|[-_. ])", stem, re.IGNORECASE):
            parts = (stem[: found.start()], stem[found.end() :])
            return name, "-".join(part for part in parts if part)
    return "", stem
