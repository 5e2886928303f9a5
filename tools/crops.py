"""Random crops of photos, with positions that are tensors, so that a CUDA graph can replay a training step
with new crops (tools/together.py).

These are the counterparts of `fststyle.train.data.loader.Photos` and
`fststyle.train.losses.temporal.shifted_crops`, with index tensors instead of slices.
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
"""Range of the sides of squares that show whole scenes, relative to the shorter side of the photo."""
PART = 0.42, 0.92
"""Range of the sides of the other squares."""
STORED = 9 / 8
"""Shorter side of the stored photos, relative to `size` of `Photos`. The longer side is cropped to at most
3/2 of the shorter one.
"""
MOST = 10_000
"""Maximum number of loaded photos: 6 GB for squares of 256 pixels."""


class Photos:
    """The photos in a folder as uint8 tensors on the device, and random square crops of them.

    A crop is a square of `size` pixels with its surroundings (`fststyle.train.data.surroundings`). Where it
    is larger than the photo, the photo is padded by reflection.

    Half of the squares show nearly the whole shorter side of a photo (`WHOLE`). The others show less of it
    (`PART`), so they are upscaled by up to 2.1. Small photos have few flat regions, while in a large photo a
    sky or a wall is larger than a crop. Upscaled parts contain such regions, so that the networks learn to
    fill them.

    Files that cannot be read or have a side below a quarter of `size` are skipped, and listed in `skipped`.

    Args:
        folder: photos of any size.
        size: side of the squares that the losses compare, in pixels.
        device: where the photos are stored.

    Raises:
        InputError: the folder contains no photos.
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
            # Repeat the edges, since interpolation reads some pixels outside.
            padded = np.pad(rgb, ((0, below), (0, right), (0, 0)), "edge")
            square.copy_(torch.from_numpy(padded).permute(2, 0, 1))
        self.pixels = pixels.to(device)
        self.extent = torch.from_numpy(self.sides).float().to(device)

    def _stored(self, rgb: RGB) -> RGB:
        """Scale the shorter side to `short`, and crop the longer one to at most `long`, centered."""
        image = Image.fromarray(rgb)
        scale = self.short / min(image.size)
        width, height = (max(self.short, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3)
        left, top = max(0, width - self.long) // 2, max(0, height - self.long) // 2
        return np.array(image.crop((left, top, left + min(width, self.long), top + min(height, self.long))))

    def draw(self, random: np.random.Generator, count: int) -> Tensor:
        """Return random crops, float32 (count, 5): number of the photo, top, left and side in pixels of the
        stored photo, and whether the crop is mirrored (0 or 1).

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
        """Return the pixels of crops, scaled to `size` pixels: float32 (N, 3, size, size) in [-1, 1].

        `draws` is a result of `draw`, (N, 5), on the device.
        """
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
    """Return the centers of all photos, and a second crop of the first photo, with noise and a shifted scene.

    Args:
        photo: (N, 3, H, W) in [-1, 1].
        shift: displacement of the scene, down and right, (2,) int64, at most `CUT` / 2.

    Returns:
        The centers, (N, 3, H - `CUT`, W - `CUT`), and the second crop, (1, 3, H - `CUT`, W - `CUT`).
    """
    margin = CUT // 2
    down, right = shift.unbind()
    height, width = (side - CUT for side in photo.shape[2:])
    moved = window(photo[:1], margin - down, margin - right, height, width)
    noise = torch.randn_like(moved) * (GRAIN / 127.5)
    return photo[..., margin:-margin, margin:-margin], (moved + noise).clamp(-1, 1)


def overlap(first: Tensor, second: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Return the part of the scene that both stylized crops of `shifted_crops` show. Its size is the same for
    every shift.

    Args:
        first, second: the stylized crops, (N, 3, H, W).
        shift: the displacement of the scene in `second`.

    Returns:
        The parts, (N, 3, H - `CUT`, W - `CUT`) each.
    """
    margin = CUT // 2
    down, right = shift.unbind()
    height, width = (side - CUT for side in first.shape[2:])
    here = first[..., margin:-margin, margin:-margin]
    return here, window(second, margin + down, margin + right, height, width)


def _reflected(position: Tensor, side: Tensor) -> Tensor:
    """Return positions in -`side` .. 2 `side`, reflected into 0 .. `side`."""
    return side - (side - position.abs()).abs()


def window(image: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """Return a window of `image`, (N, C, H, W), at a position that is a tensor: (N, C, height, width)."""
    rows = top + torch.arange(height, device=image.device)
    columns = left + torch.arange(width, device=image.device)
    return image.index_select(2, rows).index_select(3, columns)
