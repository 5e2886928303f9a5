"""The window on a virtual screen (Xvfb), with keys that are sent to it as by a user."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import clips

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
    ),
    pytest.mark.usefixtures("style_folder"),
]


@pytest.fixture
def screen():
    """The environment of a program with a separate virtual screen."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    yield {**os.environ, "DISPLAY": f":{number}"}
    server.terminate()
    server.wait(10)


def until(true, seconds: float = 30) -> None:
    """Wait for a condition that another program fulfills."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_window_handles_keys(screen, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", list(range(0, 2000, 40)), sound=None)
    command = [
        sys.executable,
        "-m",
        "fststyle",
        "webcam",
        "--camera",
        str(clip),
        "--style",
        "invert",
        "--device",
        "cpu",
        "--no-steady",
    ]
    done = subprocess.Popen(command, cwd=tmp_path, env=screen, stderr=subprocess.PIPE)

    def keys(*pressed: str) -> None:
        for key in pressed:
            subprocess.run(["xdotool", "key", key], env=screen, check=True)
            time.sleep(0.3)

    def made(pattern: str) -> list[Path]:
        return list(tmp_path.glob(pattern))

    try:
        find = ["xdotool", "search", "--name", "^fststyle$", "windowfocus"]
        until(
            lambda: (
                subprocess.run(
                    find, env=screen, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                ).returncode
                == 0
            )
        )
        time.sleep(1)
        keys("h", "i", "m", "t", "f", "s")
        until(lambda: made("fststyle-*.png"))
        keys("r")
        time.sleep(1)
        keys("r")
        until(lambda: made("fststyle-*.mp4"))
        keys("q")
        assert done.wait(20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            done.kill()
    with done.stderr as said:
        assert said.read() == b""
    (picture,), (video,) = made("fststyle-*.png"), made("fststyle-*.mp4")
    with Image.open(picture) as saved:
        assert saved.size == (64, 48)  # what was painted, without the words on it
        # A key disabled the mirror. The gradient of the clip increases to the right, and decreases in the
        # negative.
        assert np.asarray(saved)[:, :16, 1].mean() > np.asarray(saved)[:, -16:, 1].mean()
    assert 0.8 < clips.frames(video)[-1][0] < 6
