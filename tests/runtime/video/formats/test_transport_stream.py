"""Names of services in transport streams. Expected texts follow EN 300 468, annex A."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from fststyle.runtime.video.formats import transport_stream
from fststyle.runtime.video.formats.transport_stream import service_tags
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

NAMES = {"service_provider": "Provider", "service_name": "Channel 1 ü"}


def recording(path: Path, names: dict[str, str] = NAMES, **options: str) -> Path:
    with av.open(str(path), "w", format="mpegts", options=options) as container:
        container.metadata.update(names)
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("options", [{}, {"mpegts_m2ts_mode": "1"}])
def test_names_are_read(tmp_path, options):
    assert service_tags(recording(tmp_path / "in.ts", **options)) == NAMES


def test_names_that_ffmpeg_writes_by_itself_are_ignored(tmp_path):
    assert service_tags(recording(tmp_path / "in.ts", {})) == {}


def test_names_in_damaged_files_are_ignored(tmp_path):
    content = bytearray(recording(tmp_path / "in.ts").read_bytes())
    at = content.index(b"Provider")
    for place in range(at - 30, at + 30):
        damaged = bytes(content[:place]) + b"\xff" + bytes(content[place + 1 :])
        (tmp_path / "in.ts").write_bytes(damaged)
        service_tags(tmp_path / "in.ts")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Das Erste", "Das Erste"),
        (b"\x05Kanal D \xfd", "Kanal D \u0131"),
        (b"\x10\x00\x0f\xa4", "€"),
        (b"\x15\xc3\xbc", "ü"),
        (b"T\xc8uV", "TüV"),
        (b"\x86one\x87", "one"),
    ],
)
def test_text_is_in_the_stated_character_set(content, text):
    assert transport_stream._text(content) == text


@pytest.mark.usefixtures("style_folder")
def test_names_are_kept_or_named(tmp_path):
    source = recording(tmp_path / "in.ts")
    for target in ("out.mkv", "out.mp4", "out.mov"):
        assert stylize_video(source, tmp_path / target, style="invert", device="cpu").lost == ()
        with av.open(str(tmp_path / target)) as container:
            found = {key.lower(): value for key, value in container.metadata.items()}
        assert found["service_name"] == "Channel 1 ü"
    done = stylize_video(source, tmp_path / "out.gif", style="invert", device="cpu")
    assert set(done.lost) == {"tag service_name", "tag service_provider"}
