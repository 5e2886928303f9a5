"""The preview sheet: the style image, some photos, and the stylized photos, in one image."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

from fststyle.arrays import RGB
from fststyle.io import images
from fststyle.train.data.loader import held_out, photo_source, to_tensor
from fststyle.train.results import ResultFiles

_GAP = 8
"""Space between the images, in pixels."""
_PHOTOS = 4
"""Maximum number of photos on the sheet."""
_SIDE = 256
"""Minimum side of the photos, in pixels."""


def preview_photos(data: Path | None, size: int, files: ResultFiles, seed: int) -> list[RGB]:
    """Return four random crops from `held_out`, uint8 (side, side, 3) each. The side is `size`, or 256 if
    `size` is smaller.

    Args:
        data: folder of photos; None for the photos that `fststyle data` downloaded or, without these,
            synthetic scenes.
        size: side of the training crops in pixels.
        files: the output files, which are excluded from the photos.
        seed: the seed of the crops.

    Raises:
        InputError: the folder cannot be read or contains no photos.
        TrainingError: none of the photos can be used.
    """
    return held_out(photo_source(data, max(_SIDE, size), size // 4, files.all), _PHOTOS, seed)


def chosen_photos(folder: Path, size: int) -> list[RGB]:
    """Return the central squares of the first four photos in a folder, uint8 (side, side, 3) each. The side
    is `size`, or 256 if `size` is smaller.

    The photos are sorted by path. Subfolders are included. If there are fewer than four photos, all are used.

    Raises:
        InputError: there is no photo, or one cannot be read.
    """
    side = max(_SIDE, size)
    return [_center(images.read(path).opaque, side) for path in images.find(folder)[:_PHOTOS]]


def write_sheet(
    path: Path, net: nn.Module, device: torch.device, style_image: RGB, photos: list[RGB]
) -> None:
    """Write a preview sheet: the style image at the left, and next to it a row of photos above a row of
    stylized photos.

    Args:
        path: the image file to write.
        net: the network. It runs in evaluation mode; then its previous mode is restored.
        device: the device of the network.
        style_image: the style image, uint8 (H, W, 3).
        photos: at least one photo, uint8 (H, W, 3), all of one size that the network supports.

    Raises:
        OutputError: `path` cannot be written.
    """
    training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            stylized = [_stylize(net, device, photo) for photo in photos]
    finally:
        net.train(training)
    side, width = photos[0].shape[:2]
    height = 2 * side + _GAP
    scale = height / style_image.shape[0]
    art = images.resize(style_image, long_side=round(max(style_image.shape[:2]) * scale))[:height]
    left = art.shape[1] + _GAP
    sheet = np.full((height, left + len(photos) * (width + _GAP) - _GAP, 3), 255, np.uint8)
    sheet[: art.shape[0], : art.shape[1]] = art
    for i, (photo, result) in enumerate(zip(photos, stylized, strict=True)):
        x = left + i * (width + _GAP)
        sheet[:side, x : x + width] = photo
        sheet[side + _GAP :, x : x + width] = result
    images.write(images.Picture([images.Frame(sheet, None, None)], None, None, None), path)


def _center(rgb: RGB, side: int) -> RGB:
    """Return the central square of a photo, scaled to (side, side, 3)."""
    return np.array(ImageOps.fit(Image.fromarray(rgb), (side, side), Image.Resampling.LANCZOS))


def _stylize(net: nn.Module, device: torch.device, photo: RGB) -> RGB:
    """Return `photo` stylized with `net`, both images uint8 (H, W, 3)."""
    styled = net(to_tensor(photo)[None].to(device))[0].clamp(-1, 1)
    result: RGB = ((styled + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return result
