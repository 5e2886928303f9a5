"""Painted picture files, matched by their names with the painting and the photo that they were made from.

A painted picture is named PAINTING-PHOTO-SYSTEM.jpg, for example great-wave-china-lengstrom.jpg. The painting
may also be the name of the folder, and may be left out if only one painting is given."""

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from painters import FrameStylizer, source
from PIL import Image

from fststyle.errors import InputError
from fststyle.io import images

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class Painted:
    """One picture to judge: the names of its painting, photo and system, and its pixels or its file."""

    painting: str
    photo: str
    system: str
    pixels: Path | RGB

    def load(self) -> RGB:
        """uint8 (H, W, 3)."""
        return images.read(self.pixels).opaque if isinstance(self.pixels, Path) else self.pixels


def named(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` -> (NAME, VALUE); without a name -> ("", text)."""
    name, equals, value = text.partition("=")
    return (name, value) if equals and re.fullmatch(r"[\w.+ -]+", name) else ("", text)


def files(text: str) -> list[Path]:
    """The image files that a file name, folder or glob pattern stands for. Raises `InputError` for none."""
    path = Path(text)
    if path.is_dir():
        return images.find(path)
    found = [path] if path.is_file() else [Path(name) for name in sorted(glob.glob(text))]
    found = [path for path in found if path.suffix.lower() in images.READABLE]
    if not found:
        raise InputError(f"{text}: no such image file or folder")
    return found


def by_name(texts: Iterable[str]) -> dict[str, Path]:
    """Name -> file, for photos and paintings: ``NAME=FILE``, or the stem of each file.

    Raises `InputError` for a repeated name.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, value = named(text)
        paths = files(value)
        if name and len(paths) > 1:
            raise InputError(f"{text}: a name stands for one file, not for {len(paths)}")
        for path in paths:
            if found.setdefault(name or path.stem, path) != path:
                raise InputError(f"{path}: there is another file with the name {name or path.stem}")
    return found


def match(path: Path, paintings: Iterable[str], photos: Iterable[str]) -> tuple[str, str, str] | None:
    """(painting, photo, rest of the name) of a stylized picture, or None if they are not in its name."""
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


def painted(
    text: str,
    paintings: dict[str, Path],
    photos: dict[str, Path],
    threads: int = 0,
) -> list[Painted]:
    """The pictures of a file, folder or pattern, or those that a style paints: ``SYSTEM=WHAT`` or ``WHAT``.

    Without a system name it is what remains of the file's name, or the name of the folder. Photos and
    paintings themselves, and pictures of other paintings, are left out. Raises `InputError` if none remains.
    """
    system, value = named(text)
    if _is_style(value):
        painting, label, painter = _painter(value, paintings, threads)
        own = {photo: painter(images.read(path).opaque) for photo, path in photos.items()}
        return [Painted(painting, photo, system or label, pixels) for photo, pixels in own.items()]
    known = {path.resolve() for path in (*photos.values(), *paintings.values())}
    found = []
    for path in files(value):
        names = match(path, paintings, photos)
        if names and path.resolve() not in known:
            found.append(Painted(names[0], names[1], system or names[2] or path.absolute().parent.name, path))
    if not found:
        raise InputError(f"{text}: no file name holds the name of a photo and of a painting")
    return found


def _is_style(text: str) -> bool:
    path = Path(text.rpartition("@")[0] or text)
    if path.suffix == ".onnx":
        return True
    return not (path.exists() or path.suffix.lower() in images.READABLE or set(text) & set("*?[/"))


def _painter(text: str, paintings: dict[str, Path], threads: int) -> tuple[str, str, FrameStylizer]:
    """The painting and the label of a style, and the style."""
    what = source(text)
    only = next(iter(paintings)) if len(paintings) == 1 else ""
    painting = _cut(what.path.stem, paintings)[0] or only
    if not painting:
        raise InputError(f"{text}: the name does not contain the name of a painting")
    return painting, what.label, FrameStylizer(what, threads)


def same_size(first: RGB, second: RGB) -> tuple[RGB, RGB]:
    """Both in the size of the smaller one. Raises `InputError` if they have different shapes.

    A difference of up to 4 pixels, which networks add to reach a multiple, is cut off.
    """
    (h1, w1), (h2, w2) = first.shape[:2], second.shape[:2]
    height, width = min(h1, h2), min(w1, w2)
    if max(abs(h1 - h2), abs(w1 - w2)) > 4:
        if abs(w1 * h2 - w2 * h1) > 0.03 * w1 * h2:
            raise InputError(f"the pictures have different shapes: {w1}x{h1} and {w2}x{h2}")
        height, width = (h1, w1) if h1 < h2 else (h2, w2)
        return scaled(first, height, width), scaled(second, height, width)
    return first[:height, :width], second[:height, :width]


def scaled(picture: RGB, height: int, width: int) -> RGB:
    """A picture in another size, with Lanczos' filter."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def _cut(stem: str, names: Iterable[str]) -> tuple[str, str]:
    """The longest of `names` that is a whole part of `stem`, and `stem` without it; ("", stem) for none."""
    for name in sorted(names, key=len, reverse=True):
        if found := re.search(rf"(?:^|[-_. ]){re.escape(name)}(?:$|[-_. ])", stem, re.IGNORECASE):
            parts = (stem[: found.start()], stem[found.end() :])
            return name, "-".join(part for part in parts if part)
    return "", stem
