"""`fststyle keyframe train` at the command line."""

import importlib.util
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.interrupted import IMPORTS_TORCH, interrupted, posix_signals

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
TINY = ("--steps", "2", "--size", "32", "--window", "32", "--device", "cpu")


@pytest.fixture(autouse=True)
def shot(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "shot").mkdir()
    (tmp_path / "empty").mkdir()
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(
            tmp_path / "shot" / f"{i}.png"
        )
    for name in ("ink_1.png", "ink.png", "ink_2.png"):
        Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(tmp_path / name)


def test_train_then_paint_the_shot(program: Program, tmp_path: Path) -> None:
    done = program(
        "keyframe", "train", "--frames", "shot", "--painted", "ink_1.png", "--painted", "ink_2.png", *TINY
    )
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    assert "training ink-1 on 3 frames of shot with 2 painted frames" in said
    assert "step 2 of 2" in said
    assert {"ink-1.onnx", "ink-1.pt", "ink-1-preview.jpg"} <= {path.name for path in tmp_path.iterdir()}
    painted = program("video", "shot", "out/%d.png", "--style", "ink-1.onnx")
    assert painted.returncode == 0, painted.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--painted", "ink_1.png"), "--frames"),
        (("--frames", "shot"), "--painted"),
        (("--frames", "none", "--painted", "ink_1.png"), "none"),
        (("--frames", "empty", "--painted", "ink_1.png"), "empty"),
        (("--frames", "shot", "--painted", "none_1.png"), "none_1.png"),
        (("--frames", "shot", "--painted", "ink.png"), "ink.png: has no frame number in its name"),
        (("--frames", "shot", "--painted", "ink.png", "--at", "7"), "frame 7 is not in shot"),
        (("--frames", "shot", "--painted", "ink_1.png", "--resume"), "--resume"),
        (("--frames", "shot", "--painted", "ink_1.png", "--size", "3"), "--size"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = program("keyframe", "train", *TINY, *arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@posix_signals
def test_interrupted_training_resumes_at_the_next_step(program: Program, tmp_path: Path) -> None:
    arguments = ("keyframe", "train", "--frames", "shot", "--painted", "ink_1.png", *TINY, "--steps", "12")
    done = interrupted(tmp_path, (*arguments, "-o", "parts"), "step 1 of 12")
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 130, done.stderr
    found = re.fullmatch(
        r"fststyle: stopped after step (\d+) of 12; the state is saved; continue with --resume", last
    )
    assert found, last
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["ink-1.pt"]

    refused = program(*arguments, "-o", "parts")
    assert refused.returncode == 2
    assert b"--resume" in refused.stderr

    resumed = program(*arguments, "-o", "parts", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    said = resumed.stderr.decode()
    assert f"step {int(found[1]) + 1} of 12" in said
    assert f"step {found[1]} of 12" not in said
    assert {"ink-1.onnx", "ink-1-preview.jpg"} <= {path.name for path in (tmp_path / "parts").iterdir()}


@posix_signals
def test_interruption_before_training_leaves_nothing(tmp_path: Path) -> None:
    """The signal comes while PyTorch is imported. It is raised after that, on a fast machine while the
    training starts.
    """
    before = sorted(tmp_path.rglob("*"))
    arguments = ("keyframe", "train", "--frames", "shot", "--painted", "ink_1.png", *TINY)
    done = interrupted(tmp_path, arguments, IMPORTS_TORCH)
    *started, last = done.stderr.splitlines()
    assert (done.returncode, last) == (130, "fststyle: interrupted")
    assert all(line.startswith("training ink-1 on") for line in started)
    assert sorted(tmp_path.rglob("*")) == before
