"""Raw frames through pipes."""

import io
import subprocess
import sys

import pytest

from fststyle.errors import InputError
from fststyle.runtime.video.formats.raw import parse_size
from fststyle.runtime.video.stylize import stylize_video
from tests import clips
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


def paint(source, target, **settings):
    return stylize_video(source, target, **{**INVERT, **settings})


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


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


def test_stdin_that_cannot_be_read_is_reported(tmp_path):
    class Unreadable(io.RawIOBase):
        def readinto(self, _):
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match="stdin: cannot be read: Input/output error"):
        paint("-", tmp_path / "out.mp4", frame_size="64x48", stdin=Unreadable())
    assert not (tmp_path / "out.mp4").exists()


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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("640", "is not WIDTHxHEIGHT"),
        ("640x480x3", "is not WIDTHxHEIGHT"),
        ("0x9", "both sides of '0x9' must be from"),
        ("100000x480", "both sides of '100000x480' must be from"),
    ],
)
def test_size_of_wrong_form_or_out_of_range_is_refused(text, problem):
    with pytest.raises(InputError, match=f"--frame-size: .*{problem}"):
        parse_size(text)
    assert parse_size(" 640X480 ") == (480, 640)


def test_closed_pipe_gives_one_line(tmp_path, style_folder):
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


def test_closed_stdout_is_reported(clip, style_folder):
    command = f"{sys.executable} -m fststyle video {clip} - --style invert --device cpu >&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (
        2,
        "fststyle: stdout is closed; the video cannot be written to it\n",
    )
