"""Mixtures of styles by interpolated weights."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from fststyle import catalogue, colors, stylize
from fststyle.errors import InputError, StyleError
from fststyle.runtime.blend import interpolate, weight_share
from fststyle.runtime.style import load_style
from tests import styles

FRAME = np.random.default_rng(0).integers(0, 120, (20, 24, 3), np.uint8)


def near(a, b):
    assert np.abs(a.astype(float) - np.clip(b, 0, 255)).max() <= 1


def test_mixture_is_the_mean_of_the_weights(family):
    mixed = load_style("dark:0.5,pale:0.5", "cpu")
    assert mixed.name == "dark+pale"
    near(mixed(FRAME), FRAME * 0.75 + 50)
    near(load_style("dark:3,pale:1", "cpu")(FRAME), FRAME * 0.625 + 25)


def test_strength_extends_from_the_photo_beyond_the_style(family):
    for strength in (0, 0.5, 1, 1.5):
        near(load_style("pale", "cpu", strength=strength)(FRAME), FRAME + 100.0 * weight_share(strength))
    share = weight_share(0.5)
    near(load_style("dark:0.5,pale:0.5", "cpu", strength=0.5)(FRAME), FRAME * (1 - share / 4) + 50 * share)


def test_share_of_the_style_grows_from_0_to_1():
    shares = [weight_share(tenth / 10) for tenth in range(11)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], weight_share(1.5)) == (0, 1, 1.5)
    assert weight_share(0.5) == pytest.approx(1 - 0.5**1.5)


def test_shipped_styles_at_no_strength_and_at_twice():
    """The base network nearly reproduces the photo; strength 0 is exactly the photo. Beyond strength 1,
    pixels are extrapolated, since extrapolated weights would not work.
    """
    photo = styles.photo(48, 64)
    np.testing.assert_array_equal(stylize(photo, "great-wave", strength=0), photo)
    once = stylize(photo, "great-wave", device="cpu")
    np.testing.assert_array_equal(
        stylize(photo, "great-wave", strength=1.5, device="cpu"), colors.fade(photo, once, 1.5)
    )


def test_colors_are_between_those_of_photo_and_result():
    blocks = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    painted, whole = blocks[..., ::-1] // 2 + 60, 255 - blocks[::2, ::2]
    for share in (0.25, 0.5, 0.75):
        aim = (1 - share) * blocks + share * (255.0 - blocks)
        made = colors.between(blocks, painted, whole, share)
        left = np.abs(made - aim).mean() / np.abs(painted - aim).mean()
        assert left == pytest.approx(share**colors.CORRECTION_EXPONENT, abs=0.12)
    assert np.abs(colors.between(blocks, painted, whole, 0.999).astype(float) - painted).mean() < 2


def test_black_stays_dark_at_partial_strength():
    """With interpolated weights alone, it would be green at a quarter of great-wave."""
    photo = np.full((192, 256, 3), 190, np.uint8)
    photo[40:160, 60:200] = 0
    photo += np.random.default_rng(2).integers(0, 20, photo.shape, np.uint8)
    before, quarter, after = (
        stylize(photo, "great-wave", strength=s, device="cpu")[60:140, 80:180].mean((0, 1))
        for s in (0, 0.25, 1)
    )
    low, high = np.minimum(before, after), np.maximum(before, after)
    assert (quarter > low - 15).all(), (before, quarter, after)
    assert (quarter < high + 15).all(), (before, quarter, after)
    expected = before + weight_share(0.25) * (after - before)
    assert np.abs(quarter - expected).max() < 25, (before, quarter, after)


def test_mixture_with_a_damaged_file_is_refused(tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"\xff\xfe is not a model")
    with pytest.raises(StyleError, match="damaged cannot be used: it is damaged or not an ONNX file"):
        load_style(f"{damaged}:0.5,udnie:0.5", "cpu")


def test_int8_file_has_one_strength():
    with pytest.raises(StyleError, match="great-wave-int8 is an int8 file"):
        stylize(FRAME, catalogue.SHIPPED / "great-wave-int8.onnx", strength=0.5)


def test_image_is_painted_at_the_strength_of_the_weights(family):
    near(stylize(FRAME, "dark", strength=2.0), FRAME * 0.0)
    half = load_style("pale", "cpu", strength=0.5)
    near(stylize(FRAME, half), FRAME + 100.0 * weight_share(0.5))
    near(stylize(FRAME, half, strength=0.5), FRAME + 100.0 * weight_share(0.25))


def test_without_a_base_network_pixels_are_blended(family):
    near(stylize(FRAME, "stranger", strength=0.5), FRAME + 25.0)
    near(stylize(FRAME, "stranger", strength=1.5), FRAME + 75.0)
    assert load_style("stranger", "cpu").at(0.5) is None
    with pytest.raises(StyleError, match="base"):
        load_style("stranger", "cpu", strength=0.5)
    with pytest.raises(InputError, match="strength"):
        load_style("pale", "cpu", strength=2.5)


def test_styles_of_different_base_networks_are_not_mixed(family, style_folder):
    with pytest.raises(StyleError, match="different base networks"):
        load_style("dark,stranger", "cpu")
    with pytest.raises(StyleError, match="same network"):
        load_style("dark,norm", "cpu")
    with pytest.raises(StyleError, match="same network"):
        load_style("norm,invert", "cpu")


def test_weights_in_half_precision_are_mixed_in_float():
    mixed = onnx.load_from_string(
        interpolate(
            [(styles.pointwise(1, 2000, half=True), 0.25), (styles.pointwise(3, 2001, half=True), 0.75)],
            ["a", "b"],
        )
    )
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in mixed.graph.initializer}
    assert found["net.gain"] == 2.5
    assert found["net.gain"].dtype == np.float16


def test_damaged_file_is_refused():
    with pytest.raises(StyleError):
        interpolate([(b"\x08\x07nonsense", 0.5), (styles.pointwise(1, 0), 0.5)], ["a", "b"])
