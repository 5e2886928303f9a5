"""Styles mixed by their weights."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from fststyle import catalogue, stylize
from fststyle.errors import InputError, StyleError
from fststyle.runtime.blend import interpolate
from fststyle.runtime.session import load_style
from tests import styles


def pointwise(gain: float, shift: float, base: str = "", half: bool = False) -> bytes:
    """A style that gives gain * frame + shift, with its two numbers as weights of a network."""
    node, kind = helper.make_node, np.float16 if half else np.float32
    nodes = [
        node("Cast", ["frame"], ["f"], to=styles.FLOAT),
        node("Cast", ["net.gain"], ["g"], to=styles.FLOAT),
        node("Cast", ["net.shift"], ["s"], to=styles.FLOAT),
        node("Mul", ["f", "g"], ["m"]),
        node("Add", ["m", "s"], ["a"]),
        node("Clip", ["a", "zero", "top"], ["c"]),
        node("Round", ["c"], ["r"]),
        node("Cast", ["r"], ["styled"], to=styles.UINT8),
    ]
    numbers = {"zero": np.array(0, np.float32), "top": np.array(255, np.float32)}
    model = onnx.load_from_string(styles.model(nodes, {"net.gain": np.array([gain], kind), "net.shift": np.array([shift], kind), **numbers}))
    entry = model.metadata_props.add()
    entry.key, entry.value = "base", base
    return model.SerializeToString()


@pytest.fixture
def family(style_folder, tmp_path, monkeypatch):
    """A base that gives the photo back, and the styles dark (half the light) and pale (100 more) made from it."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    content = pointwise(1, 0)
    styles.save(folder, "base", content)
    digest = hashlib.sha256(content).hexdigest()
    (folder / "catalogue.json").write_text(json.dumps([{"name": "base", "file": "base.onnx", "sha256": digest, "base": True}]))
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    styles.save(style_folder, "dark", pointwise(0.5, 0, digest))
    styles.save(style_folder, "pale", pointwise(1, 100, digest))
    styles.save(style_folder, "stranger", pointwise(1, 50))
    return digest


FRAME = np.random.default_rng(0).integers(0, 120, (20, 24, 3), np.uint8)


def near(a, b):
    assert np.abs(a.astype(float) - np.clip(b, 0, 255)).max() <= 1


def test_a_mixture_is_the_mean_of_the_weights(family):
    mixed = load_style("dark:0.5,pale:0.5", "cpu")
    assert mixed.name == "dark+pale"
    near(mixed(FRAME), FRAME * 0.75 + 50)
    near(load_style("dark:3,pale:1", "cpu")(FRAME), FRAME * 0.625 + 25)


def test_strength_goes_from_the_photo_through_the_painting_and_beyond(family):
    for strength in (0, 0.5, 1, 1.5):
        near(load_style("pale", "cpu", strength=strength)(FRAME), FRAME + 100.0 * strength)
    near(load_style("dark:0.5,pale:0.5", "cpu", strength=0.5)(FRAME), FRAME * 0.875 + 25)


def test_an_image_is_painted_at_the_strength_of_the_weights(family):
    near(stylize(FRAME, "dark", strength=2.0), FRAME * 0.0)
    half = load_style("pale", "cpu", strength=0.5)
    near(stylize(FRAME, half), FRAME + 50.0)
    near(stylize(FRAME, half, strength=0.5), FRAME + 25.0)


def test_without_a_base_an_image_is_faded_and_a_style_refuses(family):
    near(stylize(FRAME, "stranger", strength=0.5), FRAME + 25.0)
    near(stylize(FRAME, "stranger", strength=1.5), FRAME + 75.0)
    assert load_style("stranger", "cpu").at(0.5) is None
    with pytest.raises(StyleError, match="base"):
        load_style("stranger", "cpu", strength=0.5)
    with pytest.raises(InputError, match="strength"):
        load_style("pale", "cpu", strength=2.5)


def test_styles_of_different_bases_or_networks_cannot_be_mixed(family, style_folder):
    with pytest.raises(StyleError, match="one base"):
        load_style("dark,stranger", "cpu")
    with pytest.raises(StyleError, match="same network"):
        load_style("dark,norm", "cpu")
    with pytest.raises(StyleError, match="same network"):
        load_style("norm,invert", "cpu")


def test_weights_in_half_precision_are_mixed_in_float():
    mixed = onnx.load_from_string(interpolate([(pointwise(1, 2000, half=True), 0.25), (pointwise(3, 2001, half=True), 0.75)], ["a", "b"]))
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in mixed.graph.initializer}
    assert found["net.gain"] == 2.5
    assert found["net.gain"].dtype == np.float16


def test_a_damaged_file_is_refused():
    with pytest.raises(StyleError):
        interpolate([(b"\x08\x07nonsense", 0.5), (pointwise(1, 0), 0.5)], ["a", "b"])
