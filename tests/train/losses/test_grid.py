import pytest
import torch

from fststyle.train.losses.grid import block_color_loss, block_texture_loss


def test_block_color_loss_detects_only_the_period():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 64).expand(2, 3, 64, 64).clone()
    assert block_color_loss(ramp[:, :, :, :1].expand(2, 3, 64, 64), 4).tolist() == [0, 0]
    grid = torch.zeros(2, 3, 66, 67)
    grid[1, 0, ::4] = (
        8 / 127.5
    )  # one row in four of one color 8 levels lighter: its places differ by 6, -2, -2, -2
    assert block_color_loss(grid, 4).tolist() == pytest.approx([0, (36 + 4 + 4 + 4) / 4 / 3], abs=0.05)
    noise = torch.rand(2, 3, 256, 256) * 2 - 1
    assert block_color_loss(noise, 4).max() < 0.005 * (noise * 127.5).var()


def test_block_texture_loss_detects_only_block_aligned_texture():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 130).expand(2, 3, 130, 130)
    assert block_texture_loss(ramp).max() < 1e-3
    noise = torch.rand(1, 3, 130, 130) * 2 - 1
    assert block_texture_loss(noise) < 0.02
    # Grain of one strength, or of a strength that changes from place to place of a square: as the first half
    # of its rows has it.
    grain, woven = noise / 4, noise / 4 * torch.tensor([1, 1, 0.2, 0.2]).repeat(33)[:130].view(-1, 1)
    assert block_texture_loss(woven) > 1
    assert block_texture_loss(woven * 0.2) > 0.5 * block_texture_loss(woven)  # faint ones count as well
    # A period of five or three pixels belongs to the content of the photo.
    for period in (3, 5):
        other = noise / 4 * torch.linspace(0.2, 1, period).repeat(50)[:130].view(-1, 1)
        assert block_texture_loss(other) < 0.05
    # In half of the image, the beads start at another position. They would cancel in the mean over the image,
    # but not in the windows.
    halves = torch.cat(
        [woven[..., :65], (grain * torch.tensor([0.2, 0.2, 1, 1]).repeat(33)[:130].view(-1, 1))[..., 65:]], 3
    )
    assert block_texture_loss(halves) > 0.8 * block_texture_loss(woven)


@pytest.mark.parametrize("side", [16, 33, 64])
def test_block_texture_loss_has_a_finite_gradient_everywhere(side):
    torch.manual_seed(0)
    for image in (
        torch.zeros(1, 3, side, side),
        torch.rand(1, 3, side, side).repeat_interleave(4, 2)[:, :, :side],
    ):
        stylized = image.clone().requires_grad_()
        block_texture_loss(stylized).sum().backward()
        assert torch.isfinite(stylized.grad).all()
