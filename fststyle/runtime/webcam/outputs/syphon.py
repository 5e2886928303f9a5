"""Publish frames as a Syphon server on macOS. Needs syphon-python."""

import platform
from typing import Any

import cv2
import numpy as np

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, DeviceError

NAME = "fststyle"


class Syphon:
    """Syphon server called ``name``, which uses Metal.

    This class has not been tested on macOS. ``size`` and ``fps`` are ignored, since frames may have any size
    and rate. Raises `DependencyError` if syphon-python is not installed or the system is not macOS, and
    `DeviceError` if the server cannot be started.
    """

    def __init__(self, size: tuple[int, int], fps: float = 30.0, name: str = NAME):
        if platform.system() != "Darwin":
            raise DependencyError("--syphon works only on macOS; use --spout on Windows, or --ndi")
        try:
            import syphon
            from syphon.utils.numpy import copy_image_to_mtl_texture
            from syphon.utils.raw import create_mtl_texture
        except ImportError as error:
            raise DependencyError(
                f"--syphon needs syphon-python: pip install syphon-python [{error}]"
            ) from error
        self._copy, self._create = copy_image_to_mtl_texture, create_mtl_texture
        try:
            self._server: Any = syphon.SyphonMetalServer(name)
        except RuntimeError as error:
            raise DeviceError(f"--syphon: the server could not be started: {error}") from error
        self._size: tuple[int, int] | None = None
        self._texture: Any = None

    def send(self, rgb: RGB, at: float) -> None:
        """Publish a frame, uint8 (H, W, 3). ``at`` is ignored. Raises `DeviceError` if Syphon fails."""
        size = (rgb.shape[1], rgb.shape[0])
        try:
            if size != self._size:
                self._texture, self._size = self._create(self._server.device, *size), size
            # The first row of a Metal texture is the top row; that of a Syphon image is the bottom row.
            self._copy(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)), self._texture)
            self._server.publish_frame_texture(self._texture, is_flipped=True)
        except Exception as error:  # raised by Metal or Objective-C
            raise DeviceError(f"Syphon failed to send a frame: {error}") from error

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
