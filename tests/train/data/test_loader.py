"""Training photos are a function of the seed and the sample number."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import InputError, TrainingError  # noqa: E402
from fststyle.train.data.loader import (  # noqa: E402
    Photos,
    Scenes,
    batches,
    photo_source,
    style_tensor,
    to_tensor,
)


def taken(source, **changes) -> list:
    return [
        batch
        for batch, _ in batches(
            source, **{"seed": 3, "batch": 2, "start": 0, "steps": 3, "workers": 0, **changes}
        )
    ]


def test_batches_are_uint8_squares(photos):
    for batch in taken(Photos(photos, 32)):
        assert batch.shape == (2, 3, 32, 32)
        assert batch.dtype == torch.uint8


def test_resumed_batches_equal_those_of_an_uninterrupted_run(photos):
    source = Photos(photos, 32)
    assert all(torch.equal(a, b) for a, b in zip(taken(source)[1:], taken(source, start=1), strict=True))


def test_two_processes_share_the_batches_of_one(photos):
    source = Photos(photos, 32)
    shares = [taken(source, rank=rank, world=2) for rank in (0, 1)]
    for whole, first, second in zip(taken(source), *shares, strict=True):
        assert torch.equal(whole, torch.cat([first, second]))


def test_seed_changes_the_photos(photos):
    source = Photos(photos, 32)
    assert not torch.equal(torch.cat(taken(source)), torch.cat(taken(source, seed=4)))


def test_threads_give_the_same_batches(photos):
    source = Photos(photos, 32)
    assert all(torch.equal(a, b) for a, b in zip(taken(source), taken(source, workers=2), strict=True))


def test_small_photos_are_enlarged_to_the_crop(photos):
    assert Photos(photos, 100).sample(np.random.default_rng(0)).rgb.shape == (100, 100, 3)


def test_source_states_the_number_of_photos(photos):
    assert Photos(photos, 32).source == f"5 photos of {photos}"
    for path in sorted(photos.iterdir())[1:]:
        path.unlink()
    assert Photos(photos, 32).source == f"1 photo of {photos}"


def test_a_folder_without_usable_photos_is_named(photos):
    with pytest.raises(TrainingError, match=r"photos: contains no usable photo; .* a side below 100 pixels$"):
        Photos(photos, 32, smallest=100).sample(np.random.default_rng(0))


def test_crops_keep_the_aspect_ratio(tmp_path):
    """A circle in a wide photo stays a circle."""
    y, x = np.mgrid[0:64, 0:200]
    rgb = np.where(((x - 100) ** 2 + (y - 32) ** 2 < 20**2)[..., None], 255, 0).astype(np.uint8).repeat(3, -1)
    Image.fromarray(rgb).save(tmp_path / "circle.png")
    source = Photos(tmp_path, 64)
    for i in range(50):
        white = source.sample(np.random.default_rng(i)).rgb[..., 0] > 127
        if white.sum() > 0 and not (white[:, 0].any() or white[:, -1].any()):
            assert abs(int(white.any(0).sum()) - int(white.any(1).sum())) <= 2
            return
    pytest.fail("no crop held the circle")


def stripes(tmp_path):
    """A photo of 96x64 pixels, whose red channel increases by 2 per column and whose green channel by 3 per
    row.
    """
    y, x = np.mgrid[0:64, 0:96]
    Image.fromarray(np.stack([x * 2, y * 3, x * 0], -1).astype(np.uint8)).save(tmp_path / "stripes.png")
    return Photos(tmp_path, 96, inner=64)


def test_photos_smaller_than_the_crop_are_padded_by_reflection(tmp_path):
    source, starts = stripes(tmp_path), set()
    for seed in range(30):
        rgb = source.sample(np.random.default_rng(seed)).rgb
        assert rgb.shape == (96, 96, 3)
        if rgb[0, 0, 0] > rgb[0, -1, 0]:
            rgb = rgb[:, ::-1]
        np.testing.assert_array_equal(rgb[0, :, 0], np.arange(96) * 2)
        top = int(rgb[:, 0, 1].argmin())
        expected = np.abs(np.arange(96) - top)
        np.testing.assert_array_equal(rgb[:, 0, 1], 3 * (63 - np.abs(63 - expected)))
        starts.add(top)
    assert len(starts) > 15


def test_photos_are_upscaled_up_to_the_given_factor(tmp_path):
    stripes(tmp_path)
    source = Photos(tmp_path, 64, enlarge=2.0)
    steps = []
    for seed in range(60):
        red = source.sample(np.random.default_rng(seed)).rgb[32, :, 0].astype(int)
        steps.append(abs(red[50] - red[10]) / 40)
    # 2 levels per pixel at the size of the photo, and 1 if it is upscaled by 2.
    assert 0.95 < min(steps) < 1.1
    assert 1.8 < max(steps) < 2.05


def test_without_photos_synthetic_scenes_are_used(monkeypatch, tmp_path):
    monkeypatch.setenv("FSTSTYLE_CACHE", str(tmp_path))
    assert isinstance(photo_source(None, 32), Scenes)


def test_tensors_are_in_range():
    tensor = to_tensor(np.array([[[0, 127, 255]]], np.uint8))
    assert tensor.shape == (3, 1, 1)
    assert tensor.flatten().tolist() == pytest.approx([-1, -1 / 255, 1])


def test_tones_are_stretched_from_black_to_white(tmp_path):
    levels = np.linspace(80, 180, 64).astype(np.uint8)
    Image.fromarray(np.broadcast_to(levels[None, :, None], (64, 64, 3)).copy()).save(tmp_path / "faint.png")
    as_it_is, half, full = (style_tensor(tmp_path / "faint.png", 64, value) for value in (0.0, 0.5, 1.0))
    assert full.min() < -0.97
    assert full.max() > 0.97
    assert as_it_is.max() < 0.45
    torch.testing.assert_close(half, (as_it_is + full) / 2, atol=0.01, rtol=0)


def test_style_size_is_the_shorter_side(painting, tmp_path):
    assert style_tensor(painting, 80).shape == (1, 3, 80, 120)
    assert style_tensor(painting, 80, 1.0).shape == (1, 3, 80, 120)
    Image.fromarray(np.zeros((20, 400, 3), np.uint8)).save(tmp_path / "thin.png")
    with pytest.raises(InputError, match="more than 8 times the shorter"):
        style_tensor(tmp_path / "thin.png", 64)
