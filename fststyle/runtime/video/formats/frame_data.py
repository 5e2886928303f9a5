"""Data that video frames carry besides their pixels, and that no output keeps."""

from collections.abc import Iterator

from fststyle.runtime.video.formats.pyav import DecodedFrame

_NAMES = {"A53_CC": "closed captions", "SPHERICAL": "360-degree projection", "STEREO3D": "stereo 3D"}
"""PyAV's type of side data -> its name for the user. Encoded frames are made of pixels alone."""


def names(frame: DecodedFrame) -> Iterator[str]:
    """The names of the data of a decoded frame."""
    for kind, name in _NAMES.items():
        data = frame.side_data.get(kind)
        if data is not None and (kind != "STEREO3D" or any(bytes(data)[:4])):  # its first number is 0 for 2D
            yield name
