import pytest
import torch

from fststyle.train.losses.temporal import CUT, GRAIN, REACH, shifted_crops, temporal_loss


def image(height: int = 72, width: int = 80) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


def seen_twice(whole: torch.Tensor, down: int, right: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two crops of an image. In the second one, the scene is moved `down` and `right`."""
    height, width = (side - CUT for side in whole.shape[2:])
    first, second = ((max(0, down), max(0, right)), (max(0, -down), max(0, -right)))
    one, two = (whole[:, :, y : y + height, x : x + width] for y, x in (first, second))
    return one, two


def test_shifted_crops_are_two_views_with_their_shift() -> None:
    photo = image()
    shifts = set()
    for seed in range(40):
        here, there, (down, right) = shifted_crops(photo, torch.Generator().manual_seed(seed))
        shifts |= {down, right}
        one, two = seen_twice(photo, down, right)
        assert (down, right) != (0, 0)
        assert torch.equal(here, one)
        assert here.shape == there.shape == (2, 3, 72 - CUT, 80 - CUT)
        assert ((there - two) * 127.5).std().item() == pytest.approx(GRAIN, rel=0.05)
    assert shifts == set(range(-REACH, REACH + 1))


def test_shifted_crops_depend_on_the_seed() -> None:
    one, two = (shifted_crops(image(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[1], two[1])
    assert one[2] == two[2]


@pytest.mark.parametrize("size", [(72, 80), (32, 40)])
def test_consistent_network_has_no_temporal_loss(size: tuple[int, int]) -> None:
    photo = image(*size)
    for shift in ((3, -8), (-8, 8), (0, 1)):
        here, there = seen_twice(photo, *shift)
        assert temporal_loss(here * 0.5, there * 0.5, shift).tolist() == [0, 0]
        # Texture that is fixed to the screen has a loss.
        assert temporal_loss(here, here, shift).min() > 1000


def test_inconsistent_borders_have_a_temporal_loss() -> None:
    """The outermost row is compared too."""
    here, there = seen_twice(image(), 2, 0)
    framed = here.clone()
    framed[:, :, 0] += 0.5
    assert temporal_loss(framed, there, (2, 0)).min() > 10


def test_temporal_loss_is_mse_per_image() -> None:
    stylized = torch.zeros(2, 3, 64, 64)
    other = stylized.clone()
    other[1] += 10 / 127.5
    assert temporal_loss(stylized, other, (2, 2)).tolist() == pytest.approx([0, 100], rel=1e-4)
