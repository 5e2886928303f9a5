"""Boxes of MP4 and MOV files that are not copied are named."""

from pathlib import Path

import pytest

from fststyle.errors import InputError
from fststyle.runtime.video.formats.boxes import boxes, unread
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
OTHER = bytes.fromhex("00112233445566778899aabbccddeeff")


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def with_user_data(path: Path, data: bytes) -> Path:
    """Add a box of user data to the movie box, which must follow the media data."""
    content = path.read_bytes()
    with path.open("rb") as file:
        movie = next(found for found in boxes(file, 0, len(content)) if found.kind == b"moov")
    assert movie.end == len(content)
    path.write_bytes(content[: movie.begin - 8] + box(b"moov", content[movie.begin :] + box(b"udta", data)))
    return path


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", [0, 40, 80])


def test_plain_file_has_no_unread_boxes(clip):
    assert unread(clip) == []


@pytest.mark.usefixtures("style_folder")
def test_user_data_of_cameras_is_named(clip, tmp_path):
    data = box(b"FIRM", b"HD8") + box(b"GPMF", b"DEVC") + box(b"smta", b"") + box(b"XMP_", b"<x/>")
    with_user_data(clip, data + box(b"\xa9nam", b"\0\1\0\0x") + bytes(4))
    done = stylize_video(clip, tmp_path / "out.mov", style="invert", device="cpu")
    assert done.lost[-4:] == ("user data 'FIRM'", "user data 'GPMF'", "user data 'smta'", "XMP data")


def test_uuid_boxes_are_named(clip):
    clip.write_bytes(
        clip.read_bytes() + box(b"uuid", XMP + b"<x/>") + box(b"uuid", OTHER) + box(b"sefd", b"")
    )
    assert unread(clip) == ["XMP data", "box 00112233-4455-6677-8899-aabbccddeeff", "box 'sefd'"]


def test_boxes_beyond_ten_are_counted(clip):
    clip.write_bytes(clip.read_bytes() + b"".join(box(b"bx%02d" % i, b"") for i in range(12)))
    assert unread(clip)[-2:] == ["box 'bx09'", "2 more boxes"]


def test_damaged_sizes_end_the_search(clip):
    content = clip.read_bytes()
    for tail in (b"\0\0\0\4uuid", b"\xff\xff\xff\xffuuid", b"\0\0\0\1uuid" + bytes(8), b"\0\0\0"):
        clip.write_bytes(content + tail)
        assert unread(clip) == []


def test_missing_index_of_an_interrupted_recording_is_named(clip):
    clip.write_bytes(clip.read_bytes()[:2000])
    with pytest.raises(InputError, match="the index at its end is missing"):
        Reader(clip)
    clip.write_bytes(b"no video" * 9)
    with pytest.raises(InputError, match="is not a video"):
        Reader(clip)
