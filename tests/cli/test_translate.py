"""`fststyle translate train` at the command line."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
TINY = (
    "--steps",
    "2",
    "--size",
    "32",
    "--width",
    "2",
    "--blocks",
    "1",
    "--discriminator-width",
    "2",
    "--device",
    "cpu",
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("photos", "paintings", "empty"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        for folder in ("photos", "paintings"):
            Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(
                tmp_path / folder / f"{i}.png"
            )


def test_train_then_paint(program: Program, tmp_path: Path) -> None:
    done = program(
        "translate", "train", "--photos", "photos", "--paintings", "paintings", "--name", "old-masters", *TINY
    )
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    assert "step 2 of 2" in said
    assert "contrastive" in said
    assert {"old-masters.onnx", "old-masters.pt", "old-masters-preview.jpg"} <= {
        path.name for path in tmp_path.iterdir()
    }
    painted = program("image", "photos/0.png", "--style", "old-masters.onnx", "-o", "painted.png")
    assert painted.returncode == 0, painted.stderr
    with Image.open(tmp_path / "painted.png") as image:
        assert image.size == (48, 40)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--photos", "photos"), "--paintings"),
        (("--photos", "photos", "--paintings", "empty"), "empty"),
        (("--photos", "empty", "--paintings", "paintings"), "empty"),
        (("--photos", "photos", "--paintings", "paintings", "--resume"), "--resume"),
        (("--photos", "photos", "--paintings", "paintings", "--size", "3"), "--size"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = program("translate", "train", *TINY, *arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert sorted(tmp_path.rglob("*")) == before
