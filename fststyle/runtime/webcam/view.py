"""A stylized frame of the webcam filter."""

from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class View:
    """Stylized frame of the webcam filter, with its timing.

    Attributes:
        rgb: uint8 (H, W, 3) with the size of the camera frame.
        fps: current frame rate in frames per second.
        latency: time from the capture to the stylized frame, in seconds.
        painted: (width, height) at which the frame was stylized.
        style: name of the style, for display.
        number: number of the camera frame.
        at: time of the capture in seconds (`time.monotonic`).
    """

    rgb: RGB
    fps: float
    latency: float
    painted: tuple[int, int]
    style: str
    number: int
    at: float
