"""A painted frame of the live picture."""

from dataclasses import dataclass

from fststyle.arrays import RGB


@dataclass(frozen=True)
class View:
    """One painted frame: ``rgb`` uint8 (H, W, 3) in the camera's size, frames a second of late, seconds from
    camera to here, and the size it was painted in.

    ``at``: when the camera took it (`time.monotonic`).
    """

    rgb: RGB
    fps: float
    latency: float
    painted: tuple[int, int]
    style: str
    number: int
    at: float
