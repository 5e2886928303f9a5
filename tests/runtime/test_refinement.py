"""The settings smooth and detail: recommended values, and their effect on images."""

import numpy as np
import onnx
import pytest

import fststyle
from fststyle.errors import InputError
from fststyle.runtime import frame_stylizer
from fststyle.runtime.details import keep_details
from fststyle.runtime.settings import ImageSettings, VideoSettings
from fststyle.runtime.stroke_smoothing import smooth_along_strokes
from tests import styles


@pytest.fixture(scope="module")
def photo():
    """Flat on the left, with sharp lines on the right."""
    rgb = np.full((64, 96, 3), 180, np.uint8)
    rgb[:, 48::8] = (30, 60, 90)
    return rgb


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_values_of_the_catalogue(precision):
    great_wave = fststyle.load_style("great-wave", precision=precision)
    assert (great_wave.smooth, great_wave.detail) == (6, 0.6)
    udnie = fststyle.load_style("udnie", precision=precision)
    assert (udnie.smooth, udnie.detail) == (0, 0)


def test_live_network_of_the_user_has_the_defaults(tmp_path):
    (tmp_path / "own.onnx").write_bytes(fststyle.load_style("udnie", precision="float").model)
    own = fststyle.load_style(tmp_path / "own.onnx")
    assert (own.smooth, own.detail) == (6, 0.6)


@pytest.mark.parametrize("settings", ['{"painted": ["a.png"]}', "", "{", "1"])
def test_other_live_networks_are_not_refined(tmp_path, settings):
    model = onnx.load_model_from_string(fststyle.load_style("udnie", precision="float").model)
    for item in model.metadata_props:
        if item.key == "trained_with":
            item.value = settings
    onnx.save(model, tmp_path / "own.onnx")
    own = fststyle.load_style(tmp_path / "own.onnx")
    assert (own.smooth, own.detail) == (0, 0)


def test_values_of_a_mixture_and_at_another_strength():
    mixed = fststyle.load_style("great-wave:0.5,udnie:0.5", strength=0.5)
    assert (mixed.smooth, mixed.detail) == (3, pytest.approx(0.3))


def test_file_with_an_unknown_network_is_not_refined(tmp_path):
    styles.save(tmp_path, "invert", styles.pointwise(-1, 255))
    style = fststyle.load_style(tmp_path / "invert.onnx")
    assert (style.smooth, style.detail) == (0, 0)


def test_image_is_smoothed_and_keeps_details(photo):
    style = fststyle.load_style("great-wave")
    painted = style(photo)
    plain = fststyle.stylize(photo, style, smooth=0, detail=0)
    np.testing.assert_array_equal(plain, painted)
    expected = keep_details(photo, smooth_along_strokes(painted, 6), 0.6)
    np.testing.assert_array_equal(fststyle.stylize(photo, style), expected)
    np.testing.assert_array_equal(
        fststyle.stylize(photo, style, smooth=2, detail=1),
        keep_details(photo, smooth_along_strokes(painted, 2), 1.0),
    )


def test_smoothing_is_weaker_at_lower_strength(photo):
    rough = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
    changes = []
    for strength in (0.1, 0.4, 1.0):
        images = [
            fststyle.stylize(rough, "great-wave", strength=strength, smooth=smooth, detail=0).astype(int)
            for smooth in (0, 6)
        ]
        changes.append(np.abs(images[1] - images[0]).mean())
    assert changes == sorted(changes)
    np.testing.assert_array_equal(fststyle.stylize(rough, "great-wave", strength=0), rough)


def test_large_image_is_refined_at_the_stylized_size(monkeypatch, photo):
    sizes = []

    def record(photo, painted, amount):
        sizes.append(painted.shape[:2])
        return painted

    monkeypatch.setattr(frame_stylizer, "keep_details", record)
    fststyle.stylize(photo, "great-wave", brush=2)
    assert sizes == [(32, 48)]


def test_details_are_kept_in_tiles(photo):
    large = np.tile(photo, (3, 2, 1))
    whole, tiled = (
        fststyle.stylize(large, "great-wave", tile=tile, precision="float").astype(int)
        for tile in ("off", "64")
    )
    assert np.abs(whole - tiled).mean() < 2


def test_frames_of_a_stream_keep_details_but_are_not_smoothed(photo):
    stylizer = fststyle.Stylizer("great-wave", steady=False)
    painted = fststyle.load_style("great-wave")(photo)
    np.testing.assert_array_equal(stylizer(photo), keep_details(photo, painted, 0.6))


def test_defaults():
    assert ImageSettings().smooth is None
    assert VideoSettings().smooth == 0
    assert VideoSettings().detail is None


@pytest.mark.parametrize("smooth", [1.5, 6.0, "6", float("nan")])
def test_length_must_be_a_whole_number(photo, smooth):
    with pytest.raises(InputError, match="--smooth"):
        fststyle.stylize(photo, "udnie", smooth=smooth)


def test_stream_can_have_the_recommended_length(photo):
    stylizer = fststyle.Stylizer("great-wave", steady=False, smooth=None)
    np.testing.assert_array_equal(stylizer(photo), fststyle.stylize(photo, "great-wave"))
