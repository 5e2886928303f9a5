"""`fststyle keyframe train` as typed."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
