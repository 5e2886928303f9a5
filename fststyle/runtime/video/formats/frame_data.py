"""Find side data of video frames, such as closed captions. Stylized frames are encoded without side data."""

from collections.abc import Iterator

from fststyle.runtime.video.formats.pyav import DecodedFrame

STEREO = "stereo 3D"

_NAMES = {
    **{"A53_CC": "closed captions", "SPHERICAL": "360-degree projection", "STEREO3D": STEREO},
    **{"AFD": "active format description", "S12M_TIMECODE": "timecodes of frames"},
    **{"DOVI_METADATA": "Dolby Vision data", "DYNAMIC_HDR_PLUS": "HDR10+ data"},
}
"""Name for messages of each PyAV side data type that is reported."""


def names(frame: DecodedFrame) -> Iterator[str]:
    """Yield the name of each kind of side data that a decoded frame has and `_NAMES` lists."""
    for kind, name in _NAMES.items():
        data = frame.side_data.get(kind)
        # The first number of STEREO3D is 0 for 2D video.
        if data is not None and (kind != "STEREO3D" or any(bytes(data)[:4])):
            yield name
