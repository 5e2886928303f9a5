"""Style transfer by optimization, from file to file."""

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

import fststyle  # noqa: E402
from fststyle.colors import LUMA  # noqa: E402
from fststyle.errors import InputError, TrainingError  # noqa: E402
from fststyle.train import loop  # noqa: E402
from fststyle.train.losses import perceptual  # noqa: E402
from fststyle.train.style import gatys  # noqa: E402
from fststyle.train.style.gatys import paintings, scales  # noqa: E402
from fststyle.train.style.gatys_settings import GatysSettings  # noqa: E402

QUICK = {"iterations": 2, "scales": 1, "device": "cpu", "size": 48, "style_size": 32}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)).save(path)
    return path


def test_settings_name_the_layers_of_the_objective():
    assert dict(gatys.weights(GatysSettings.style_layers, "")) == perceptual.STYLE_LAYERS
    assert GatysSettings.content_layer == perceptual.CONTENT_LAYER


def test_result_has_the_type_of_the_input(photo, painting):
    seen: list[loop.Progress] = []
    stylized = fststyle.gatys(photo, painting, on_progress=seen.append, **QUICK)
    assert stylized.size == (48, 32)
    assert stylized.mode == "RGB"
    assert (np.asarray(stylized) != np.asarray(Image.open(photo))).any()
    assert [p.step for p in seen] == [1, 2]
    losses = seen[0].losses
    assert losses["total"] == pytest.approx(
        losses["content"] + losses["style"] + losses["total_variation"], rel=1e-5
    )
    assert seen[1].losses["total"] < losses["total"]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("start", ["photo", "noise"])
def test_coarse_to_fine(photo, painting, optimizer, start):
    rgb = np.asarray(Image.open(photo).resize((144, 96)))
    sizes: list[tuple[int, ...]] = []
    seen: list[loop.Progress] = []
    settings = {**QUICK, "scales": 3, "size": 144, "preview_every": 1, "optimizer": optimizer, "start": start}
    stylized = fststyle.gatys(
        rgb, painting, on_progress=seen.append, on_preview=lambda p: sizes.append(p.shape), **settings
    )
    assert stylized.shape == rgb.shape
    assert stylized.dtype == np.uint8
    assert [p.step for p in seen] == [1, 2, 3, 4]  # two scales: a third would be below 48 pixels
    assert seen[-1].seconds_left == 0
    assert sizes == [rgb.shape] * 4
    assert seen[1].losses["total"] < seen[0].losses["total"]


def test_each_scale_is_half_the_next():
    photo = np.zeros((100, 200, 3), np.uint8)
    assert [p.shape[:2] for p in scales(photo, 3)] == [(50, 100), (100, 200)]
    assert [p.shape[:2] for p in scales(photo, 1)] == [(100, 200)]
    assert scales(photo, 1)[0] is photo


def test_noise_depends_on_the_seed(photo, painting):
    def at(seed):
        return np.asarray(fststyle.gatys(photo, painting, start="noise", seed=seed, **QUICK))

    one = at(1)
    assert (one == at(1)).all()
    assert (one != at(2)).any()


def test_alpha_and_orientation_are_kept(photo, painting, tmp_path):
    rgba = np.dstack([np.asarray(Image.open(photo)), np.tile(np.arange(48, dtype=np.uint8), (32, 1))])
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgba).save(path, exif=exif)
    stylized = fststyle.gatys(path, painting, **QUICK)
    assert (stylized.mode, stylized.size) == ("RGBA", (32, 48))
    assert (np.asarray(stylized)[..., 3] == np.rot90(rgba[..., 3], -1)).all()
    larger = fststyle.gatys(np.kron(rgba, np.ones((2, 2, 1), np.uint8)), painting, **QUICK)
    assert larger.shape == (32, 48, 4)


def test_keep_colors_has_the_photos_hue(photo, painting):
    kept = np.asarray(fststyle.gatys(photo, painting, keep_colors=True, **QUICK)).astype(float)
    plain = np.asarray(fststyle.gatys(photo, painting, **QUICK)).astype(float)
    assert np.abs(kept @ LUMA - plain @ LUMA).max() < 1.5
    assert np.abs(kept - plain).max() > 10


def test_several_paintings(photo, painting, tmp_path):
    other = tmp_path / "b.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 90, (40, 40, 3), dtype=np.uint8)).save(other)
    one = np.asarray(fststyle.gatys(photo, f"{painting}:1", **QUICK)).astype(int)
    nearly = np.asarray(fststyle.gatys(photo, {painting: 1, other: 1e-9}, **QUICK)).astype(int)
    both = np.asarray(fststyle.gatys(photo, f"{painting}:0.5,{other}:0.5", **QUICK)).astype(int)
    assert np.abs(nearly - one).max() <= 1
    assert np.abs(both - one).mean() > 1


def test_names_of_paintings(tmp_path):
    assert paintings("a.jpg:3,b.jpg:1") == [(Path("a.jpg"), 0.75), (Path("b.jpg"), 0.25)]
    odd = tmp_path / "a,b:c.png"
    odd.write_bytes(b"")
    assert paintings(str(odd)) == [(odd, 1.0)]
    assert paintings({"a": 2}) == [(Path("a"), 2.0)]
    with pytest.raises(InputError, match="no style image is given"):
        paintings({})
    for wrong in (0, 2e6, float("nan")):
        with pytest.raises(InputError, match="the weight of b must be above 0 and at most 1,000,000"):
            paintings({"a": 1, "b": wrong})


def test_ctrl_c_keeps_the_image(photo, painting):
    kept = []

    def stop(progress):
        if progress.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted, match="after step 3 of 9; the image is saved"):
        fststyle.gatys(
            photo, painting, on_progress=stop, on_preview=kept.append, **{**QUICK, "iterations": 9}
        )
    (image,) = kept
    assert image.size == (48, 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iterations": 0}, "--iterations"),
        ({"style_layers": "relu9_9"}, "relu9_9"),
        ({"style_layers": "relu1_2:x"}, "--style-layers"),
        ({"content_layer": "relu9_9"}, "relu9_9"),
        ({"optimizer": "sgd"}, "--optimizer"),
        ({"style_weight": float("nan")}, "--style-weight"),
        ({"vgg": "nothing.pt"}, "nothing.pt"),
        ({"strokes": 3}, "strokes"),
    ],
)
def test_bad_settings(photo, painting, changes, said):
    with pytest.raises(InputError, match=said):
        fststyle.gatys(photo, painting, **{**QUICK, **changes})


def test_bad_images(photo, painting, tmp_path):
    for content, style in (
        (tmp_path / "none.png", painting),
        (photo, tmp_path / "none.png"),
        (photo, f"{painting}:0.5,none.png:0.5"),
        (np.zeros(3), painting),
    ):
        with pytest.raises(InputError):
            fststyle.gatys(content, style, **QUICK)


def test_image_that_exceeds_memory_is_refused(photo, painting, monkeypatch):
    monkeypatch.setattr(gatys.memory, "available", lambda: 48 * 32 * gatys.BYTES_PER_PIXEL - 1)
    with pytest.raises(InputError, match="--size"):
        fststyle.gatys(photo, painting, **QUICK)


def test_nan_loss_is_reported(photo, painting, monkeypatch):
    monkeypatch.setattr(
        gatys.PixelOptimizer, "step", lambda self: perceptual.Terms(*[torch.tensor([float("nan")])] * 3)
    )
    with pytest.raises(TrainingError, match="not finite"):
        fststyle.gatys(photo, painting, **QUICK)


def test_nan_loss_without_previews_does_not_claim_a_saved_image(photo, painting, monkeypatch):
    real, calls = gatys.PixelOptimizer.step, []

    def fail_in_step_2(self):
        calls.append(1)
        return real(self) if len(calls) == 1 else perceptual.Terms(*[torch.tensor([float("nan")])] * 3)

    monkeypatch.setattr(gatys.PixelOptimizer, "step", fail_in_step_2)
    with pytest.raises(TrainingError, match="no image has been saved"):
        fststyle.gatys(photo, painting, preview_every=1, **QUICK)
    calls.clear()
    with pytest.raises(TrainingError, match="the image of step 1 is kept"):
        fststyle.gatys(photo, painting, preview_every=1, on_preview=lambda image: None, **QUICK)
