"""A stylized frame of the webcam filter."""

from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class View:
    """One stylized frame: ``rgb`` uint8 (H, W, 3) in the size of the camera; ``fps`` of the latest frames;
    ``latency`` from capture in seconds; ``painted``, the (width, height) that was stylized; ``style``;
    ``number`` of the frame; ``at``, the time of capture (`time.monotonic`).
    """

    rgb: RGB
    fps: float
    latency: float
    painted: tuple[int, int]
    style: str
    number: int
    at: float
