"""Folders of videos."""

import json

import av
import pytest
from PIL import Image

from fststyle.errors import BatchError, OutputError
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.batch import BatchListener, stylize_videos
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


def test_animated_pictures_of_a_folder_are_stylized_and_other_files_are_named(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    frames = [Image.fromarray(clips.frame(number)) for number in range(3)]
    for name in ("a.webp", "b.png"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
        frames[0].save(folder / f"still-{name}")
    (folder / "sound.mp3").write_bytes(b"ID3")
    with av.open(str(folder / "c.mjpeg"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.frame(0), format="rgb24")))
        container.mux(stream.encode(None))
    notes = []
    done = stylize_videos(
        folder, tmp_path / "out", VideoSettings(**INVERT), BatchListener(on_note=notes.append)
    )
    assert sorted(video.output for video in done) == [
        str(tmp_path / "out" / name) for name in ("a.webp", "b.mp4", "c.mp4")
    ]
    assert f"{folder}: 2 images are ignored; fststyle image stylizes images" in notes
    assert f"{folder}: 1 other file is ignored: sound.mp3" in notes


def test_folder_of_videos(tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    clips.write(folder / "a.mp4", [0, 40], sound=None)
    clips.write(folder / "deep" / "b.mkv", [0, 40], sound=None)
    clips.write(folder / "a.avi", [0, 40], base=clips.Fraction(1, 25), sound=None)
    (folder / "bad.mov").write_bytes(b"no video" * 99)
    (folder / "readme.txt").write_text("no video either")
    done, failed = [], []
    listener = BatchListener(on_done=done.append, on_failed=lambda path, error: failed.append(path))
    with pytest.raises(BatchError, match="1 of 4 inputs failed or is damaged"):
        stylize_videos(folder, folder / "out", VideoSettings(**INVERT), listener)
    assert failed == [str(folder / "bad.mov")]
    made = sorted(
        str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file()
    )
    assert made == ["a-2.mp4", "a.mp4", "deep/b.mkv"]
    with pytest.raises(OutputError, match="is one of the inputs"):
        stylize_videos(folder, folder, VideoSettings(**INVERT))
    with pytest.raises(OutputError, match="an input folder needs an output folder"):
        stylize_videos(folder, tmp_path / "out.mp4", VideoSettings(**INVERT))


def test_program_stylizes_a_folder(tmp_path, program):
    (tmp_path / "in").mkdir()
    clips.write(tmp_path / "in" / "a.mp4", [0, 40], sound=None)
    (tmp_path / "in" / "b.mp4").write_bytes(b"no video" * 99)
    done = program("video", "in", "out", "-s", "invert", "--json", "--device", "cpu")
    assert done.returncode == 1
    assert [item["frames"] for item in json.loads(done.stdout)] == [2]
    assert done.stderr.decode().splitlines()[0].startswith("fststyle: in/b.mp4: is not a video")
    assert (tmp_path / "out" / "a.mp4").is_file()


@pytest.mark.parametrize("name", ["-", "%03d.png"])
def test_folder_of_videos_is_no_single_video(clip, tmp_path, monkeypatch, name):
    (tmp_path / "videos").mkdir()
    clip.rename(tmp_path / "videos" / "in.mp4")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="can hold only one video"):
        stylize_videos("videos", name, VideoSettings(**INVERT))
    assert [path.name for path in tmp_path.iterdir() if path.name != "styles"] == ["videos"]
