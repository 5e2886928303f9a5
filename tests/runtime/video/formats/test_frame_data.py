"""Data of video frames that no output preserves."""

import struct

import av
import pytest

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
SPHERICAL = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
XML = (
    b'<rdf:SphericalVideo xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
    b"<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
    b"<GSpherical:StitchingSoftware>none</GSpherical:StitchingSoftware>"
    b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
)
CAPTIONS = bytes.fromhex("b5003147413934") + b"\x03\xc1\xff\xfc\x94\x2c\xff"
"""Two bytes of CEA-608 as ATSC A/53 stores them in an SEI message of H.264."""


def spherical(path):
    """A video as 360-degree cameras write it, with the box of Spherical Video V1 in its track."""
    content = bytearray(clips.write(path, list(range(0, 200, 40))).read_bytes())
    box = struct.pack(">I", 24 + len(XML)) + b"uuid" + SPHERICAL + XML
    track = content.index(b"trak") - 4
    end = track + int.from_bytes(content[track : track + 4], "big")
    content[end:end] = box
    for at in (track, content.index(b"moov") - 4):
        size = int.from_bytes(content[at : at + 4], "big") + len(box)
        content[at : at + 4] = size.to_bytes(4, "big")
    path.write_bytes(content)
    return path


def captioned(path):
    """A raw H.264 stream with closed captions in its first frame."""
    with av.open(str(path), "w", format="h264") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")))
        container.mux(video.encode(None))
    content = path.read_bytes()
    at = content.index(b"\0\0\1\x65")  # the first slice
    message = b"\0\0\1\x06\x04" + bytes([len(CAPTIONS)]) + CAPTIONS + b"\x80"
    path.write_bytes(content[:at] + message + content[at:])
    return path


@pytest.mark.parametrize(
    ("made", "name", "expected"),
    [
        (spherical, "in.mp4", ("360-degree projection",)),
        (captioned, "in.h264", ("closed captions",)),
        (lambda path: clips.write(path, list(range(0, 200, 40))), "in.mp4", ()),
    ],
    ids=["360", "captions", "none"],
)
def test_data_of_frames_is_named(tmp_path, made, name, expected):
    source = made(tmp_path / name)
    assert stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu").lost == expected


def test_stereo_3d_is_kept_by_matroska_and_named_elsewhere(tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata["stereo_mode"] = "left_right"
        for number in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")))
        container.mux(video.encode(None))
    for target, lost in (("out.mkv", ()), ("out.mp4", ("stereo 3D",))):
        done = stylize_video(tmp_path / "in.mkv", tmp_path / target, style="invert", device="cpu")
        assert done.lost == lost
