"""Masks: stylize only the white areas of a mask image, or only the subject or background of a frame."""

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
"""Standard deviation of the edge blur, as a fraction of the longer side of the frame; at least one pixel."""
TOLERANCE = 0.02
"""Maximum relative difference between the aspect ratios of mask and frame."""


class MaskSettings(Protocol):
    """Protocol of settings classes that select a mask.

    ``mask`` is the path of a mask image, and ``only`` is "subject" or "background"; both may be None.
    ``threads`` is the number of CPU threads for finding the subject (None: one per core).
    """

    @property
    def mask(self) -> Path | None: ...
    @property
    def only(self) -> str | None: ...
    @property
    def threads(self) -> int | None: ...


class MaskSource(Protocol):
    """Protocol of objects that return a mask for each frame of a stream."""

    def mask_for(self, photo: Pixels, size: tuple[int, int]) -> Pixels:
        """Return the mask of the next frame, uint8 (H, W): 255 where the frame is to be stylized, and 0 where
        it is not.

        ``photo`` is the source frame, uint8 (h, w, 3) RGB, and ``size`` is (H, W), the size of the mask.
        """

    def reset(self) -> None:
        """Discard the state of the previous frame."""

    def state(self) -> dict[str, Array]:
        """Return the state after the previous frame, which `restore` accepts, as a dict of named arrays."""

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore a state that the method `state` returned. Arrays with other names are ignored."""


class ImageMask:
    """Mask from an image file. The mask is the luma of the image times its alpha; gray areas are partially
    stylized.

    Raises `InputError` if the image cannot be read or is animated, and `DependencyError` if the package for
    its format is not installed.
    """

    moves = False
    """Whether the mask changes over time."""

    def __init__(self, path: Path):
        frames = images.read(path).frames
        if len(frames) > 1:
            raise InputError(
                f"{path}: contains {len(frames)} frames; only `fststyle video` supports animated masks"
            )
        self._path = path
        self._set(frames[0].rgb, frames[0].alpha)

    def _set(self, rgb: Pixels, alpha: Pixels | None) -> None:
        """Set the mask from an image: ``rgb`` is uint8 (H, W, 3), and ``alpha`` is uint8 (H, W) or None."""
        self._share = _luma(rgb, alpha)
        self._fitted: Pixels | None = None

    def at(self, seconds: float) -> None:
        """Select the mask for a time in seconds from the start of the source. Times must not decrease.

        In this class, the method does nothing, since all frames have the same mask.
        """

    def close(self) -> None:
        """Close the mask file.

        In this class, the method does nothing, since the constructor reads the file completely.
        """

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if the aspect ratios of the mask and of ``size`` (H, W) differ by more than
        `TOLERANCE`.
        """
        (height, width), (rows, columns) = size, self._share.shape
        if abs(columns * height / (rows * width) - 1) > TOLERANCE:
            raise InputError(
                f"{self._path}: the mask has {columns}x{rows} pixels and the image {width}x{height};"
                f" the aspect ratios differ by more than {TOLERANCE:.0%}"
            )

    def reset(self) -> None:
        """Do nothing, since all frames have the same mask."""

    def state(self) -> dict[str, Array]:
        """Return an empty dict, since all frames have the same mask."""
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Do nothing, since there is no state."""

    def mask_for(self, photo: Pixels, size: tuple[int, int]) -> Pixels:
        """Return the mask resized to ``size`` (H, W), with blurred edges; see `MaskSource.mask_for`."""
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
    """Callable that blends stylized frames over their source frames, weighted by a mask.

    The mask is the product of the masks of ``parts``, of which there must be at least one.
    """

    def __init__(self, *parts: MaskSource):
        self._parts = parts

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if the aspect ratio of an image mask does not fit ``size`` (H, W).

        See `ImageMask.check` for the tolerance.
        """
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.check(size)

    @property
    def moves(self) -> bool:
        """Whether an image mask changes over time, so that equal frames may have different masks."""
        return any(isinstance(part, ImageMask) and part.moves for part in self._parts)

    def at(self, seconds: float) -> None:
        """Select the masks for a time in seconds from the start of the source. Times must not decrease."""
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.at(seconds)

    def close(self) -> None:
        """Close the files of all masks."""
        for part in self._parts:
            if isinstance(part, ImageMask):
                part.close()

    def reset(self) -> None:
        """Discard the state of the previous frame. Call this before the first frame of a new scene."""
        for part in self._parts:
            part.reset()

    def state(self) -> dict[str, Array]:
        """Return the state of all masks after the previous frame as a dict of named arrays, which `restore`
        accepts.
        """
        return {name: array for part in self._parts for name, array in part.state().items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore a state that the method `state` returned. Raises `InputError` if it is damaged."""
        for part in self._parts:
            part.restore(state)

    def __call__(self, photo: Pixels, painted: Pixels) -> Pixels:
        """Blend a stylized frame, ``painted``, over its source frame, ``photo``.

        Both are uint8 (H, W, 3) RGB, and may differ in size; the result has the size of ``painted``. Raises
        `InputError` if the aspect ratio of an image mask does not fit ``photo``, and the errors of
        `fststyle.runtime.subject.Subject.mask_for`.
        """
        self.check((photo.shape[0], photo.shape[1]))
        return self.applied(photo, painted)

    def applied(self, photo: Pixels, painted: Pixels) -> Pixels:
        """Blend like `__call__`, but without checking the aspect ratio of image masks."""
        height, width = painted.shape[:2]
        if photo.shape != painted.shape:
            photo = resize_to(photo, (height, width))
        first, *others = (part.mask_for(photo, (height, width)) for part in self._parts)
        for other in others:
            first = ((first.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
        return colors.mixed(photo, painted, first)


def load(settings: MaskSettings, opened: Callable[[Path], ImageMask] = ImageMask) -> Mask | None:
    """Return the mask that the settings select, or None if they select none.

    ``opened`` is called with the path of the mask file and returns its `ImageMask`. Raises `InputError` if
    the file is not a valid mask, `StyleError` if the file of the segmentation network is missing or damaged,
    and `DependencyError` if ONNX Runtime or the package for the image format is needed but not installed.
    """
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
