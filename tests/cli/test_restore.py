"""`fststyle restore` at the command line."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.interrupted import IMPORTS_TORCH, interrupted, posix_signals

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
INPUTS = {"damaged.png", "damaged.jpg", "mask.png", "small.png"}
QUICK = ("--iterations", "2", "--device", "cpu", "--style-layers", "relu1_2:1", "--patch-layers", "relu2_2:1")

LONG = (*QUICK, "--iterations", "2000")


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path) -> np.ndarray:
    rgb = np.random.default_rng(0).integers(0, 255, (48, 56, 3), dtype=np.uint8)
    image = Image.fromarray(rgb)
    for name in ("damaged.png", "damaged.jpg"):
        image.save(tmp_path / name, dpi=(300, 300))
    mask = np.zeros((48, 56), np.uint8)
    mask[20:26, 10:40] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:-1]).save(tmp_path / "small.png")
    return mask


def test_restores_and_keeps_the_rest(program: Program, tmp_path: Path, pictures: np.ndarray) -> None:
    done = program("restore", "damaged.png", "--mask", "mask.png", *QUICK)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    said = done.stderr.decode()
    assert "restoring 180 pixels (6.7 %) in 1 part on cpu" in said
    assert said.endswith("damaged-restored.png  56x48\n")
    with (
        Image.open(tmp_path / "damaged.png") as before,
        Image.open(tmp_path / "damaged-restored.png") as after,
    ):
        changed = (np.asarray(before) != np.asarray(after)).any(2)
        assert after.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert changed.any()
    assert not changed[pictures == 0].any()


def test_a_lossy_picture_is_restored_to_png(program: Program, tmp_path: Path, pictures: np.ndarray) -> None:
    assert program("restore", "damaged.jpg", "-m", "mask.png", *QUICK).returncode == 0
    with (
        Image.open(tmp_path / "damaged.jpg") as before,
        Image.open(tmp_path / "damaged-restored.png") as after,
    ):
        assert (np.asarray(before)[pictures == 0] == np.asarray(after)[pictures == 0]).all()
        assert after.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_sixteen_bits_become_eight_and_the_program_says_so(program: Program, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65535, (48, 56), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    done = program("restore", "deep.png", "-m", "mask.png", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "deep.png: not in the output: more than 8 bits per channel" in done.stderr.decode()


def test_pipes(program: Program, tmp_path: Path) -> None:
    content = (tmp_path / "damaged.jpg").read_bytes()
    done = program("restore", "-", "-m", "mask.png", *QUICK, input=content)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.png", "-m", "mask.png"), "none.png"),
        (("damaged.png", "-m", "none.png"), "none.png"),
        (("damaged.png",), "--mask"),
        (("damaged.png", "-m", "mask.png", "--quality", "200"), "--quality: 200 is above 100"),
        (("damaged.png", "-m", "mask.png", "--quality", "0"), "--quality: 0 is below 1"),
        (("damaged.png", "-m", "small.png"), "small.png: the mask has 56x47 pixels and the image 56x48"),
        (("damaged.png", "-m", "mask.png", "-o", "mask.png"), "mask.png"),
        (("damaged.png", "-m", "mask.png", "-o", "damaged.png"), "damaged.png"),
        (("damaged.png", "-m", "mask.png", "-o", "out.xyz"), "out.xyz"),
        (("damaged.png", "-m", "mask.png", "-o", "/proc/out.png"), "/proc/out.png: cannot be written"),
        (("damaged.png", "-m", "mask.png", "--context", "1"), "--context"),
        ((".", "-m", "mask.png"), "is a folder"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = program("restore", *arguments, *QUICK)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@posix_signals
def test_interruption_writes_the_picture_so_far(tmp_path: Path, pictures: np.ndarray) -> None:
    arguments = ("restore", "damaged.png", "-m", "mask.png", *LONG)
    done = interrupted(tmp_path, arguments, "step 100 of 2000")
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines()[-1].startswith("fststyle: stopped after step "), done.stderr
    assert done.stderr.splitlines()[-1].endswith(" of 2000; the image is saved")
    assert {path.name for path in tmp_path.iterdir()} == {*INPUTS, "damaged-restored.png"}
    with (
        Image.open(tmp_path / "damaged.png") as before,
        Image.open(tmp_path / "damaged-restored.png") as after,
    ):
        changed = (np.asarray(before) != np.asarray(after)).any(2)
    assert changed[pictures > 0].mean() > 0.9
    assert not changed[pictures == 0].any()


@posix_signals
def test_interruption_with_output_to_a_pipe_writes_nothing(tmp_path: Path) -> None:
    arguments = ("restore", "damaged.png", "-m", "mask.png", "-o", "-", *LONG)
    done = interrupted(tmp_path, arguments, "step 100 of 2000")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines()[-1].endswith(" of 2000; the image is not saved")
    assert {path.name for path in tmp_path.iterdir()} == INPUTS


@posix_signals
def test_interruption_at_the_start_leaves_nothing(tmp_path: Path) -> None:
    """The signal comes while PyTorch is imported."""
    done = interrupted(tmp_path, ("restore", "damaged.png", "-m", "mask.png", *QUICK), IMPORTS_TORCH)
    assert (done.returncode, done.stderr) == (130, "fststyle: interrupted\n")
    assert {path.name for path in tmp_path.iterdir()} == INPUTS


def test_restore_has_no_resume(program: Program) -> None:
    done = program("restore", "damaged.png", "-m", "mask.png", "--resume")
    assert done.returncode == 2
    assert "--resume" in done.stderr.decode()
