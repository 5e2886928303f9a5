"""Crops of photos at random places that are tensors, so that a CUDA graph can replay a step with new ones.

The counterparts of `fststyle.train.data.loader.Photos` and `fststyle.train.losses.temporal.shifted_crops`,
with index tensors instead of slices.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from fststyle.arrays import RGB
from fststyle.errors import InputError, TrainingError
from fststyle.io import images
from fststyle.train.data.surroundings import surplus
from fststyle.train.losses.temporal import CUT, GRAIN

WHOLE = 0.82, 1.0
"""Sides of the crops that show whole scenes, relative to the shorter side of the photo."""
PART = 0.42, 0.92
"""Sides of the other crops."""
STORED = 9 / 8
"""Shorter side of the stored photos, relative to the crops; the longer one is cut to 3/2 of it."""
MOST = 10_000
"""Maximum number of loaded photos: 6 GB for crops of 256 pixels."""


class Photos:
    """The photos of a folder as bytes on the device, and random square crops of them.

    A crop is a square of `size` pixels and its surroundings (`fststyle.train.data.surroundings`). Where these
    are larger than the photo, it is reflected.

    Half of the squares show nearly the whole shorter side of a photo. The others show a part, 0.42 to 0.92 of
    it, and so are upscaled up to 2.3 times. Small photos have few plain areas; in a picture of a thousand
    pixels, a sky or a wall is larger than a crop. Upscaled parts contain such areas, and the networks learn
    to fill them.

    Damaged and very small files are skipped, and listed in `skipped`.

    Args:
        folder: photos of any size.
        size: side of the squares that the losses compare, in pixels.

    Raises:
        TrainingError: no photo is usable.
    """

    def __init__(self, folder: Path, size: int, device: torch.device):
        self.short = round(size * STORED)
        self.long = self.short * 3 // 2
        self.around = 1 + surplus(size) / size
        """Side of the crops, relative to the squares."""
        files = images.find(folder)
        files = files[:: -(-len(files) // MOST)]

        def load(path: Path) -> RGB | None:
            try:
                rgb = images.read(path).opaque
            except InputError:
                return None
            return self._stored(rgb) if min(rgb.shape[:2]) >= size // 4 else None

        with ThreadPoolExecutor(8) as pool:
            loaded = list(pool.map(load, files))
        self.skipped = [path for path, rgb in zip(files, loaded, strict=True) if rgb is None]
        found = [rgb for rgb in loaded if rgb is not None]
        if not found:
            raise TrainingError(f"{folder}: none of the photos can be used")
        self.sides = np.array([rgb.shape[:2] for rgb in found])
        pixels = torch.empty((len(found), 3, self.long, self.long), dtype=torch.uint8)
        for square, rgb in zip(pixels, found, strict=True):
            below, right = (self.long - side for side in rgb.shape[:2])
            # Repeated edges: interpolation reads some pixels outside.
            padded = np.pad(rgb, ((0, below), (0, right), (0, 0)), "edge")
            square.copy_(torch.from_numpy(padded).permute(2, 0, 1))
        self.pixels = pixels.to(device)
        self.extent = torch.from_numpy(self.sides).float().to(device)

    def _stored(self, rgb: RGB) -> RGB:
        """Scale the shorter side to `short` and cut the longer one to `long`, in the middle."""
        image = Image.fromarray(rgb)
        scale = self.short / min(image.size)
        width, height = (max(self.short, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3)
        left, top = max(0, width - self.long) // 2, max(0, height - self.long) // 2
        return np.array(image.crop((left, top, left + min(width, self.long), top + min(height, self.long))))

    def draw(self, random: np.random.Generator, count: int) -> Tensor:
        """Random crops, (count, 5) float32: photo, top, left and side in its pixels, and whether mirrored.

        Top and left are negative where the crop is larger than the photo.
        """
        number = random.integers(len(self.sides), size=count)
        height, width = self.sides[number].T
        whole = random.random(count) < 0.5
        side = self.short * np.where(whole, random.uniform(*WHOLE, count), random.uniform(*PART, count))
        side = side * self.around
        top, left = random.random(count) * (height - side), random.random(count) * (width - side)
        return torch.from_numpy(
            np.stack([number, top, left, side, random.integers(2, size=count)], 1)
        ).float()

    def crop(self, draws: Tensor, size: int) -> Tensor:
        """The crops `draws`, on the device, as (N, 3, size, size) float32 in [-1, 1]."""
        number, top, left, side, mirrored = draws.unbind(1)
        source = self.pixels.index_select(0, number.long()).float()
        part = (torch.arange(size, device=draws.device) + 0.5) / size
        across = torch.where(mirrored[:, None] > 0.5, 1 - part, part)
        height, width = self.extent.index_select(0, number.long())[:, :, None].unbind(1)
        # From pixels to the coordinates of grid_sample, in which the stored square spans -1 to 1.
        x = _reflected(left[:, None] + across * side[:, None], width) / self.long * 2 - 1
        y = _reflected(top[:, None] + part * side[:, None], height) / self.long * 2 - 1
        grid = torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], -1)
        crops = F.grid_sample(source, grid, mode="bicubic", padding_mode="border", align_corners=False)
        return crops.clamp(0, 255) / 127.5 - 1


def shifted_crops(photo: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 3, H, W) -> its middle, (N, 3, H - `CUT`, W - `CUT`), and the first of them once more, (1, ...),
    with noise and with the scene displaced by `shift`: (2,) int64, down and right, at most `CUT` / 2.
    """
    margin = CUT // 2
    down, right = shift.unbind()
    height, width = (side - CUT for side in photo.shape[2:])
    moved = window(photo[:1], margin - down, margin - right, height, width)
    noise = torch.randn_like(moved) * (GRAIN / 127.5)
    return photo[..., margin:-margin, margin:-margin], (moved + noise).clamp(-1, 1)


def overlap(painted: Tensor, shaken: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The part of the scene that both pictures of `shifted_crops` have for every shift, (N, 3, H - `CUT`,
    W - `CUT`), as `painted` and as `shaken`.
    """
    margin = CUT // 2
    down, right = shift.unbind()
    height, width = (side - CUT for side in painted.shape[2:])
    here = painted[..., margin:-margin, margin:-margin]
    return here, window(shaken, margin + down, margin + right, height, width)


def _reflected(position: Tensor, side: Tensor) -> Tensor:
    """Positions outside of 0 to `side`, by less than `side`, reflected into it."""
    return side - (side - position.abs()).abs()


def window(image: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """The part of (N, C, H, W) at a place that is a tensor."""
    rows = top + torch.arange(height, device=image.device)
    columns = left + torch.arange(width, device=image.device)
    return image.index_select(2, rows).index_select(3, columns)
