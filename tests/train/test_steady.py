import pytest
import torch

from fststyle.train.steady import GRAIN, REACH, shake, steady_loss


def picture(height: int = 72, width: int = 80) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


def test_shake_moves_the_picture_and_says_how_far() -> None:
    photo = picture()
    moved, (down, right) = shake(photo, torch.Generator().manual_seed(3))
    assert (down, right) != (0, 0)
    assert max(abs(down), abs(right)) <= REACH
    inside = slice(REACH, -REACH)
    expected = torch.roll(photo, (down, right), (2, 3))[:, :, inside, inside]
    grain = (moved[:, :, inside, inside] - expected) * 127.5
    assert grain.std().item() == pytest.approx(GRAIN, rel=0.05)
    assert moved.shape == photo.shape


def test_shake_is_decided_by_the_seed() -> None:
    one, two = (shake(picture(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[0], two[0])
    assert one[1] == two[1]


@pytest.mark.parametrize("size", [(72, 80), (32, 40)])
def test_a_network_that_moves_with_the_scene_is_steady(size: tuple[int, int]) -> None:
    photo = picture(*size)
    for shift in ((3, -9), (-9, 9), (0, 1)):
        moved = torch.roll(photo, shift, (2, 3))
        assert steady_loss(photo * 0.5, moved * 0.5, shift).tolist() == [0, 0]
        # what sticks to the screen is not
        assert steady_loss(photo, photo, shift).min() > 1000


def test_steady_loss_is_in_squared_levels_per_picture() -> None:
    painted = torch.zeros(2, 3, 64, 64)
    other = painted.clone()
    other[1] += 10 / 127.5
    assert steady_loss(painted, other, (2, 2)).tolist() == pytest.approx([0, 100], rel=1e-4)
