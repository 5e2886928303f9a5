"""Recognition of input formats."""

import os

import pytest
from PIL import Image

from fststyle.errors import InputError
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


def paint(source, target, **settings):
    return stylize_video(source, target, **{**INVERT, **settings})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="is not a regular file"):
        paint(tmp_path / "in.mp4", tmp_path / "out.mp4")


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


def test_still_picture_and_text_file_are_refused(tmp_path):
    (tmp_path / "in.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(InputError, match=r"in\.heic: is a still image; use `fststyle image`"):
        paint(tmp_path / "in.heic", tmp_path / "out.mp4")
    (tmp_path / "text.png").write_text("no picture at all")
    with pytest.raises(InputError, match=r"text\.png: is not a video, or is damaged"):
        paint(tmp_path / "text.png", tmp_path / "out.mp4")


def test_format_is_detected_by_content(clip, tmp_path):
    clips.animation(tmp_path / "in.gif", [50, 50]).rename(tmp_path / "gif.mp4")
    clip.rename(tmp_path / "video.gif")
    assert paint(tmp_path / "gif.mp4", tmp_path / "a.mp4").frames == 2
    assert paint(tmp_path / "video.gif", tmp_path / "b.mp4").frames == 6
    Image.new("RGB", (40, 40)).save(tmp_path / "still.png")
    with pytest.raises(InputError, match="still image"):
        paint(tmp_path / "still.png", tmp_path / "c.mp4")


@pytest.mark.parametrize("name", ["12:30:00.mp4", "50%done.mp4", "http:x.mp4"])
def test_file_names_are_not_urls_or_patterns(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.write(tmp_path / "in.mp4", TIMES, sound=None).rename(tmp_path / name)
    (tmp_path / "out").mkdir()
    assert paint(name, "out/").frames == len(TIMES)
    assert (tmp_path / "out" / name).is_file()
