"""The metrics of visual quality on images with known values."""

import json
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")


def _texture(seed, shape=(160, 200), sigma=2.0, contrast=8.0):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=shape), (0, 0), sigma)
    return (noise * contrast / noise.std()).astype(np.float32)


def _gray(light):
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, 2)


@pytest.fixture
def scene():
    """A photo of a dark house in front of a flat sky, (H, W) gray levels."""
    light = np.full((160, 200), 180, np.float32)
    light[110:, 70:130] = 40
    return light


def test_band_holds_its_wavelength(bench):
    metrics = bench("visual_metrics")
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(256) / 11)
    image = np.zeros((128, 256, 3), np.float32)
    image[..., 0] = wave
    found = metrics.bands(image, np.ones((128, 256), bool))
    light = {name: value for name, value in found.items() if name.startswith("light")}
    assert max(light, key=light.get) == "light_8_16"
    assert 2.5 < light["light_8_16"] < 7.1
    assert light["light_32_64"] < 0.5
    assert found["chroma_8_16"] == 0


def test_bands_are_of_the_mask_only(bench):
    metrics = bench("visual_metrics")
    image = np.full((96, 128, 3), 50, np.float32)
    image[:, 64:, 0] += _texture(0, (96, 64))
    mask = np.zeros((96, 128), bool)
    mask[:, :64] = True
    assert max(metrics.bands(image, mask).values()) < 1e-3
    assert metrics.bands(image, ~mask)["light_8_16"] > 2


def test_flat_regions_are_the_sky(bench, scene):
    metrics = bench("visual_metrics")
    scene[:80, :100] += _texture(0, (80, 100), 1, 20)
    flat = metrics.flat_regions(metrics.lab(_gray(scene)))
    assert flat[20:90, 120:].all()
    assert not flat[10:70, 10:90].any()
    assert not flat[105:115, 75:125].any()


def test_tiled_motif_repeats_and_an_irregular_texture_does_not(bench):
    metrics = bench("visual_metrics")
    everywhere = np.ones((160, 200), bool)
    tiled = np.tile(_texture(1, (20, 25), 1.5), (8, 8))
    assert metrics.repetition(tiled, everywhere) > 0.6
    for sigma in (0.5, 2, 5):
        assert metrics.repetition(_texture(2, sigma=sigma), everywhere) < 0.12
    assert metrics.repetition(tiled / 100, everywhere) < 0.05
    one_stroke = np.zeros((160, 200), np.float32)
    one_stroke[70:90, 20:180] = 10
    assert metrics.repetition(one_stroke, everywhere) < 0.1


def test_repetition_is_of_the_mask_only(bench):
    metrics = bench("visual_metrics")
    light = _texture(3)
    light[:, 100:] = np.tile(_texture(1, (20, 25), 1.5), (8, 4))
    mask = np.zeros((160, 200), bool)
    mask[:, :100] = True
    assert metrics.repetition(light, mask) < 0.1
    assert metrics.repetition(light, ~mask) > 0.5


def test_stripes_of_the_photo_do_not_count(bench):
    metrics = bench("visual_metrics")
    striped = np.broadcast_to(10 * np.sin(2 * np.pi * np.arange(200) / 16), (160, 200)).astype(np.float32)
    assert metrics.stripes(striped, np.zeros_like(striped)) > 0.4
    assert metrics.stripes(striped, striped) == 0
    assert metrics.stripes(_texture(4), np.zeros_like(striped)) < 0.06


def test_halo_beside_a_dark_object_is_detected(bench, scene):
    metrics = bench("visual_metrics")
    photo = metrics.lab(_gray(scene))
    house = scene < 100
    distance = cv2.distanceTransform((~house).astype(np.uint8), cv2.DIST_L2, 5)
    glow = scene + 50 * np.exp(-distance / 12) * ~house
    overshoot, tint = metrics.halos(metrics.lab(_gray(glow)), photo)
    assert overshoot > 4
    assert tint < 1
    overshoot, _ = metrics.halos(metrics.lab(_gray(2 * scene - glow)), photo)
    assert overshoot < -4
    overshoot, tint = metrics.halos(photo, photo)
    assert abs(overshoot) < 0.5
    assert abs(tint) < 0.5
    blue = _gray(scene)
    blue[..., 0] = np.clip(blue[..., 0] - 120 * np.exp(-distance / 12) * ~house, 0, 255)
    assert metrics.halos(metrics.lab(blue), photo)[1] > 4
    assert metrics.halos(photo, metrics.lab(_gray(np.full_like(scene, 128)))) is None


def test_hues_and_areas(bench):
    metrics = bench("visual_metrics")

    def colors(*bands):
        return metrics.Colors(metrics.lab(np.repeat(np.array(bands, np.uint8), 16, 0)[:, None].repeat(32, 1)))

    red, green, blue, gray, black = (200, 40, 40), (40, 160, 40), (40, 60, 200), (128, 128, 128), (0, 0, 0)
    painting = colors(red, green, blue, gray)
    assert painting.hue_distance(painting) == 0
    assert painting.area_distance(painting) == 0
    assert painting.lost(painting) == 0
    assert painting.area_distance(colors(red, green, blue, black)) == pytest.approx(0.25)
    assert 0.2 < painting.lost(colors(red, red, blue, gray)) < 0.5
    assert painting.hue_distance(colors(red, red, blue, gray)) > 10
    # Hues are circular: the distance from 350 to 10 degrees is 20 degrees.
    a, b = colors((220, 60, 110)), colors((220, 90, 60))
    assert a.hue_distance(b) == pytest.approx(b.hue_distance(a))
    assert 10 < a.hue_distance(b) < 80


@pytest.fixture
def files(tmp_path):
    """A painting, a photo, and three stylized images: the painting itself, the photo, and noise."""
    painting, photo = tmp_path / "udnie.png", tmp_path / "china.png"
    light = 128 + 6 * _texture(5, (96, 128), 3)
    color = np.stack([light, light[::-1], 255 - light], 2).clip(0, 255).astype(np.uint8)
    Image.fromarray(color).save(painting)
    plain = np.full((96, 128), 160, np.float32)
    plain[60:, 40:80] = 30
    Image.fromarray(_gray(plain)).save(photo)
    folder = tmp_path / "painted"
    folder.mkdir()
    noise = np.random.default_rng(6).integers(0, 256, (96, 128, 3), np.uint8)
    for name, image in (("same", color), ("photo", _gray(plain)), ("noise", noise)):
        Image.fromarray(image).save(folder / f"china-{name}.png")
    return painting, photo, folder


def test_end_to_end(bench, files, monkeypatch, capsys):
    metrics = bench("visual_metrics")
    monkeypatch.setattr(metrics, "SIZES", (64, 96))
    monkeypatch.setattr(metrics, "DIGITS", {**metrics.DIGITS, "classic_64": 0, "classic_96": 0})
    columns = {name: key for name, key in metrics.LIKENESS.items() if not key.endswith(("256", "384"))}
    monkeypatch.setattr(metrics, "LIKENESS", {**columns, "style 64": "style_64", "sum 96": "sum_96"})
    painting, photo, folder = map(str, files)
    common = [
        "visual_metrics.py",
        folder,
        "--painting",
        painting,
        "--photo",
        photo,
        "--size",
        "96",
        "--threads",
        "1",
    ]
    monkeypatch.setattr(sys, "argv", [*common, "--json"])
    assert metrics.main() == 0
    found = {row["system"]: row for row in json.loads(capsys.readouterr().out)["means"]}
    # The painting compared with itself.
    coverage = ("coverage_details", "coverage_forms", "coverage_image")
    for name in (*coverage, "hue", "lost", "areas", "style_96"):
        assert found["same"][name] == pytest.approx(0, abs=1e-4), name
    for worse in ("photo", "noise"):
        assert found[worse]["coverage_details"] > 0.1
        assert found[worse]["coverage_forms"] > 0.1
        assert found[worse]["coverage_image"] > 0.1
        assert found[worse]["style_96"] > 0.1
    assert found["photo"]["content"] == 0
    assert found["photo"]["sum_64"] == found["photo"]["style_64"]
    assert found["photo"]["light_8_16"] < 0.1
    assert 0.6 < found["same"]["light_16_32"] < 1.5
    assert found["noise"]["light_2_4"] > 3
    monkeypatch.setattr(sys, "argv", [*common, "--each", "--baseline"])
    assert metrics.main() == 0
    told = capsys.readouterr().out
    assert "photo itself" in told
    assert told.count("mean") >= 8


def test_means_are_geometric_for_ratios_and_skip_what_is_missing(bench):
    metrics = bench("visual_metrics")
    common = {"painting": "a", "system": "b", "size": "8x8"}
    rows = [
        {**common, "photo": "c", "light_2_4": 0.25, "halo": 2.0, "tint": None},
        {**common, "photo": "d", "light_2_4": 1.0, "halo": None, "tint": None},
    ]
    (mean,) = metrics.means(rows)
    assert mean["light_2_4"] == pytest.approx(0.5)
    assert (mean["halo"], mean["tint"], mean["photos"]) == (2.0, None, 2)


def test_another_shape_than_the_photo_is_refused(bench, files, monkeypatch, capsys):
    metrics = bench("visual_metrics")
    painting, photo, folder = files
    Image.new("RGB", (128, 128)).save(folder / "china-same.png")
    others = ["--painting", str(painting), "--photo", str(photo), "--size", "64"]
    monkeypatch.setattr(sys, "argv", ["visual_metrics.py", str(folder / "china-same.png"), *others])
    monkeypatch.setattr(metrics, "SIZES", (64,))
    assert metrics.main() == 2
    assert "aspect ratios" in capsys.readouterr().err
