"""Retouching of stylized images."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.style.retouching import (  # noqa: E402
    Tone,
    base_layer,
    less_local_contrast,
    retouched,
)

TONES = Tone(photo_mean=0.0, photo_std=0.5, stylized_mean=-0.2, stylized_std=0.25)


def stripes(period):
    """Return (1, 3, 128, 128) with vertical cosine stripes of amplitude 0.2."""
    columns = torch.arange(128, dtype=torch.float32)
    return (0.2 * torch.cos(2 * torch.pi * columns / period)).expand(1, 3, 128, 128)


def amplitude(image):
    return (image[..., 32:96].max() - image[..., 32:96].min()).item() / 2


def retouch(stylized, photo, local_contrast=0.0, details=0.0, tone=0.0):
    return retouched(stylized, photo, local_contrast=local_contrast, details=details, tone=tone, tones=TONES)


@pytest.mark.parametrize(("period", "expected"), [(8, 1.4), (1024, 1.0)])
def test_local_contrast_of_small_structures_rises(period, expected):
    image = stripes(period)
    result = retouch(image, torch.zeros_like(image), local_contrast=0.4)
    assert amplitude(result) / amplitude(image) == pytest.approx(expected, abs=0.03)


def test_less_local_contrast_is_the_inverse_for_small_structures():
    image = stripes(8)
    again = less_local_contrast(retouch(image, torch.zeros_like(image), local_contrast=0.4), 0.4)
    assert (again - image)[..., 32:96].abs().max() < 0.01


def test_small_structures_of_the_photo_are_added_and_its_strong_edges_are_not():
    stylized = torch.zeros(1, 3, 128, 128)
    texture = retouch(stylized, stripes(8), details=0.5)
    assert amplitude(texture) == pytest.approx(0.1, abs=0.03)
    step = torch.where(torch.arange(128) < 64, -1.0, 1.0).expand(1, 3, 128, 128)
    assert retouch(stylized, step, details=0.5).abs().max() < 0.1


def test_tones_approach_those_of_the_photo():
    stylized = torch.zeros(1, 3, 64, 64)
    photo = torch.full((1, 3, 64, 64), 0.8)  # 1.6 standard deviations above the mean
    result = retouch(stylized, photo, tone=0.5)
    assert torch.allclose(result, torch.full_like(result, 0.5 * (-0.2 + 1.6 * 0.25)), atol=1e-3)


def test_tone_is_measured_on_base_layers():
    photo, stylized = stripes(64), 0.5 * stripes(64) + 0.1
    tone = Tone.of(photo, stylized)
    assert tone.stylized_mean - tone.photo_mean == pytest.approx(0.1, abs=0.02)
    assert 0 < tone.stylized_std < tone.photo_std


def test_amounts_of_0_change_nothing():
    image = stripes(8)
    assert torch.equal(retouch(image, torch.rand_like(image)), image)
    assert less_local_contrast(image, 0) is image


def test_base_layer_of_a_flat_image_is_the_image():
    flat = torch.full((2, 1, 64, 96), 0.3)
    assert torch.allclose(base_layer(flat), flat, atol=1e-5)


def test_result_is_clipped():
    noise = torch.randn(1, 3, 64, 64).clamp(-1, 1)
    result = retouch(noise, noise, local_contrast=2.0)
    assert result.min() == -1
    assert result.max() == 1


def test_blur_does_not_depend_on_the_memory_format():
    """With one group per channel, a convolution in bfloat16 and channels-last format took minutes."""
    image = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows = less_local_contrast(image, 0.4)
        last = less_local_contrast(image.to(memory_format=torch.channels_last), 0.4)
    torch.testing.assert_close(last, rows, atol=1e-2, rtol=0)
