"""Masks: stylize the white parts of an image, or the subject or the background of a frame."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fststyle import colors
from fststyle.arrays import Array, Pixels
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.resize import resize_to

SOFTNESS = 1 / 500
"""Standard deviation of the blur of edges as a share of the longer side of the frame; at least one pixel."""
TOLERANCE = 0.02
"""Largest accepted relative difference between the aspect ratios of mask and frame."""


class MaskSettings(Protocol):
    """The settings of masks."""

    @property
    def mask(self) -> Path | None: ...
    @property
    def only(self) -> str | None: ...
    @property
    def threads(self) -> int | None: ...


class MaskSource(Protocol):
    """A source of masks for the frames of a stream."""

    def share(self, photo: Pixels, size: tuple[int, int]) -> Pixels:
        """The mask of a frame, ``photo``: uint8 of ``size`` (H, W), 255 where it is stylized."""

    def reset(self) -> None:
        """Discard the state of the previous frame."""

    def state(self) -> dict[str, Array]:
        """Arrays by name that the next frame needs from the previous one; for `restore`."""

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue after the frame at which `state` was called. Other names in ``state`` are ignored."""


class ImageMask:
    """A mask from an image file: luma times alpha. Gray is a partial effect.

    Raises `InputError` if the image cannot be read, or is animated.
    """

    moves = False
    """Whether the mask changes over time."""

    def __init__(self, path: Path):
        frames = images.read(path).frames
        if len(frames) > 1:
            raise InputError(
                f"{path}: contains {len(frames)} images; a mask that moves needs `fststyle video`"
            )
        self._path = path
        self._set(frames[0].rgb, frames[0].alpha)

    def _set(self, rgb: Pixels, alpha: Pixels | None) -> None:
        """Set the image: uint8 (H, W, 3) and (H, W)."""
        self._share = _luma(rgb, alpha)
        self._fitted: Pixels | None = None

    def at(self, seconds: float) -> None:
        """Show the mask of this time, in seconds from the start of the source. Times do not decrease."""

    def close(self) -> None:
        """Close the file."""

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if frames of ``size`` (H, W) and the mask differ in aspect ratio."""
        (height, width), (rows, columns) = size, self._share.shape
        if abs(columns * height / (rows * width) - 1) > TOLERANCE:
            raise InputError(
                f"{self._path}: the mask has {columns}x{rows} pixels and the picture {width}x{height};"
                " the aspect ratios differ"
            )

    def reset(self) -> None:
        """Does nothing: all frames have the same mask."""

    def state(self) -> dict[str, Array]:
        """Empty: all frames have the same mask."""
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Does nothing."""

    def share(self, photo: Pixels, size: tuple[int, int]) -> Pixels:
        """Like `MaskSource`. The mask is resized to ``size``."""
        fitted = self._fitted
        if fitted is None or fitted.shape != size:
            height, width = size
            smaller = height < self._share.shape[0]
            method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            scaled = cv2.resize(self._share, (width, height), interpolation=method)
            soft = max(1.0, SOFTNESS * max(height, width))
            self._fitted = fitted = np.asarray(cv2.GaussianBlur(scaled, (0, 0), soft), np.uint8)
        return fitted


class Mask:
    """Blends stylized frames with the photo. The masks of ``parts`` are multiplied."""

    def __init__(self, *parts: MaskSource):
        self._parts = parts

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if a part does not fit frames of ``size`` (H, W)."""
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.check(size)

    @property
    def moves(self) -> bool:
        """Whether a part changes over time, so that equal frames have different masks."""
        return any(isinstance(part, ImageMask) and part.moves for part in self._parts)

    def at(self, seconds: float) -> None:
        """Show the masks of this time, in seconds from the start of the source. Times do not decrease."""
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.at(seconds)

    def close(self) -> None:
        """Close files."""
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.close()

    def reset(self) -> None:
        """Discard the state of the previous frame: the next one starts a new scene."""
        for part in self._parts:
            part.reset()

    def state(self) -> dict[str, Array]:
        """Arrays by name that the next frame needs from the previous one; for `restore`."""
        return {name: array for part in self._parts for name, array in part.state().items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue after the frame at which `state` was called."""
        for part in self._parts:
            part.restore(state)

    def __call__(self, photo: Pixels, painted: Pixels) -> Pixels:
        """Blend ``painted`` and ``photo``, uint8 (H, W, 3), in the size of ``painted``. Raises the errors of
        `check`.
        """
        self.check((photo.shape[0], photo.shape[1]))
        return self.applied(photo, painted)

    def applied(self, photo: Pixels, painted: Pixels) -> Pixels:
        """Like `__call__`, but an image mask may have another aspect ratio."""
        height, width = painted.shape[:2]
        if photo.shape != painted.shape:
            photo = resize_to(photo, (height, width))
        first, *others = (part.share(photo, (height, width)) for part in self._parts)
        for other in others:
            first = ((first.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
        return colors.mixed(photo, painted, first)


def load(settings: MaskSettings, opened: Callable[[Path], ImageMask] = ImageMask) -> Mask | None:
    """The mask of the settings, or None. ``opened`` opens the file. Raises `InputError` and `StyleError`."""
    parts: list[MaskSource] = [] if settings.mask is None else [opened(Path(settings.mask))]
    if settings.only is not None:
        from fststyle.runtime.subject import Subject

        parts.append(Subject(settings.only == "background", settings.threads))
    return Mask(*parts) if parts else None


def _luma(rgb: Pixels, alpha: Pixels | None) -> Pixels:
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if alpha is None:
        return luma
    return ((luma.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
