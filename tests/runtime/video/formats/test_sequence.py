"""Image sequences as input and output of videos."""

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError, OutputError
from fststyle.io import images
from fststyle.runtime.video.formats import sequence
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


def paint(source, target, **settings):
    return stylize_video(source, target, **{**INVERT, **settings})


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


@pytest.fixture
def numbered(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (7, 8, 10, 11):
        Image.fromarray(clips.frame(number)).save(folder / f"shot{number:04d}.png")
    return folder


def test_image_sequence_keeps_its_numbers(numbered, tmp_path):
    done = paint(numbered, tmp_path / "out", steady=False)
    assert done.frames == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"shot{number:04d}.png" for number in (7, 8, 10, 11)
    ]
    for path in numbered.iterdir():
        np.testing.assert_array_equal(
            images.read(tmp_path / "out" / path.name).frames[0].rgb, 255 - images.read(path).frames[0].rgb
        )


def test_image_sequence_times_follow_the_numbers(numbered, tmp_path):
    done = paint(numbered / "shot%04d.png", tmp_path / "out.mp4", input_fps=10)
    assert done.frames == 4
    assert [round(t, 3) for t, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.1, 0.3, 0.4]
    paint(numbered, tmp_path / "part%d.jpg", input_fps=10, start=0.2)
    assert sorted(path.name for path in tmp_path.glob("part*")) == ["part10.jpg", "part11.jpg"]


def test_video_to_image_sequence(clip, tmp_path):
    paint(clip, tmp_path / "made" / "100%%-%03d.png")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        f"100%-{number:03d}.png" for number in range(1, 7)
    ]


def test_damaged_image_of_a_sequence_is_reported_and_skipped(numbered, tmp_path):
    (numbered / "shot0008.png").write_bytes(b"nothing")
    Image.fromarray(clips.frame(1)[:20]).save(numbered / "shot0010.png")
    done = paint(numbered, tmp_path / "out.mp4")
    assert done.frames == 2
    assert "shot0008.png" in done.broken


def test_metadata_of_an_image_sequence_is_named(numbered, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    for path in numbered.glob("*.png"):
        Image.open(path).save(path, exif=exif, dpi=(300, 300))
    assert paint(numbered, tmp_path / "out.mp4").lost == ("EXIF data", "resolution (300 dpi)")


def test_invalid_image_sequences_are_refused(numbered, tmp_path):
    for source, target, what in (
        (numbered / "nobody%d.png", "out.mp4", "no such image sequence"),
        (tmp_path / "nowhere" / "%d.png", "out.mp4", "no such folder"),
        (numbered, "frames/shot%04d.png", "is one of the inputs"),
        (numbered, "frames", "is one of the inputs"),
        (numbered, "made/%d.xyz", "cannot write '.xyz'"),
    ):
        with pytest.raises((InputError, OutputError), match=what):
            paint(source, tmp_path / target)
    Image.new("RGB", (40, 40)).save(numbered / "other1.png")
    with pytest.raises(InputError, match="several image sequences"):
        sequence.found_in(numbered)


@pytest.mark.parametrize("name", ["%%d.png", "a%d%d.png", "a%d-%03d.png"])
def test_pattern_has_one_number(clip, tmp_path, name):
    with pytest.raises(OutputError):
        paint(clip, tmp_path / "out" / name)
    assert not list(tmp_path.glob("**/*.png"))


def test_percent_sign_in_the_name_of_an_image_sequence(clip, tmp_path):
    paint(clip, tmp_path / "50%%_%02d.png")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        f"50%_{number:02d}.png" for number in range(1, 7)
    ]
    assert paint(tmp_path / "50%%_%02d.png", tmp_path / "back.mp4").frames == 6
