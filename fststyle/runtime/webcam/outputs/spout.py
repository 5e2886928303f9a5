"""Publish frames as a Spout sender on Windows. Needs SpoutGL."""

import platform
from typing import Any

import cv2

from fststyle.arrays import RGB, Pixels
from fststyle.errors import DependencyError, DeviceError

NAME = "fststyle"
_GL_RGBA = 0x1908


class Spout:
    """Spout sender called ``name``. Receivers share its texture on the GPU.

    This class has not been tested on Windows. ``size`` and ``fps`` are ignored, since frames may have any
    size and rate. Raises `DependencyError` if SpoutGL is not installed or the system is not Windows, and
    `DeviceError` if Spout cannot be started.
    """

    def __init__(self, size: tuple[int, int], fps: float = 30.0, name: str = NAME):
        if platform.system() != "Windows":
            raise DependencyError("--spout works only on Windows; use --syphon on macOS, or --ndi")
        try:
            import SpoutGL
        except ImportError as error:
            raise DependencyError(f"--spout needs SpoutGL: pip install SpoutGL [{error}]") from error
        self._sender: Any = SpoutGL.SpoutSender()
        self._sender.setSenderName(name)
        # Create a hidden window with an OpenGL context in the sending thread.
        if not self._sender.createOpenGL():
            raise DeviceError("--spout: no OpenGL context can be created")

    def send(self, rgb: RGB, at: float) -> None:
        """Send a frame, uint8 (H, W, 3). ``at`` is ignored. Raises `DeviceError` if Spout fails."""
        pixels: Pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)
        if not self._sender.sendImage(pixels.tobytes(), rgb.shape[1], rgb.shape[0], _GL_RGBA, False, 0):
            raise DeviceError("Spout failed to send a frame")

    def close(self) -> None:
        """Close the sender."""
        self._sender.releaseSender()
        self._sender.closeOpenGL()
