"""`TemporalFilter` on frames of a scene with a known motion."""

import itertools

import numpy as np
import pytest

from fststyle.runtime.temporal import TemporalFilter, hold_for_strength

rng = np.random.default_rng(0)


def scene(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    """Smooth blobs, which optical flow can track."""
    import cv2

    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def flickering(frame: np.ndarray) -> np.ndarray:
    """A stylizer whose strokes are different in every frame."""
    return np.clip(frame // 2 + rng.integers(0, 100, frame.shape, np.uint8), 0, 255).astype(np.uint8)


def change(frames: list[np.ndarray], by: int = 0) -> float:
    """Mean difference between each frame and the previous one moved to the right by the given number of
    pixels, without the border.
    """
    pairs = itertools.pairwise(frames)
    return float(
        np.mean(
            [
                np.abs(b.astype(int)[16:-16, 24:-24] - np.roll(a, by, 1).astype(int)[16:-16, 24:-24]).mean()
                for a, b in pairs
            ]
        )
    )


def test_still_scene_does_not_flicker():
    frames, temporal = [scene()] * 8, TemporalFilter()
    painted = [flickering(frame) for frame in frames]
    assert change([temporal(f, p) for f, p in zip(frames, painted, strict=True)]) < 0.4 * change(painted)


def test_strokes_move_with_the_scene():
    wide, temporal = scene(120, 320), TemporalFilter()
    frames = [np.ascontiguousarray(wide[:, 100 - 3 * i : 260 - 3 * i]) for i in range(8)]
    painted = [flickering(frame) for frame in frames]
    made = [temporal(f, p) for f, p in zip(frames, painted, strict=True)]
    assert change(made, 3) < 0.5 * change(painted, 3)


def test_strokes_move_with_a_small_object():
    """An object of a thirteenth of the width moves across a static scene, and its strokes move with it."""
    background, thing, temporal = scene(240, 320), scene(24, 24, seed=5), TemporalFilter()
    frames = [background.copy() for _ in range(8)]
    for i, frame in enumerate(frames):
        frame[100:124, 40 + 4 * i : 64 + 4 * i] = thing
    painted = [flickering(frame) for frame in frames]
    made = [temporal(f, p) for f, p in zip(frames, painted, strict=True)]

    def inside(pictures):
        return [picture[104:120, 44 + 4 * i : 60 + 4 * i] for i, picture in enumerate(pictures)]

    def jump(pictures):
        return np.mean(
            [np.abs(b.astype(int) - a.astype(int)).mean() for a, b in itertools.pairwise(inside(pictures))]
        )

    assert jump(made) < 0.4 * jump(painted)


def test_contrast_of_blended_strokes_is_restored():
    """A stylizer whose strokes are different in every frame, on a moving scene. Averaging alone would halve
    their contrast.
    """
    import cv2

    def strokes(seed):
        noise = np.random.default_rng(seed).integers(60, 196, (30, 40, 3), np.uint8)
        return cv2.resize(noise, (160, 120), interpolation=cv2.INTER_LINEAR)

    def contrast(picture):
        return np.abs(np.diff(picture.astype(float), axis=1)).mean()

    wide, temporal = scene(120, 320), TemporalFilter()
    frames = [np.ascontiguousarray(wide[:, 100 - 3 * i : 260 - 3 * i]) for i in range(10)]
    painted = [strokes(i) for i in range(10)]
    made = [temporal(f, p) for f, p in zip(frames, painted, strict=True)]
    assert 0.65 < contrast(made[-1]) / contrast(painted[-1]) < 1.1
    assert change(made, 3) < 0.3 * change(painted, 3)


def test_photo_is_not_blended_at_strength_0():
    """At strength 0 nothing of a previous frame remains. From strength 1/2 on, the weight is that of the
    stylized frame.
    """
    assert hold_for_strength(0) == 0
    assert (
        0
        < hold_for_strength(0.2)
        < hold_for_strength(0.5)
        == hold_for_strength(1)
        == hold_for_strength(2)
        == TemporalFilter().hold
    )
    temporal = TemporalFilter(hold_for_strength(0))
    for shift in range(4):
        frame = np.roll(scene(), 5 * shift, 1)
        np.testing.assert_array_equal(temporal(frame, frame), frame)


@pytest.mark.parametrize("frames", [10, 25])
def test_result_follows_a_changing_style(frames):
    temporal, frame = TemporalFilter(), scene()
    for number in range(frames + 1):
        temporal.hold = hold_for_strength(1, 1 / frames)
        made = temporal(frame, np.full_like(frame, round(200 * number / frames)))
    assert 200 - made.mean() < 0.12 * 200


def test_cut_starts_a_new_scene():
    temporal = TemporalFilter()
    temporal(scene(seed=1), np.full((120, 160, 3), 255, np.uint8))
    fresh = np.zeros((120, 160, 3), np.uint8)
    assert (temporal(scene(seed=2), fresh) == fresh).all()


def test_disoccluded_parts_are_new():
    """A bright square moves over a scene and leaves no ghost at its previous position."""
    background, temporal = scene(), TemporalFilter()
    frames = []
    for i in range(6):
        frame = background.copy()
        frame[40:80, 20 + 12 * i : 50 + 12 * i] = 255
        frames.append(frame)
    made = [temporal(frame, frame.copy()) for frame in frames]
    assert np.abs(made[-1].astype(int) - frames[-1]).mean() < 4
    left = np.abs(made[-1].astype(int) - frames[-1])[45:75, 25:60]
    assert left.mean() < 8


@pytest.mark.parametrize("size", [(16, 16), (17, 400), (121, 163)])
def test_any_size_and_change_of_size(size):
    temporal = TemporalFilter()
    for frame in (scene(), scene(), *[rng.integers(0, 256, (*size, 3), np.uint8)] * 2):
        assert temporal(frame, frame).shape == frame.shape
        assert temporal(frame, frame).dtype == np.uint8


def test_inputs_are_not_modified():
    temporal, frame = TemporalFilter(), scene()
    painted = [flickering(frame) for _ in range(3)]
    before = [p.copy() for p in painted]
    for p in painted:
        temporal(frame, p)
    assert all((a == b).all() for a, b in zip(before, painted, strict=True))


def test_reset_starts_a_new_scene():
    temporal, frame = TemporalFilter(), scene()
    temporal(frame, np.full_like(frame, 200))
    temporal.reset()
    assert (temporal(frame, np.zeros_like(frame)) == 0).all()


def test_skipping_static_blocks_does_not_change_the_result(monkeypatch):
    """Static blocks are skipped. The result equals that of processing all blocks, where the flow is 0."""
    from fststyle.runtime import temporal

    def frames():
        background = scene(120, 320)
        for i in range(5):
            frame = background.copy()
            frame[30:70, 40 + 2 * i : 100 + 2 * i] = scene(40, 60, seed=3)[:40, :60]
            yield frame

    painted = [np.random.default_rng(i).integers(0, 256, (240, 640, 3), np.uint8) for i in range(5)]
    made = []
    for square in (temporal.BLOCK, 10_000):
        monkeypatch.setattr(temporal, "BLOCK", square)
        keeps = TemporalFilter()
        made.append([keeps(f, p) for f, p in zip(frames(), painted, strict=True)])
    np.testing.assert_array_equal(made[0], made[1])
