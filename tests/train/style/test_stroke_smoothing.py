"""Smoothing along brush strokes."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.style.stroke_smoothing import smooth_along_strokes  # noqa: E402


def diagonal_stripes(height=96, width=128):
    """Return (1, 3, H, W) with diagonal stripes of amplitude 0.5 and a period of 12 pixels."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (0.5 * torch.sin(2 * torch.pi * (rows + columns) / (12 * 2**0.5))).expand(1, 3, height, width)


def inner(image):
    return image[..., 20:-20, 20:-20]


def test_noise_is_removed_and_stripes_are_kept():
    stripes = diagonal_stripes()
    noise = 0.2 * torch.randn(stripes.shape, generator=torch.Generator().manual_seed(0))
    before = inner(noise).square().mean()
    # Compared with the smoothed stripes, since the unsharp mask adds contrast to them.
    after = inner(smooth_along_strokes(stripes + noise, 6) - smooth_along_strokes(stripes, 6)).square().mean()
    assert after < 0.4 * before
    kept = inner(smooth_along_strokes(stripes, 6)).std() / inner(stripes).std()
    assert kept.item() == pytest.approx(1, abs=0.2)


def test_directions_turn_with_the_image():
    image = diagonal_stripes(96, 96) + 0.1 * torch.rand(
        1, 3, 96, 96, generator=torch.Generator().manual_seed(0)
    )
    turned = smooth_along_strokes(image.rot90(1, (2, 3)), 4).rot90(-1, (2, 3))
    torch.testing.assert_close(inner(turned), inner(smooth_along_strokes(image, 4)), atol=0.02, rtol=0)


def test_constant_image_and_length_0_change_nothing():
    flat = torch.full((2, 3, 32, 48), 0.3)
    torch.testing.assert_close(smooth_along_strokes(flat, 5), flat)
    assert smooth_along_strokes(flat, 0) is flat
