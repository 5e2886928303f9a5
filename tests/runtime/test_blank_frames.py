"""Blank frames are not changed."""

import itertools

import numpy as np
import pytest

import fststyle
from fststyle.runtime import blank_frames
from tests import clips

SCENE = clips.frame(3)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_uniform_frame_is_not_stylized(level):
    frame = np.full_like(SCENE, level)
    assert blank_frames.stylized_share(frame) == 0
    np.testing.assert_array_equal(blank_frames.blended(frame, 255 - SCENE), frame)
    np.testing.assert_array_equal(blank_frames.blended(frame, SCENE[::2, ::2]), frame[::2, ::2])


def test_scene_and_title_on_black_are_fully_stylized():
    assert blank_frames.stylized_share(SCENE) == 1
    title = np.zeros((360, 640, 3), np.uint8)
    title[150:200, 200:440] = 255
    assert blank_frames.stylized_share(title) == 1


def test_film_grain_does_not_count():
    grain = np.random.default_rng(0).normal(20, 10, (360, 640, 3)).clip(0, 255).astype(np.uint8)
    assert blank_frames.stylized_share(grain) < 0.2


def test_fade_stays_a_fade():
    stylizer = fststyle.Stylizer("great-wave", device="cpu", steady=True)
    light = [stylizer((SCENE * share).astype(np.uint8)).mean() for share in (1, 0.5, 0.2, 0.1, 0.05, 0)]
    assert light[0] > 80
    assert all(b < a + 8 for a, b in itertools.pairwise(light))
    assert light[-1] == 0
