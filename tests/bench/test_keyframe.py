"""Calculations of the benchmarks of `keyframe` and `restore`."""

import itertools
import types

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")


def scenes(count: int) -> list[np.ndarray]:
    """A scene that moves 3 pixels to the left with every frame."""
    import cv2

    wide = np.random.default_rng(0).integers(0, 255, (64, 160, 3), dtype=np.uint8)
    wide = cv2.normalize(cv2.GaussianBlur(wide, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    return [wide[:, 3 * i : 3 * i + 96].copy() for i in range(count)]


def test_a_painted_frame_moves_with_the_scene(bench):
    keyframe = bench("keyframe")
    frames = scenes(5)
    made = keyframe.warped(frames, 2, 255 - frames[2])
    assert (made[2] == 255 - frames[2]).all()
    for number in (0, 1, 3, 4):
        inside = (slice(8, -8), slice(12, -12))
        assert np.abs(made[number][inside].astype(int) - (255 - frames[number])[inside]).mean() < 4


def test_flicker_counts_and_motion_does_not(bench):
    keyframe = bench("keyframe")
    frames = scenes(4)
    motions = [keyframe.Motion(a, b) for a, b in itertools.pairwise(frames)]
    still = keyframe._steadiness(frames, motions)
    flicker = [
        np.clip(rgb.astype(int) + 20 * (i % 2), 0, 255).astype(np.uint8) for i, rgb in enumerate(frames)
    ]
    assert still["error"] < 30
    assert keyframe._steadiness(flicker, motions)["error"] > 200
    assert keyframe._steadiness(frames, motions)["moving"] == pytest.approx(still["error"], rel=0.5)


def test_holes_have_the_stated_shapes(bench):
    restore = bench("restore")
    for seed in range(4):
        cracks, losses = (restore.holes(kind, 128, seed) for kind in restore.KINDS)
        assert (restore.holes("cracks", 128, seed) == cracks).all()
        deep = [
            restore.cv2.distanceTransform(mask, restore.cv2.DIST_L2, 5).max() for mask in (cracks, losses)
        ]
        assert deep[0] < 6 < 9 < deep[1]
        assert 0.01 < (cracks > 0).mean() < 0.2


def test_measures_see_blur_and_only_the_hole(bench):
    restore = bench("restore")
    measure = restore.Measures()
    truth = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 255
    same = measure(truth, truth, mask)
    assert (same["psnr"] > 90, same["vgg"], same["detail"]) == (True, 0, 1)
    blurred = truth.copy()
    blurred[mask > 0] = 127
    worse = measure(blurred, truth, mask)
    assert worse["psnr"] == pytest.approx(10.7, abs=0.5)
    assert worse["vgg"] > 0.2
    assert worse["detail"] < 0.3


def test_opencv_fills_only_the_hole(bench):
    restore = bench("restore")
    truth = np.full((64, 64, 3), 90, np.uint8)
    mask = restore.holes("losses", 64, 0)
    damaged = np.where(mask[..., None] > 0, np.uint8(255), truth)
    for method in ("Telea", "Navier-Stokes"):
        found = restore.filled(method, damaged, mask, types.SimpleNamespace(iterations=1))
        assert np.abs(found.astype(int) - 90).mean() < 1
