"""Publish frames as an NDI source. Needs cyndilib, which contains the NDI library."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from fststyle.arrays import RGB, Pixels
from fststyle.errors import DependencyError, DeviceError

NAME = "fststyle"
"""Name of the source, which receivers show."""


class Ndi:
    """NDI source called ``name``, for frames of ``size`` (width, height) and a nominal frame rate ``fps``.

    NDI sends in its own threads, so a slow receiver does not delay frames. Raises `DependencyError` if
    cyndilib is not installed, and `DeviceError` if NDI could not be started.
    """

    def __init__(self, size: tuple[int, int], fps: float = 30.0, name: str = NAME):
        try:
            from cyndilib.sender import Sender
            from cyndilib.video_frame import VideoSendFrame
            from cyndilib.wrapper.ndi_structs import FourCC
        except ImportError as error:
            raise DependencyError(f"--ndi needs cyndilib: pip install cyndilib [{error}]") from error
        self._frame_type, self._fourcc, self._sender_type = VideoSendFrame, FourCC.RGBX, Sender
        self._rate, self._name = Fraction(fps).limit_denominator(1001), name
        self._size: tuple[int, int] | None = None
        self._sender: Any = None
        self._open(size)

    def send(self, rgb: RGB, at: float) -> None:
        """Send a frame, uint8 (H, W, 3). If its size has changed, the source is restarted. ``at`` is ignored.

        Raises `DeviceError` if NDI fails.
        """
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            self.close()
            self._open((rgb.shape[1], rgb.shape[0]))
        pixels: Pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)
        try:
            sent = self._sender.write_video_async(np.ascontiguousarray(pixels).reshape(-1))
        except Exception as error:  # the exceptions of cyndilib have no common base class
            raise DeviceError(f"NDI failed: {error}") from error
        if not sent:
            raise DeviceError("NDI failed to send a frame")

    def close(self) -> None:
        """Close the source."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _open(self, size: tuple[int, int]) -> None:
        try:
            frame = self._frame_type()
            frame.set_resolution(*size)
            frame.set_fourcc(self._fourcc)
            frame.set_frame_rate(self._rate)
            # With a clock, NDI would make `send` wait. The camera determines the frame rate.
            self._sender = self._sender_type(self._name, clock_video=False, clock_audio=False)
            self._sender.set_video_frame(frame)
            self._sender.open()
        except Exception as error:
            raise DeviceError(f"--ndi: NDI could not be started: {error}") from error
        self._size = size
