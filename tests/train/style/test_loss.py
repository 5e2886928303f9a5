import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from fststyle.train.compute import Compute  # noqa: E402
from fststyle.train.data.loader import style_tensor, to_tensor  # noqa: E402
from fststyle.train.losses.perceptual import Objective  # noqa: E402
from fststyle.train.networks.vgg import VGG16, load_vgg  # noqa: E402
from fststyle.train.style.loss import Lesson, descended  # noqa: E402
from fststyle.train.style.settings import TrainSettings  # noqa: E402
from tests import styles  # noqa: E402

WEIGHTS = (
    "content_weight",
    "style_weight",
    "broad_weight",
    "tv_weight",
    "grid_weight",
    "palette_weight",
    "light_weight",
    "even_weight",
)


def test_every_loss_is_weighed_by_its_own_setting(tmp_path):
    Image.fromarray(styles.photo(40, 48)).save(tmp_path / "painting.png")
    torch.manual_seed(0)
    vgg, compute = VGG16().eval().requires_grad_(False), Compute(torch.device("cpu"), False)
    photo = torch.from_numpy(styles.photo(64, 64, 1).transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)
    painted = -photo.roll(3, 2) + 0.5 * torch.rand_like(photo)
    one = TrainSettings(
        style=tmp_path / "painting.png", size=64, style_size=32, **dict.fromkeys(WEIGHTS, 1.0)
    )
    plain = Lesson(vgg, one, compute)(painted, photo, 8)
    assert all(loss.shape == (1,) and loss > 0 for loss in plain.values())
    for number, (name, loss) in enumerate(plain.items()):
        heavier = Lesson(vgg, replace(one, **{WEIGHTS[number]: 3.0}), compute)(painted, photo, 8)
        for other, found in heavier.items():
            torch.testing.assert_close(found, 3 * loss if other == name else plain[other])


@pytest.mark.parametrize("painted", ["the photo", "noise", "the painting"])
def test_the_layer_left_out_would_not_have_turned_the_slope(tmp_path, painted):
    Image.fromarray(styles.photo(96, 96)).save(tmp_path / "painting.png")
    settings = TrainSettings(
        style=tmp_path / "painting.png",
        size=96,
        style_size=96,
        **{**dict.fromkeys(WEIGHTS, 0.0), "content_weight": 1.0, "style_weight": 3.0},
    )
    vgg, compute = load_vgg(), Compute(torch.device("cpu"), False)
    style = style_tensor(settings.style, 96)
    photo = to_tensor(styles.photo(96, 96, 1))[None]
    picture = {
        "the photo": photo,
        "noise": torch.rand(photo.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1,
        "the painting": style,
    }[painted]
    picture = picture.clone().requires_grad_()
    ours = sum(loss.sum() for loss in Lesson(vgg, settings, compute)(picture, photo, 8).values())
    whole = Objective(vgg, style, content_weight=1.0, style_weight=3.0)(picture, photo).total
    slopes = [torch.autograd.grad(loss, picture)[0].flatten() for loss in (ours, whole)]
    assert (slopes[0] - slopes[1]).norm() < 1e-3 * slopes[1].norm()


def test_what_is_descended_is_the_mean_logarithm_of_the_sums():
    losses = {"a": torch.tensor([1.0, 30.0]), "b": torch.tensor([9.0, 70.0])}
    assert descended(losses).item() == pytest.approx((math.log(10) + math.log(100)) / 2)
