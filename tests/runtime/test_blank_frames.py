"""Frames with nothing on them stay what they are."""

import itertools

import numpy as np
import pytest

import fststyle
from fststyle.runtime import blank_frames
from tests import clips

SCENE = clips.frame(3)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_frame_is_not_painted(level):
    frame = np.full_like(SCENE, level)
    assert blank_frames.stylized_share(frame) == 0
    np.testing.assert_array_equal(blank_frames.blended(frame, 255 - SCENE), frame)
    np.testing.assert_array_equal(blank_frames.blended(frame, SCENE[::2, ::2]), frame[::2, ::2])


def test_a_scene_is_painted_wholly_and_a_title_on_black_too():
    assert blank_frames.stylized_share(SCENE) == 1
    title = np.zeros((360, 640, 3), np.uint8)
    title[150:200, 200:440] = 255
    assert blank_frames.stylized_share(title) == 1


def test_grain_is_nothing():
    grain = np.random.default_rng(0).normal(20, 10, (360, 640, 3)).clip(0, 255).astype(np.uint8)
    assert blank_frames.stylized_share(grain) < 0.2


def test_a_fade_fades():
    stylizer = fststyle.Stylizer("great-wave", device="cpu", steady=True)
    light = [stylizer((SCENE * share).astype(np.uint8)).mean() for share in (1, 0.5, 0.2, 0.1, 0.05, 0)]
    assert light[0] > 80
    assert all(b < a + 8 for a, b in itertools.pairwise(light))
    assert light[-1] == 0
