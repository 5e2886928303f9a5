"""`fststyle gatys` at the command line."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
QUICK = ("--iterations", "2", "--scales", "1", "--device", "cpu", "--style-size", "32")


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, shape in (("photo.png", (32, 40, 3)), ("a.png", (40, 40, 3)), ("b.png", (40, 40, 3))):
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(tmp_path / name)


def test_stylizes_one_image(program: Program, tmp_path: Path) -> None:
    done = program("gatys", "photo.png", "a.png:0.7,b.png:0.3", "out.jpg", *QUICK)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    said = done.stderr.decode()
    assert "optimizing at 40x32 on cpu" in said
    assert "style" in said
    assert said.endswith("out.jpg  40x32  2 iterations\n")
    with Image.open(tmp_path / "out.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (40, 32))
    assert not list(tmp_path.glob(".fststyle*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.png", "a.png", "out.png"), "none.png"),
        (("photo.png", "none.png", "out.png"), "none.png"),
        (("photo.png", "a.png:x", "out.png"), "STYLE"),
        (("photo.png", "a.png", "out.xyz"), "out.xyz"),
        (("photo.png", "a.png", "photo.png"), "photo.png"),
        (("photo.png", "a.png", "a.png"), "a.png"),
        (("photo.png", "a.png", "out.png", "--start", "paper"), "--start"),
        (("photo.png", "a.png", "out.png", "--content-layer", "relu9_9"), "no layer 'relu9_9'"),
        (("photo.png", "a.png", "/proc/out.png"), "/proc/out.png: cannot be written"),
        (("photo.png", "a.png"), "OUT"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = program("gatys", *arguments, *QUICK)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
