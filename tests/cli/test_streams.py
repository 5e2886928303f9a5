"""Closed and full standard streams."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import clips
from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.usefixtures("style_folder"),
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full"),
]


@pytest.fixture
def typed(tmp_path):
    """Run a line of shell code in which "fststyle" is the program. Returns the exit code and the output."""
    Image.fromarray(np.full((24, 32, 3), 200, np.uint8)).save(tmp_path / "cat.png")

    def run(line, module="fststyle"):
        line = line.replace("fststyle", f"{sys.executable} -W error -m {module}", 1)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("lost", [">&-", ">&- 2>&-", ">&- <&-", "2>&-", "2>/dev/full", "2>&- >&- <&-"])
def test_closed_stderr_does_not_stop_the_work(typed, tmp_path, lost):
    code, said = typed(f"fststyle image cat.png -s invert -o out.png {lost}")
    assert (code, said.count("\n")) == (0, int("2>" not in lost))
    assert np.asarray(Image.open(tmp_path / "out.png"))[0, 0, 0] < 100
    assert typed(f"fststyle image none.png -s invert -o out2.png {lost}")[0] == 2


def test_tables_without_a_stdout(typed):
    assert typed("fststyle styles >&-") == (0, "")
    code, said = typed("fststyle styles --json >/dev/full")
    assert (code, said.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "command",
    [
        *("styles", "styles --json", "info", "info --json"),
        *("classify run {model} cat.png", "classify run {model} cat.png --json"),
    ],
)
def test_answer_to_a_full_disk(typed, command):
    model = REPOSITORY / "fststyle" / "weights" / "mnist-classifier.onnx"
    said = typed(f"fststyle {command.format(model=model)} >/dev/full")
    assert said == (2, "fststyle: stdout: the result cannot be printed: No space left on device\n")


def test_picture_without_stdout_is_refused(typed):
    assert typed("fststyle image cat.png -s invert -o - >&-") == (
        2,
        "fststyle: stdout is closed; the image cannot be written to it\n",
    )


@pytest.mark.parametrize("command", ["image cat.png -s invert -o out.png", "video in.mp4 out.mp4 -s invert"])
def test_results_that_cannot_be_printed(typed, tmp_path, command):
    clips.write(tmp_path / "in.mp4", [0, 40], sound=None)
    code, said = typed(f"fststyle {command} --json >/dev/full")
    assert code == 1
    assert said.splitlines()[-1].startswith("fststyle: stdout: the result cannot be printed: ")
    assert len(list(tmp_path.glob("out.*"))) == 1


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\nb", "a\u202eb"])
def test_control_characters_of_names_are_escaped(typed, tmp_path, name):
    shown = name.encode("unicode_escape").decode()
    (tmp_path / f"{name}.txt").write_text("no picture")
    code, said = typed(f"fststyle image cat.png -s invert -o '{name}.png'")
    assert (code, said.startswith(f"{shown}.png  32x24"), said.count("\n")) == (0, True, 1)
    code, said = typed(f"fststyle image '{name}.txt' -s invert -o out.png")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("fststyle: a")
    assert not set(said) & {"\x1b", "\u202e"}


@pytest.mark.parametrize(
    "command",
    [
        "webcam --camera in.mp4 -s invert --headless --size 32 --seconds 0.2 --record 'a\x1bb.mp4'",
        "webcam --camera 'none\x1bb.mp4' -s invert --headless",
        "classify run {model} 'a\x1bb.png'",
        "export 'a\x1bb.pt'",
        "export-web 'a\x1bb.onnx' -o 'b\x1bb'",
        "'a\x1bb'",
        "image '--a\x1bb'",
    ],
)
def test_control_characters_in_messages_of_other_commands(typed, tmp_path, command):
    clips.write(tmp_path / "in.mp4", list(range(0, 800, 40)), sound=None)
    (tmp_path / "a\x1bb.png").write_bytes((tmp_path / "cat.png").read_bytes())
    model = REPOSITORY / "fststyle" / "weights" / "mnist-classifier.onnx"
    _, said = typed(f"fststyle {command.format(model=model)}")
    assert "a\\x1bb" in said or "none\\x1bb" in said
    assert "\x1b" not in said


def test_training_continues_when_the_disk_of_its_log_is_full(typed, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "unexported.py").write_text(
        "from fststyle.__main__ import main\n"
        "from fststyle.train import results\n"
        "results.traced = lambda net: None\n"
        "results.export_module = lambda net, card, path, **_: path.write_bytes(b'onnx')\n"
        "main()\n"
    )
    code, _ = typed(
        "fststyle train -s cat.png --network johnson --width 2 --blocks 0 --steps 2 --size 32 --style-size 32"
        " --device cpu --from none 2>/dev/full",
        module="unexported",
    )
    assert code == 0
    assert (tmp_path / "cat.onnx").is_file()
