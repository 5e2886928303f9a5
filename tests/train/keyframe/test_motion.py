"""Optical flow and the temporal loss along it."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.data.loader import to_tensor  # noqa: E402
from fststyle.train.keyframe.motion import motion, motion_loss  # noqa: E402

RIGHT = 5


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray]:
    """A frame, and the next one, whose scene is moved `RIGHT` pixels to the right."""
    wide = np.random.default_rng(0).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    wide = cv2.GaussianBlur(wide, (0, 0), 3)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    return wide[:, RIGHT : RIGHT + 128].copy(), wide[:, :128].copy()


def test_the_flow_finds_the_motion(frames):
    moved = motion(*frames)
    assert moved.there.shape == (1, 96, 128, 2)
    columns = (moved.there[0, 48, :, 0] + 1) * 127 / 2
    assert (columns[20:100] - torch.arange(20.0, 100.0)).median() == pytest.approx(-RIGHT, abs=0.3)
    assert moved.certain.mean() > 0.8
    # The strip that comes into view does not exist in the previous frame.
    assert moved.certain[0, 0, :, : RIGHT - 1].mean() < 0.2


def test_what_moves_with_the_scene_costs_nothing(frames):
    moved = motion(*frames)
    before, after = (to_tensor(frame)[None] for frame in frames)
    still = motion_loss(before, before, moved)
    along = motion_loss(before, after, moved)
    assert along < 0.05 * still
    before.requires_grad_(True)
    motion_loss(before, after + 0.1, moved).sum().backward()
    assert before.grad.abs().sum() > 0


def test_uncertain_flow_does_not_count(frames):
    before, _ = frames
    moved = motion(before, np.random.default_rng(1).integers(0, 255, before.shape, dtype=np.uint8))
    assert moved.certain.mean() < 0.2
