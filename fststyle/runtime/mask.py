"""Where a frame is stylized: white parts of a mask, or the subject or the background of the frame."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fststyle import colors
from fststyle.errors import InputError
from fststyle.io import images

SOFTNESS = 1 / 500
"""Standard deviation of the blur of the edges, as a part of the frame's longer side; at least one pixel."""
TOLERANCE = 0.02
"""Relative difference between the aspect ratios of mask and frame that is accepted."""


class Chosen(Protocol):
    """The settings that say where frames are stylized."""

    @property
    def mask(self) -> Path | None: ...
    @property
    def only(self) -> str | None: ...
    @property
    def threads(self) -> int | None: ...


class Part(Protocol):
    """Says for each pixel of a frame how far it is stylized."""

    def share(self, photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        """uint8 ``size`` (H, W), 255 where a frame, ``photo``, is stylized."""

    def reset(self) -> None:
        """Forget the previous frame."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What the next frame needs of the previous one, as arrays by name. For `restore`."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on after the frame at which `state` was called; other names in it do not matter."""


class Drawn:
    """The part that an image file shows: luma and alpha count, gray is a partial effect.

    Raises `InputError` if the image cannot be read.
    """

    def __init__(self, path: Path):
        frame = images.read(path).frames[0]
        self._path, self._share = path, _luma(frame.rgb, frame.alpha)
        self._fitted: NDArray[np.uint8] | None = None

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if a frame of ``size`` (H, W) has another aspect ratio than the mask."""
        (height, width), (rows, columns) = size, self._share.shape
        if abs(columns * height / (rows * width) - 1) > TOLERANCE:
            raise InputError(
                f"{self._path}: the mask has {columns}x{rows} pixels and the picture {width}x{height};"
                " the shapes differ"
            )

    def reset(self) -> None:
        """Nothing: all frames have the same mask."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing, likewise."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing, likewise."""

    def share(self, photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        """As `Part`; the mask is stretched to ``size``."""
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
    """Mixes stylized frames with their photos, one after another. The shares of ``parts`` are multiplied."""

    def __init__(self, *parts: Part):
        self._parts = parts

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if a part does not fit frames of ``size`` (H, W)."""
        for part in self._parts:
            if isinstance(part, Drawn):
                part.check(size)

    def reset(self) -> None:
        """Forget the previous frame: the next one is of another picture."""
        for part in self._parts:
            part.reset()

    def state(self) -> dict[str, NDArray[Any]]:
        """What the next frame needs of the previous one, as arrays by name. For `restore`."""
        return {name: array for part in self._parts for name, array in part.state().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on after the frame at which `state` was called."""
        for part in self._parts:
            part.restore(state)

    def __call__(self, photo: NDArray[np.uint8], painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``painted`` or ``photo``, uint8 (H, W, 3), in the size of ``painted``. Raises as `check`."""
        self.check((photo.shape[0], photo.shape[1]))
        return self.applied(photo, painted)

    def applied(self, photo: NDArray[np.uint8], painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As a call, but a drawn mask is stretched to whatever shape the frame has."""
        height, width = painted.shape[:2]
        if photo.shape != painted.shape:
            photo = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))
        first, *others = (part.share(photo, (height, width)) for part in self._parts)
        for other in others:
            first = ((first.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
        return colors.mixed(photo, painted, first)


def load(settings: Chosen) -> Mask | None:
    """The mask that settings ask for, None if they ask for none. Raises `InputError` and `StyleError`."""
    parts: list[Part] = [] if settings.mask is None else [Drawn(Path(settings.mask))]
    if settings.only is not None:
        from fststyle.runtime.subject import Subject

        parts.append(Subject(settings.only == "background", settings.threads))
    return Mask(*parts) if parts else None


def _luma(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if alpha is None:
        return luma
    return ((luma.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
