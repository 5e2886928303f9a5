"""The preview sheet: the painting, some photos, and the stylized photos, in one image."""

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
_PHOTOS = 4
_SIDE = 256


def preview_photos(data: Path | None, size: int, files: ResultFiles, seed: int) -> list[RGB]:
    """Four crops that are not used in training, uint8 (side, side, 3), with a side of at least 256.

    `data` is the folder of photos, `size` the side of the training crops, and `files` are the results, which
    are not photos.
    """
    return held_out(photo_source(data, max(_SIDE, size), size // 4, files.all), _PHOTOS, seed)


def chosen_photos(folder: Path, size: int) -> list[RGB]:
    """The centers of the first four photos of a folder, in the order of their names, uint8 (side, side, 3).

    The side is that of `preview_photos`. Raises `InputError` if there is no photo, or one cannot be read.
    """
    side = max(_SIDE, size)
    return [_center(images.read(path).opaque, side) for path in images.find(folder)[:_PHOTOS]]


def write_sheet(path: Path, net: nn.Module, device: torch.device, painting: RGB, photos: list[RGB]) -> None:
    """Write an image of two rows, photos above and stylized photos below, with the painting at the left.

    The photos are uint8 (H, W, 3), all of one size that the network can stylize.

    Raises:
        OutputError: `path` cannot be written.
    """
    training = net.training
    net.eval()
    with torch.inference_mode():
        painted = [_paint(net, device, photo) for photo in photos]
    net.train(training)
    side, width = photos[0].shape[:2]
    height = 2 * side + _GAP
    scale = height / painting.shape[0]
    art = images.resize(painting, long_side=round(max(painting.shape[:2]) * scale))[:height]
    left = art.shape[1] + _GAP
    sheet = np.full((height, left + len(photos) * (width + _GAP) - _GAP, 3), 255, np.uint8)
    sheet[: art.shape[0], : art.shape[1]] = art
    for i, (photo, result) in enumerate(zip(photos, painted, strict=True)):
        x = left + i * (width + _GAP)
        sheet[:side, x : x + width] = photo
        sheet[side + _GAP :, x : x + width] = result
    images.write(images.Picture([images.Frame(sheet, None, None)], None, None, None), path)


def _center(rgb: RGB, side: int) -> RGB:
    """The central square of a photo, scaled to (side, side, 3)."""
    return np.array(ImageOps.fit(Image.fromarray(rgb), (side, side), Image.Resampling.LANCZOS))


def _paint(net: nn.Module, device: torch.device, photo: RGB) -> RGB:
    styled = net(to_tensor(photo)[None].to(device))[0].clamp(-1, 1)
    result: RGB = ((styled + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return result
