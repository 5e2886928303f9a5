"""Smoothing along brush strokes."""

import numpy as np
import pytest

from fststyle.runtime import stroke_smoothing
from fststyle.runtime.stroke_smoothing import smooth_along_strokes


def diagonal(noise, seed=0):
    """Return diagonal stripes with noise, uint8 (96, 96, 3)."""
    rows, columns = np.mgrid[:96, :96]
    stripes = 128 + 60 * np.cos((rows + columns) * 2 * np.pi / 16)
    image = stripes[..., None] + np.random.default_rng(seed).normal(0, noise, (96, 96, 3))
    return image.clip(0, 255).astype(np.uint8)


def test_noise_is_removed_and_strokes_stay():
    clean, smooth = diagonal(0), smooth_along_strokes(diagonal(25), 6)
    before, after = (
        np.abs(image[16:80, 16:80].astype(int) - clean[16:80, 16:80]).mean()
        for image in (diagonal(25), smooth)
    )
    assert after < 0.6 * before
    assert smooth[16:80, 16:80].std() > 0.9 * clean[16:80, 16:80].std()


def test_flat_image_is_unchanged():
    flat = np.full((40, 50, 3), 77, np.uint8)
    np.testing.assert_array_equal(smooth_along_strokes(flat, 6), flat)


def test_length_of_0_returns_the_image():
    image = diagonal(10)
    assert smooth_along_strokes(image, 0) is image


@pytest.mark.parametrize("length", [1, 6])
def test_tiles_do_not_change_the_result(monkeypatch, length):
    image = np.tile(diagonal(25), (1, 2, 1))[:, :161]
    whole = smooth_along_strokes(image, length)
    monkeypatch.setattr(stroke_smoothing, "_TILE", 40)
    np.testing.assert_allclose(smooth_along_strokes(image, length), whole, atol=1)


def test_image_can_be_wider_than_opencv_supports():
    image = np.tile(diagonal(25)[:16], (1, 400, 1))
    assert smooth_along_strokes(image, 2).shape == (16, 38400, 3)


def test_result_is_that_of_training():
    torch = pytest.importorskip("torch", reason="needs the [train] extra")
    from fststyle.train.style.stroke_smoothing import smooth_along_strokes as in_training

    image = diagonal(25)
    image = np.concatenate([image[:, :70], image[::-1, :90]], 1)  # not square, with strokes in two directions
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    expected = ((in_training(tensor, 6)[0].permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).numpy()
    difference = np.abs(smooth_along_strokes(image, 6) - expected)
    assert np.percentile(difference, 99) < 2
