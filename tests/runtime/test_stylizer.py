"""`Stylizer`, for use in a loop of frames."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fststyle
from fststyle.errors import InputError, StyleError
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")


def test_stylizer_gives_the_result_of_the_style():
    stylizer = fststyle.Stylizer("invert", steady=False, device="cpu")
    for number in range(3):
        frame = clips.frame(number)
        assert np.array_equal(stylizer(frame), 255 - frame)
    assert (stylizer.style.name, stylizer.settings.strength) == ("invert", 1.0)


def test_flicker_is_suppressed():
    """A still scene with grain: with the temporal filter, the second stylized frame is close to the first."""
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(40, 200, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    first, second = (
        np.clip(scene + rng.normal(0, 3, scene.shape), 0, 255).astype(np.uint8) for _ in range(2)
    )
    change = {}
    for steady in (False, True):
        stylizer = fststyle.Stylizer("invert", steady=steady, device="cpu")
        change[steady] = np.abs(stylizer(first).astype(int) - stylizer(second)).mean()
    assert change[True] < 0.5 * change[False]
    stylizer = fststyle.Stylizer("invert", device="cpu")
    stylizer(first)
    stylizer.reset()
    assert np.array_equal(stylizer(second), 255 - second)


def test_changes_between_two_frames():
    stylizer = fststyle.Stylizer("invert", device="cpu")
    frame = clips.frame(0)
    stylizer(frame)
    stylizer.change(strength=0.0)
    assert np.array_equal(stylizer(frame), frame)
    with pytest.raises(StyleError):
        stylizer.change("nobody")
    with pytest.raises(InputError, match="strength"):
        stylizer.change(strength=9.0)
    assert np.array_equal(stylizer(frame), frame)
    stylizer.change("norm", strength=1.0)
    assert stylizer.style.name == "norm"


def test_returned_array_may_be_modified():
    """A caption that is drawn on a frame does not appear in the next one."""
    frames = [clips.frame(0) for _ in range(4)]
    clean, drawn = [], []
    for made, draw in ((clean, False), (drawn, True)):
        stylizer = fststyle.Stylizer("invert", device="cpu")
        for frame in frames:
            painted = stylizer(frame)
            made.append(painted.copy())
            if draw:
                painted[:20] = 255
    np.testing.assert_array_equal(np.stack(clean), np.stack(drawn))


@pytest.mark.parametrize("frame", [None, "a.png", np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3))])
def test_invalid_frames_are_refused(frame):
    with pytest.raises(InputError, match="a frame must be a uint8 array"):
        fststyle.Stylizer("invert", device="cpu")(frame)
    with pytest.raises(InputError, match=r"one frame \(H, W, 3\) at a time"):
        fststyle.Stylizer("invert", device="cpu")(np.zeros((2, 32, 32, 3), np.uint8))


def test_frame_of_another_size_starts_a_new_scene():
    stylizer = fststyle.Stylizer("invert", device="cpu", size=32)
    assert stylizer(clips.frame(0)).shape == (24, 32, 3)
    assert stylizer(clips.frame(1, 32, 32)).shape == (32, 32, 3)


def test_unknown_settings_are_refused():
    with pytest.raises(InputError, match="speed"):
        fststyle.Stylizer("invert", speed=3)
    with pytest.raises(InputError, match=r"frame|shape|uint8"):
        fststyle.Stylizer("invert", device="cpu")(np.zeros((16, 16)))


def test_example_stylizes_a_video(tmp_path):
    clips.write(tmp_path / "in.mp4", [0, 40, 80, 120], sound=None)
    example = Path(__file__).parents[2] / "examples" / "own_loop.py"
    subprocess.run([sys.executable, str(example), "in.mp4", "out.mp4"], cwd=tmp_path, check=True)
    assert len(clips.frames(tmp_path / "out.mp4")) == 4
