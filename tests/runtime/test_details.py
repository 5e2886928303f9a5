"""Sharp details of the photo in the stylized image."""

import numpy as np
import pytest

from fststyle.runtime import details
from fststyle.runtime.details import keep_details


def lettering(height=96, width=128):
    """Return a photo with thin vertical lines on its right half, and nothing on its left half."""
    photo = np.full((height, width, 3), 200, np.uint8)
    photo[:, width // 2 :: 12] = 40
    return photo


def speckled(photo, seed=0, level=120, spread=40):
    noise = np.random.default_rng(seed).normal(level, spread, photo.shape[:2])
    noise = noise[..., None] + np.array([30, 0, -30])
    return noise.clip(0, 255).astype(np.uint8)


def correlation(image, photo):
    """Return the correlation of two images within the lines."""
    inner = slice(72, 120)
    return np.corrcoef(image[:, inner].mean(-1).ravel(), photo[:, inner].mean(-1).ravel())[0, 1]


def test_lines_of_the_photo_appear_where_it_is_sharp():
    photo = lettering()
    painted = (0.5 * photo + 0.5 * speckled(photo)).astype(np.uint8)
    kept = keep_details(photo, painted, 1.0)
    assert correlation(kept, photo) > 0.95 > correlation(painted, photo)


def test_flat_regions_are_unchanged():
    photo = lettering()
    painted = speckled(photo)
    kept = keep_details(photo, painted, 1.0)
    np.testing.assert_array_equal(kept[:, :32], painted[:, :32])
    assert (kept[:, 80:] != painted[:, 80:]).mean() > 0.5


def test_colors_are_those_of_the_stylized_image():
    photo = lettering()
    painted = speckled(photo)
    difference = keep_details(photo, painted, 1.0)[:, 80:].mean((0, 1)) - painted[:, 80:].mean((0, 1))
    assert np.abs(difference).max() < 4


def test_dense_texture_keeps_most_strokes():
    photo = speckled(lettering(), seed=1)
    painted = speckled(photo)
    dense, sparse = (
        np.abs(keep_details(image, painted, 1.0)[:, 80:].astype(int) - painted[:, 80:]).mean()
        for image in (photo, lettering())
    )
    assert dense < 0.5 * sparse


def test_amount_of_0_returns_the_stylized_image():
    photo, painted = lettering(), speckled(lettering())
    assert keep_details(photo, painted, 0.0) is painted


def test_amount_is_a_fraction():
    photo = lettering()
    painted = speckled(photo)
    half, whole = (keep_details(photo, painted, amount).astype(float) for amount in (0.5, 1.0))
    assert np.abs(half - (painted + whole) / 2).max() <= 2


@pytest.mark.parametrize("shape", [(16, 16), (33, 47), (70, 129)])
def test_strips_do_not_change_the_result(monkeypatch, shape):
    photo, painted = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    whole = keep_details(photo, painted, 0.7)
    assert whole.shape == photo.shape
    monkeypatch.setattr(details, "_STRIP", 1)
    np.testing.assert_array_equal(keep_details(photo, painted, 0.7), whole)
