import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from fststyle.train.compute import Compute  # noqa: E402
from fststyle.train.losses.photo_contrast import more_contrast  # noqa: E402
from fststyle.train.networks.vgg import VGG16  # noqa: E402
from fststyle.train.style import loss  # noqa: E402
from fststyle.train.style.loss import StyleLosses, load_style_image, minimized  # noqa: E402
from fststyle.train.style.retouching import less_local_contrast  # noqa: E402
from fststyle.train.style.settings import TrainSettings  # noqa: E402
from tests import styles  # noqa: E402

WEIGHTS = ("content_weight", "style_weight", "grid_weight")


@pytest.fixture
def case(tmp_path):
    Image.fromarray(styles.photo(40, 48)).save(tmp_path / "painting.png")
    torch.manual_seed(0)
    vgg, compute = VGG16().eval().requires_grad_(False), Compute(torch.device("cpu"), False)
    photo = torch.from_numpy(styles.photo(64, 64, 1).transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)
    settings = TrainSettings(
        style=tmp_path / "painting.png",
        size=64,
        style_size=32,
        contrast=0,
        local_contrast=0,
        **dict.fromkeys(WEIGHTS, 1.0),
    )
    return vgg, settings, compute, photo


def test_every_loss_has_its_own_weight(case):
    vgg, settings, compute, photo = case
    stylized = -photo.roll(3, 2) + 0.5 * torch.rand_like(photo)
    plain = StyleLosses(vgg, settings, compute)(stylized, photo, 8)
    assert all(value.shape == (1,) and value > 0 for value in plain.values())
    for number, (name, value) in enumerate(plain.items()):
        heavier = StyleLosses(vgg, replace(settings, **{WEIGHTS[number]: 3.0}), compute)(stylized, photo, 8)
        for other, found in heavier.items():
            torch.testing.assert_close(found, 3 * value if other == name else plain[other])


def test_losses_do_not_see_the_extra_local_contrast(case):
    vgg, settings, compute, photo = case
    stylized = -photo.roll(3, 2)
    vivid = StyleLosses(vgg, replace(settings, local_contrast=0.5), compute)(stylized, photo, 8)
    plain = StyleLosses(vgg, settings, compute)(less_local_contrast(stylized, 0.5), photo, 8)
    for name in ("content", "style"):
        torch.testing.assert_close(vivid[name], plain[name])
    assert vivid["style"] != StyleLosses(vgg, settings, compute)(stylized, photo, 8)["style"]


def test_photo_itself_has_no_content_loss_and_a_flat_image_about_one(case, monkeypatch):
    vgg, settings, compute, photo = case
    # The scale is that of the trained loss network, but this one has random weights.
    energy = {name: a.square().mean() for name, a in vgg(photo, loss.CONTENT_LAYERS).items()}
    monkeypatch.setattr(loss, "CONTENT_SCALE", float(sum(energy.values()) / len(energy)))
    losses = StyleLosses(vgg, settings, compute)
    assert losses(photo, photo, 8)["content"].item() == 0
    # The mean of the photo is better than zero activations, whose loss is 1.
    flat = photo.mean((2, 3), keepdim=True).expand_as(photo)
    assert 0.05 < losses(flat, photo, 8)["content"].item() < 1.5


def test_content_loss_of_a_stroke_does_not_depend_on_the_photo(case):
    vgg, settings, compute, photo = case
    losses = StyleLosses(vgg, settings, compute)
    plain = photo.mean((2, 3), keepdim=True).expand_as(photo)
    stroke = torch.zeros_like(photo)
    stroke[..., 20:24, 8:56] = 0.3
    cost = [losses(image + stroke, image, 8)["content"].item() for image in (plain, photo)]
    assert cost[0] == pytest.approx(cost[1], rel=0.5)


def test_content_loss_is_least_for_the_photo_with_more_contrast(case):
    vgg, settings, compute, photo = case
    losses = StyleLosses(vgg, replace(settings, contrast=1.0), compute)
    assert losses(more_contrast(photo, 1.0), photo, 8)["content"].item() == 0
    assert losses(photo, photo, 8)["content"].item() > 0


def test_contrast_stretches_a_faint_painting(case, tmp_path):
    _, settings, _, _ = case
    faint = 100 + styles.photo(40, 48) // 6
    Image.fromarray(faint).save(tmp_path / "painting.png")
    spread = [float(load_style_image(replace(settings, contrast=value)).std()) for value in (0.0, 0.5, 1.0)]
    assert 1.3 * spread[0] < spread[1] < spread[2]


def test_minimized_value_is_the_mean_log_of_the_sums():
    losses = {"a": torch.tensor([1.0, 30.0]), "b": torch.tensor([9.0, 70.0])}
    assert minimized(losses).item() == pytest.approx((math.log(10) + math.log(100)) / 2)
