"""Find side data of video frames, such as closed captions, which no output keeps."""

from collections.abc import Iterator

from fststyle.runtime.video.formats.pyav import DecodedFrame

STEREO = "stereo 3D"

_NAMES = {
    **{"A53_CC": "closed captions", "SPHERICAL": "360-degree projection", "STEREO3D": STEREO},
    **{"AFD": "active format description", "S12M_TIMECODE": "timecodes of frames"},
    **{"DOVI_METADATA": "Dolby Vision data", "DYNAMIC_HDR_PLUS": "HDR10+ data"},
}
"""Names for the user of PyAV side data types. Stylized frames are encoded without side data."""


def names(frame: DecodedFrame) -> Iterator[str]:
    """Yield the user-visible names of the side data of a decoded frame."""
    for kind, name in _NAMES.items():
        data = frame.side_data.get(kind)
        if data is not None and (kind != "STEREO3D" or any(bytes(data)[:4])):  # its first number is 0 for 2D
            yield name
