"""A mask: where it is white the frame is stylized, where it is black the photo stays."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fststyle import colors
from fststyle.arrays import RGB, Gray
from fststyle.errors import InputError
from fststyle.io import images

SOFTNESS = 1 / 500
"""Standard deviation of the blur of the edges, as a part of the longer side of the frame; at least one pixel.
"""
TOLERANCE = 0.02
"""Relative difference between the aspect ratios of mask and frame that is accepted."""


class Mask:
    """Mixes frames by the image at ``path``: luma and alpha count, gray is a partial effect.

    Calls from several threads are safe. Raises `InputError` if the image cannot be read.
    """

    def __init__(self, path: Path):
        frame = images.read(path).frames[0]
        self._path, self._share = path, _luma(frame.rgb, frame.alpha)
        self._fitted: Gray | None = None

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if a frame of ``size`` (H, W) has another aspect ratio than the mask."""
        (height, width), (rows, columns) = size, self._share.shape
        if abs(columns * height / (rows * width) - 1) > TOLERANCE:
            raise InputError(
                f"{self._path}: the mask has {columns}x{rows} pixels and the picture {width}x{height}; the"
                " shapes differ"
            )

    def __call__(self, photo: RGB, painted: RGB) -> RGB:
        """``painted`` where the mask is white, ``photo`` where it is black; uint8 (H, W, 3) in the size of
        ``painted``.

        Raises as `check`, for the size of ``photo``.
        """
        self.check((photo.shape[0], photo.shape[1]))
        return self.applied(photo, painted)

    def applied(self, photo: RGB, painted: RGB) -> RGB:
        """As a call, but the mask is stretched to whatever shape the frame has."""
        height, width = painted.shape[:2]
        if photo.shape != painted.shape:
            photo = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))
        return colors.mixed(photo, painted, self._fitting(height, width))

    def _fitting(self, height: int, width: int) -> Gray:
        fitted = self._fitted
        if fitted is None or fitted.shape != (height, width):
            smaller = height < self._share.shape[0]
            method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            scaled = cv2.resize(self._share, (width, height), interpolation=method)
            soft = max(1.0, SOFTNESS * max(height, width))
            self._fitted = fitted = np.asarray(cv2.GaussianBlur(scaled, (0, 0), soft), np.uint8)
        return fitted


def load(path: Path | None) -> Mask | None:
    """The mask at ``path``, None for None. Raises `InputError`."""
    return None if path is None else Mask(Path(path))


def _luma(rgb: RGB, alpha: Gray | None) -> Gray:
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if alpha is None:
        return luma
    return ((luma.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
