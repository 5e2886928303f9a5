"""Restoration of a damaged image, from file to file."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

import fststyle  # noqa: E402
from fststyle.errors import InputError, TrainingError  # noqa: E402
from fststyle.io import images  # noqa: E402
from fststyle.train import loop  # noqa: E402
from fststyle.train.restore import restore as module  # noqa: E402
from fststyle.train.restore.windows import inpainted  # noqa: E402

QUICK = {"iterations": 3, "device": "cpu", "style_layers": "relu1_2:1", "patch_layers": "relu2_2:1"}


@pytest.fixture
def hole() -> np.ndarray:
    hole = np.zeros((64, 80), bool)
    hole[20:34, 30:44] = True
    hole[50:52, 5:70] = True
    return hole


@pytest.fixture
def mask(tmp_path: Path, hole: np.ndarray) -> Path:
    path = tmp_path / "mask.png"
    Image.fromarray(hole.astype(np.uint8) * 255).save(path)
    return path


@pytest.fixture
def stripes() -> np.ndarray:
    """A painting whose missing parts are determined by the rest."""
    x = np.arange(80)
    row = np.stack([127 + 100 * np.sin(x / 2), 127 + 80 * np.cos(x / 2), np.full(80, 60)], 1)
    return np.repeat(row[None], 64, 0).astype(np.uint8)


def test_only_the_damage_changes_and_comes_near_the_painting(stripes, hole, mask):
    damaged = stripes.copy()
    damaged[hole] = 255
    before = damaged.copy()
    seen: list[loop.Progress] = []
    restored = fststyle.restore(damaged, mask, on_progress=seen.append, **{**QUICK, "iterations": 12})
    assert (damaged == before).all()
    assert (restored[~hole] == stripes[~hole]).all()
    assert np.abs(restored[hole].astype(int) - stripes[hole]).mean() < 25
    # The hole and the crack are close to each other, so they are one part, with two scales.
    assert [p.step for p in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].seconds_left == 0
    assert set(seen[0].losses) == {"total", "style", "patch", "color", "tone"}


def test_a_gray_image_stays_gray(stripes, hole, mask):
    gray = np.repeat(stripes[..., :1], 3, 2)
    gray[hole] = (255, 0, 0)
    restored = fststyle.restore(gray, mask, **QUICK)
    assert (restored == restored[..., :1]).all()
    assert (restored[hole] != gray[hole]).any()


def test_the_result_is_the_same_each_time(stripes, mask):
    one, other = (fststyle.restore(stripes, mask, **QUICK) for _ in range(2))
    assert (one == other).all()


def test_alpha_profile_metadata_and_orientation_are_kept(stripes, hole, mask, tmp_path):
    profile = b"any profile of type RGB "
    alpha = np.tile(np.arange(80, dtype=np.uint8), (64, 1))
    exif = Image.Exif()
    exif[0x010E] = "a painting"
    path = tmp_path / "damaged.png"
    image = Image.fromarray(np.dstack([stripes, alpha]))
    image.save(path, exif=exif)
    damaged = replace(images.read(path), icc=profile)
    restored = fststyle.restore(damaged, mask, **QUICK)
    assert (restored.frames[0].alpha == alpha).all()
    assert restored.icc == profile
    written = fststyle.restore(path, mask, **QUICK)
    assert written.mode == "RGBA"
    assert (np.asarray(written)[..., :3][~hole] == stripes[~hole]).all()
    assert b"a painting" in written.info["exif"]


def test_a_mask_may_be_gray_or_transparent(tmp_path):
    levels = np.array([[0, 127, 128, 255]], np.uint8).repeat(16, 0).repeat(4, 1)
    path = tmp_path / "mask.png"
    Image.fromarray(levels).save(path)
    assert (module.read_mask(path, (16, 16)) == (levels >= 128)).all()
    white = np.dstack([np.full((16, 16, 3), 255, np.uint8), levels])
    Image.fromarray(white).save(path)
    assert (module.read_mask(path, (16, 16)) == (levels >= 128)).all()


def test_ctrl_c_keeps_the_image(stripes, hole, mask):
    kept = []

    def stop(progress):
        if progress.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted, match=r"after step 3 of .*the image is saved"):
        fststyle.restore(
            stripes, mask, on_progress=stop, on_preview=kept.append, **{**QUICK, "iterations": 9}
        )
    (image,) = kept
    assert (image[~hole] == stripes[~hole]).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iterations": 0}, "--iterations"),
        ({"style_layers": "relu9_9"}, "relu9_9"),
        ({"patch_layers": "relu1_2:x"}, "--patch-layers"),
        ({"color_weight": float("nan")}, "--color-weight"),
        ({"vgg": "nothing.pt"}, "nothing.pt"),
        ({"strokes": 3}, "strokes"),
    ],
)
def test_bad_settings(stripes, mask, changes, said):
    with pytest.raises(InputError, match=said):
        fststyle.restore(stripes, mask, **{**QUICK, **changes})


def test_bad_masks(stripes, tmp_path):
    for level, size, said in (
        (255, (80, 63), "80x63 pixels and the image 80x64"),
        (0, (80, 64), "marks no pixel as damaged"),
        (255, (80, 64), "marks every pixel as damaged"),
    ):
        path = tmp_path / "bad.png"
        Image.new("L", size, level).save(path)
        with pytest.raises(InputError, match=said):
            fststyle.restore(stripes, path, **QUICK)
    with pytest.raises(InputError, match=r"none\.png"):
        fststyle.restore(stripes, tmp_path / "none.png", **QUICK)


def test_damage_without_intact_surroundings_is_refused(stripes, tmp_path):
    path = tmp_path / "most.png"
    level = np.full(stripes.shape[:2], 255, np.uint8)
    level[:2] = 0
    Image.fromarray(level).save(path)
    with pytest.raises(InputError, match=r"almost nothing is intact .* column 0, row 0"):
        fststyle.restore(stripes, path, **QUICK)


def test_not_a_number_is_an_error(stripes, mask, monkeypatch):
    bad = torch.tensor(float("nan"))
    monkeypatch.setattr(module._Work, "step", lambda self, rate, choose: {"total": bad})
    with pytest.raises(TrainingError, match="not finite"):
        fststyle.restore(stripes, mask, **QUICK)


def test_cracks_keep_the_hue_of_the_inpainting(stripes, tmp_path):
    """Only the lightness of a crack is optimized: one value is added to the three channels."""
    hole = np.zeros((64, 80), bool)
    hole[30:33, 10:60] = True
    Image.fromarray(hole.astype(np.uint8) * 255).save(tmp_path / "crack.png")
    damaged = stripes.copy()
    damaged[hole] = 255
    restored = fststyle.restore(damaged, tmp_path / "crack.png", **{**QUICK, "iterations": 12})
    change = restored[hole].astype(int) - inpainted(damaged, hole)[hole]
    change = change[(restored[hole] > 0).all(1) & (restored[hole] < 255).all(1)]
    assert np.ptp(change, axis=1).max() <= 1
    assert np.abs(change).max() > 3
