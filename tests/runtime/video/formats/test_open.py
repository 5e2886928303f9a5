"""Animated pictures, numbered pictures, raw pipes and folders as videos."""

import io
import json
import os
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from fststyle.errors import BatchError, InputError, OutputError
from fststyle.io import images
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.batch import BatchListener, stylize_videos
from fststyle.runtime.video.formats import sequence
from fststyle.runtime.video.stylize import stylize_video
from tests import clips
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


def paint(source, target, **settings):
    return stylize_video(source, target, **{**INVERT, **settings})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="is not a regular file"):
        paint(tmp_path / "in.mp4", tmp_path / "out.mp4")


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


def animation(path, durations, alpha=False):
    frames = []
    for number in range(len(durations)):
        rgb = clips.frame(number)
        opacity = np.full(rgb.shape[:2], 255, np.uint8)
        if alpha:
            opacity[:10] = 0
        frames.append(images.Frame(rgb, opacity if alpha else None, durations[number]))
    images.write(images.Picture(frames, loop=3), path)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_a_video_becomes_an_animated_picture(clip, tmp_path, suffix):
    done = paint(clip, tmp_path / f"out{suffix}")
    assert (done.frames, done.lost) == (6, ("audio aac", "tag title"))
    made = images.read(tmp_path / f"out{suffix}")
    assert [frame.duration_ms for frame in made.frames] == [40, 40, 160, 40, 180, 40]
    assert made.loop == 0
    for (_, was), now in zip(clips.frames(clip), made.frames, strict=True):
        assert np.abs(now.rgb.astype(int) - (255 - was.astype(int))).mean() < 12


def test_a_still_picture_of_an_optional_format_and_a_text_are_told(tmp_path):
    (tmp_path / "in.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(InputError, match=r"in\.heic: is a still picture; use `fststyle image`"):
        paint(tmp_path / "in.heic", tmp_path / "out.mp4")
    (tmp_path / "text.png").write_text("no picture at all")
    with pytest.raises(InputError, match=r"text\.png: is not a video"):
        paint(tmp_path / "text.png", tmp_path / "out.mp4")


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
    assert f"{folder}: 2 pictures are ignored; fststyle image stylizes pictures" in notes
    assert f"{folder}: 1 other file is ignored: sound.mp3" in notes


def test_the_default_image_of_an_apng_is_named(tmp_path):
    frames = [Image.fromarray(clips.frame(number)) for number in range(3)]
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], default_image=True)
    done = paint(tmp_path / "in.png", tmp_path / "out.mp4")
    assert (done.frames, done.lost) == (2, ("still image of an animation",))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animated_picture_becomes_a_video(tmp_path, suffix):
    source = animation(tmp_path / f"in{suffix}", [50, 200, 10, 70])
    paint(source, tmp_path / "out.mkv", crf=5)
    made = clips.frames(tmp_path / "out.mkv")
    assert [round(t, 3) for t, _ in made] == [0, 0.05, 0.25, 0.35]
    for (_, now), was in zip(made, images.read(source).frames, strict=True):
        assert np.abs(now.astype(int) - (255 - was.rgb.astype(int))).mean() < 12


def test_transparency_and_loops_stay_between_animated_pictures(tmp_path):
    source = animation(tmp_path / "in.gif", [50, 50], alpha=True)
    paint(source, tmp_path / "out.webp", size=32)
    made = images.read(tmp_path / "out.webp")
    assert made.loop == 3
    assert made.size == (24, 32)
    assert made.frames[1].alpha[2, 5] < 5
    assert made.frames[1].alpha[20, 5] > 250
    paint(source, tmp_path / "out.mp4", crf=5)
    assert clips.frames(tmp_path / "out.mp4")[0][1][:6].min() > 240


def test_a_gif_has_no_more_frames_than_are_shown_rightly(tmp_path):
    source = clips.write(tmp_path / "fast.mp4", [*range(0, 200, 10), 300, 310, 320], sound=None)
    done = paint(source, tmp_path / "out.gif")
    assert "50 frames per second" in done.notes[0]
    durations = [frame.duration_ms for frame in images.read(tmp_path / "out.gif").frames]
    assert durations == [*[20] * 10, 100, 20, 20]  # what is held is one frame
    assert paint(source, tmp_path / "even.gif", fps=100).frames == 17


@pytest.mark.parametrize(("suffix", "shortest"), [(".gif", 20), (".webp", 11), (".apng", 11)])
def test_a_rate_that_browsers_do_not_show_is_not_written(clip, tmp_path, suffix, shortest):
    done = paint(clip, tmp_path / f"out{suffix}", fps=100)
    assert "frames per second, the most that players show" in done.notes[0]
    assert min(frame.duration_ms for frame in images.read(tmp_path / f"out{suffix}").frames) == shortest


def test_the_form_goes_by_content_not_by_name(clip, tmp_path):
    animation(tmp_path / "in.gif", [50, 50]).rename(tmp_path / "gif.mp4")
    clip.rename(tmp_path / "video.gif")
    assert paint(tmp_path / "gif.mp4", tmp_path / "a.mp4").frames == 2
    assert paint(tmp_path / "video.gif", tmp_path / "b.mp4").frames == 6
    Image.new("RGB", (40, 40)).save(tmp_path / "still.png")
    with pytest.raises(InputError, match="still picture"):
        paint(tmp_path / "still.png", tmp_path / "c.mp4")


@pytest.fixture
def numbered(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (7, 8, 10, 11):
        Image.fromarray(clips.frame(number)).save(folder / f"shot{number:04d}.png")
    return folder


def test_numbered_pictures_keep_their_numbers(numbered, tmp_path):
    done = paint(numbered, tmp_path / "out", steady=False)
    assert done.frames == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"shot{number:04d}.png" for number in (7, 8, 10, 11)
    ]
    for path in numbered.iterdir():
        np.testing.assert_array_equal(
            images.read(tmp_path / "out" / path.name).frames[0].rgb, 255 - images.read(path).frames[0].rgb
        )


def test_numbered_pictures_have_the_time_of_their_numbers(numbered, tmp_path):
    done = paint(numbered / "shot%04d.png", tmp_path / "out.mp4", input_fps=10)
    assert done.frames == 4
    assert [round(t, 3) for t, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.1, 0.3, 0.4]
    paint(numbered, tmp_path / "part%d.jpg", input_fps=10, start=0.2)
    assert sorted(path.name for path in tmp_path.glob("part*")) == ["part10.jpg", "part11.jpg"]


def test_a_video_becomes_numbered_pictures(clip, tmp_path):
    paint(clip, tmp_path / "made" / "100%%-%03d.png")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        f"100%-{number:03d}.png" for number in range(1, 7)
    ]


def test_a_bad_picture_among_the_numbered_is_told_and_left_out(numbered, tmp_path):
    (numbered / "shot0008.png").write_bytes(b"nothing")
    Image.fromarray(clips.frame(1)[:20]).save(numbered / "shot0010.png")
    done = paint(numbered, tmp_path / "out.mp4")
    assert done.frames == 2
    assert "shot0008.png" in done.broken


def test_numbered_pictures_that_cannot_be(numbered, tmp_path):
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


def test_raw_frames_through_pipes(tmp_path):
    content = b"".join(clips.frame(number).tobytes() for number in range(3))
    out = io.BytesIO()
    done = paint("-", "-", frame_size="64x48", stdin=io.BytesIO(content), stdout=out)
    assert (done.input, done.output, done.frames) == ("stdin", "-", 3)
    assert out.getvalue() == bytes(255 - value for value in content)
    done = paint(
        "-", tmp_path / "out.mp4", frame_size="64x48", input_fps=29.97, stdin=io.BytesIO(content + b"rest")
    )
    assert done.broken.startswith("its last frame has 4 of 9216 bytes")
    assert [round(t, 4) for t, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.0334, 0.0667]


def test_program_in_pipes(tmp_path, program):
    content = b"".join(clips.frame(number).tobytes() for number in range(3))
    options = ("-s", "invert", "--device", "cpu", "--threads", "1")
    done = program("video", "-", "-", "--frame-size", "64x48", *options, input=content)
    assert (done.returncode, done.stdout) == (0, bytes(255 - value for value in content)), done.stderr
    for arguments in (
        ("-", "-"),
        ("-", "-", "--frame-size", "0x9"),
        ("-", "-", "--frame-size", "64x48", "--json"),
        ("-", "folder/", "--frame-size", "64x48"),
    ):
        done = program("video", *arguments, *options, input=content)
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1), done.stderr


def test_a_pipe_that_nobody_reads_is_one_line(tmp_path, style_folder):
    command = [
        sys.executable,
        "-m",
        "fststyle",
        "video",
        "-",
        "-",
        "--frame-size",
        "64x48",
        "-s",
        "invert",
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    (tmp_path / "frames").write_bytes(b"".join(clips.frame(number).tobytes() for number in range(40)))
    with open(tmp_path / "frames", "rb") as frames:
        running = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=frames, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        running.stdout.close()
        error = running.stderr.read().decode()
        running.stderr.close()
        assert running.wait() == 2
    assert error.count("\n") == 1, error
    assert error.startswith("fststyle: stdout: cannot be written")


def test_a_folder_of_videos(tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    clips.write(folder / "a.mp4", [0, 40], sound=None)
    clips.write(folder / "deep" / "b.mkv", [0, 40], sound=None)
    clips.write(folder / "a.avi", [0, 40], base=clips.Fraction(1, 25), sound=None)
    (folder / "bad.mov").write_bytes(b"no video" * 99)
    (folder / "readme.txt").write_text("no video either")
    done, failed = [], []
    listener = BatchListener(on_done=done.append, on_failed=lambda path, error: failed.append(path))
    with pytest.raises(BatchError, match="1 of 4 videos failed"):
        stylize_videos(folder, folder / "out", VideoSettings(**INVERT), listener)
    assert failed == [str(folder / "bad.mov")]
    made = sorted(
        str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file()
    )
    assert made == ["a-2.mp4", "a.mp4", "deep/b.mkv"]
    with pytest.raises(OutputError, match="is one of the inputs"):
        stylize_videos(folder, folder, VideoSettings(**INVERT))
    with pytest.raises(OutputError, match="is a folder"):
        stylize_videos(folder, tmp_path / "out.mp4", VideoSettings(**INVERT))


def test_program_paints_a_folder(tmp_path, program):
    (tmp_path / "in").mkdir()
    clips.write(tmp_path / "in" / "a.mp4", [0, 40], sound=None)
    (tmp_path / "in" / "b.mp4").write_bytes(b"no video" * 99)
    done = program("video", "in", "out", "-s", "invert", "--json", "--device", "cpu")
    assert done.returncode == 1
    assert [item["frames"] for item in json.loads(done.stdout)] == [2]
    assert done.stderr.decode().splitlines()[0].startswith("fststyle: in/b.mp4: is not a video")
    assert (tmp_path / "out" / "a.mp4").is_file()


@pytest.mark.parametrize("name", ["%%d.png", "a%d%d.png", "a%d-%03d.png"])
def test_a_pattern_has_one_number(clip, tmp_path, name):
    with pytest.raises(OutputError):
        paint(clip, tmp_path / "out" / name)
    assert not list(tmp_path.glob("**/*.png"))


def test_a_percent_sign_in_numbered_pictures(clip, tmp_path):
    paint(clip, tmp_path / "50%%_%02d.png")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        f"50%_{number:02d}.png" for number in range(1, 7)
    ]
    assert paint(tmp_path / "50%%_%02d.png", tmp_path / "back.mp4").frames == 6


@pytest.mark.parametrize("name", ["-", "%03d.png"])
def test_a_folder_of_videos_is_no_single_video(clip, tmp_path, monkeypatch, name):
    (tmp_path / "videos").mkdir()
    clip.rename(tmp_path / "videos" / "in.mp4")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="takes one video"):
        stylize_videos("videos", name, VideoSettings(**INVERT))
    assert [path.name for path in tmp_path.iterdir() if path.name != "styles"] == ["videos"]


def test_no_stdout_is_told(clip, style_folder):
    command = f"{sys.executable} -m fststyle video {clip} - --style invert --device cpu >&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (
        2,
        "fststyle: stdout is closed; the video cannot be written to it\n",
    )
