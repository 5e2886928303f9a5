import pytest

torch = pytest.importorskip("torch")

from fststyle.train.losses.photo_contrast import more_contrast  # noqa: E402
from fststyle.train.losses.tonal_masks import luminance  # noqa: E402


def test_strength_0_is_the_photo():
    photo = torch.rand(2, 3, 40, 48) * 2 - 1
    assert more_contrast(photo, 0) is photo


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_black_gray_and_white_stay(value):
    photo = torch.full((1, 3, 40, 40), value)
    torch.testing.assert_close(more_contrast(photo, 1), photo, atol=1e-5, rtol=0)


def test_spots_become_darker_on_light_ground():
    photo = torch.full((1, 3, 64, 64), 0.4)
    photo[..., 30:34, 30:34] = 0.1
    more = luminance(more_contrast(photo, 1))
    assert more[0, 0, 32, 32] < -0.2
    assert more[0, 0, 32, 0] > 0.4
    assert luminance(more_contrast(photo, 2))[0, 0, 32, 32] < more[0, 0, 32, 32]


def test_colors_are_weaker_with_the_same_hue():
    photo = torch.tensor([0.3, -0.1, -0.2]).view(1, 3, 1, 1).expand(1, 3, 40, 40)
    color = more_contrast(photo, 1) - luminance(more_contrast(photo, 1))
    torch.testing.assert_close(color, 0.6 * (photo - luminance(photo)), atol=1e-5, rtol=0)


def test_result_is_in_range():
    torch.manual_seed(0)
    more = more_contrast(torch.rand(1, 3, 64, 64) * 2 - 1, 3)
    assert more.min() >= -1
    assert more.max() <= 1
