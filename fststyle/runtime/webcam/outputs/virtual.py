"""Send frames to a virtual camera for video-call apps. Needs pyvirtualcam."""

import sys
from typing import Any

from fststyle.arrays import RGB
from fststyle.errors import DependencyError, DeviceError, InputError

_DRIVERS = {
    "linux": "v4l2loopback (sudo modprobe v4l2loopback exclusive_caps=1)",
    "darwin": "OBS 30 or newer, whose virtual camera was started once",
    "win32": "OBS Studio",
}


class VirtualCamera:
    """Virtual camera for frames of ``size`` (width, height): v4l2loopback on Linux, OBS on macOS and Windows.

    ``fps`` is the nominal frame rate. Raises `DependencyError` if pyvirtualcam is not installed or no virtual
    camera can be opened. The message states what is needed.
    """

    def __init__(self, size: tuple[int, int], fps: float = 30.0):
        try:
            import pyvirtualcam
        except ImportError as error:
            raise DependencyError(
                f"--virtual needs pyvirtualcam: pip install pyvirtualcam [{error}]"
            ) from error
        driver = _DRIVERS.get(sys.platform, "a driver for virtual cameras")
        try:
            self._camera: Any = pyvirtualcam.Camera(width=size[0], height=size[1], fps=fps, print_fps=False)
        except RuntimeError as error:
            raise DependencyError(
                f"--virtual: no virtual camera can be opened; virtual cameras need {driver} [{error}]"
            ) from error
        self._size, self.device = size, str(self._camera.device)

    def send(self, rgb: RGB, at: float) -> None:
        """Send a frame, uint8 (H, W, 3). ``at`` is ignored.

        Raises `InputError` for a frame whose size differs from that of the camera, and `DeviceError` if the
        camera fails.
        """
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            raise InputError(
                f"the virtual camera needs frames of {self._size[0]}x{self._size[1]}, not"
                f" {rgb.shape[1]}x{rgb.shape[0]}"
            )
        try:
            self._camera.send(rgb)
        except RuntimeError as error:
            raise DeviceError(f"the virtual camera {self.device} failed: {error}") from error

    def close(self) -> None:
        """Close the virtual camera."""
        self._camera.close()
