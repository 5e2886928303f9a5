"""The preview sheet: the painting, some photos, and the stylized photos, in one image."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.io import images
from fststyle.train.data.loader import held_out, photo_source, to_tensor
from fststyle.train.results import ResultFiles

_GAP = 8


def preview_photos(data: Path | None, size: int, files: ResultFiles, seed: int) -> list[RGB]:
    """Four crops that are not used in training, uint8 (side, side, 3), with a side of at least 256.

    `data` is the folder of photos, `size` the side of the training crops, and `files` are the results, which
    are not photos.
    """
    return held_out(photo_source(data, max(256, size), size // 4, files.all), 4, seed)


def write_sheet(path: Path, net: nn.Module, device: torch.device, painting: RGB, photos: list[RGB]) -> None:
    """Write an image of two rows, photos above and stylized photos below, with the painting at the left.

    The photos are uint8 (size, size, 3).

    Raises:
        OutputError: `path` cannot be written.
    """
    training = net.training
    net.eval()
    with torch.inference_mode():
        painted = [_paint(net, device, photo) for photo in photos]
    net.train(training)
    side = photos[0].shape[0]
    height = 2 * side + _GAP
    scale = height / painting.shape[0]
    art = images.resize(painting, long_side=round(max(painting.shape[:2]) * scale))[:height]
    left = art.shape[1] + _GAP
    sheet = np.full((height, left + len(photos) * (side + _GAP) - _GAP, 3), 255, np.uint8)
    sheet[: art.shape[0], : art.shape[1]] = art
    for i, (photo, result) in enumerate(zip(photos, painted, strict=True)):
        x = left + i * (side + _GAP)
        sheet[:side, x : x + side] = photo
        sheet[side + _GAP :, x : x + side] = result
    images.write(images.Picture([images.Frame(sheet, None, None)], None, None, None), path)


def _paint(net: nn.Module, device: torch.device, photo: RGB) -> RGB:
    styled = net(to_tensor(photo)[None].to(device))[0].clamp(-1, 1)
    result: RGB = ((styled + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return result
