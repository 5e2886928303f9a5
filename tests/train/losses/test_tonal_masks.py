import pytest

torch = pytest.importorskip("torch")

from fststyle.train.losses.gram import gram_matrix  # noqa: E402
from fststyle.train.losses.tonal_masks import (  # noqa: E402
    luminance,
    masked_grams,
    photo_masks,
    style_masks,
)


def gray(light):
    """Gray levels `light`, (rows, columns), as an image (1, 3, H, W) with squares of 8 pixels."""
    return light.repeat_interleave(8, 0).repeat_interleave(8, 1).expand(1, 3, -1, -1)


def test_dark_and_light_parts_of_a_photo():
    masks = photo_masks(gray(torch.linspace(-1, 1, 41).expand(4, -1)), 3)
    assert masks.shape == (1, 3, 4, 41)
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 4, 41))
    dark, middle, light = masks[0, :, 2]
    assert dark[0] > 0.95
    assert light[-1] > 0.95
    assert middle[20] > 0.95
    assert middle[10].item() == pytest.approx(0.5, abs=1e-4)
    assert (dark[20:] < 0.05).all()


def test_night_has_dark_parts_only():
    masks = photo_masks(torch.full((2, 3, 32, 32), -1.0), 3)
    torch.testing.assert_close(masks[:, 0], torch.ones(2, 4, 4))


def test_painting_has_equal_parts_whatever_its_luminances():
    torch.manual_seed(0)
    level = torch.linspace(0.3, 0.4, 40).expand(40, -1)
    masks = style_masks(gray(level), 3)
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 40, 40))
    assert masks.mean((0, 2, 3)).tolist() == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_masked_gram_matrix_is_that_of_the_part():
    torch.manual_seed(0)
    activation = torch.rand(2, 5, 8, 12)
    masks = torch.zeros(2, 2, 8, 12)
    masks[:, 0, :, :6], masks[:, 1, :, 6:] = 1, 1
    grams, areas = masked_grams(activation, masks)
    assert grams.shape == (2, 2, 5, 5)
    torch.testing.assert_close(areas, torch.full((2, 2), 0.5))
    for part, columns in enumerate((slice(0, 6), slice(6, 12))):
        torch.testing.assert_close(
            grams[:, part], gram_matrix(activation[..., columns].contiguous()), rtol=0.003, atol=0
        )


def test_part_that_is_missing_has_no_area_and_a_finite_gradient():
    activation = torch.rand(1, 4, 8, 8, requires_grad=True)
    masks = torch.stack([torch.ones(8, 8), torch.zeros(8, 8)])[None]
    grams, areas = masked_grams(activation, masks)
    assert areas.tolist() == [[1, 0]]
    grams.sum().backward()
    assert activation.grad is not None
    assert torch.isfinite(activation.grad).all()


def test_luminance_is_that_of_bt601():
    color = torch.tensor([0.5, -0.25, 1.0]).view(1, 3, 1, 1)
    assert luminance(color).item() == pytest.approx(0.299 * 0.5 - 0.587 * 0.25 + 0.114)


def test_one_part_is_the_whole():
    photo = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(photo_masks(photo, 1), torch.ones(2, 1, 4, 4))
    torch.testing.assert_close(style_masks(photo[:1], 1), torch.ones(1, 1, 4, 4))
    activation = torch.rand(2, 5, 8, 8)
    grams, areas = masked_grams(activation, torch.ones(2, 1, 4, 4))
    torch.testing.assert_close(areas, torch.ones(2, 1))
    torch.testing.assert_close(grams[:, 0], gram_matrix(activation), rtol=0.002, atol=0)


def test_a_painting_of_one_color_has_all_parts():
    masks = style_masks(torch.zeros(1, 3, 32, 40), 3)
    assert (masks.mean((0, 2, 3)) > 0.1).all()
