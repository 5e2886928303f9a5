import math

import pytest
import torch

from fststyle.train.losses.mesh import BANDS, SMALLEST_LIMIT, mesh_log_ratio, mesh_loss


def noise(count: int = 1, side: int = 128) -> torch.Tensor:
    return (
        torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
        - 0.5
    )


def waves(down: float, right: float, side: int = 128) -> torch.Tensor:
    """A wave with the given cycles per pixel along each axis, (1, 3, side, side)."""
    places = torch.arange(side)
    return torch.cos(2 * math.pi * (down * places[:, None] + right * places)).expand(1, 3, side, side) * 0.2


def test_random_texture_has_the_ratio_zero():
    assert mesh_log_ratio(noise(4)).abs().max() < 0.3


@pytest.mark.parametrize(("band", "frequency"), list(enumerate(sum(band) / 2 for band in BANDS)))
def test_lines_along_rows_and_columns_raise_the_ratio_of_their_band(band, frequency):
    plain = mesh_log_ratio(noise())[0]
    for down, right in ((0, frequency), (frequency, 0)):
        found = mesh_log_ratio(noise() + waves(down, right))[0]
        assert found[band] > plain[band] + 1
    diagonal = frequency / math.sqrt(2)
    assert mesh_log_ratio(noise() + waves(diagonal, diagonal))[0, band] < plain[band] - 0.5


def test_loss_is_what_exceeds_the_limit():
    image = noise() + waves(0, 0.35) + waves(0.35, 0)
    ratio = mesh_log_ratio(image)
    none = torch.zeros(1, 3)
    assert mesh_loss(image, none).item() == pytest.approx(ratio[0, 1].item() - SMALLEST_LIMIT, abs=0.3)
    assert mesh_loss(image, ratio).item() == 0
    assert mesh_loss(noise(), none).item() < 0.2


def test_gradient_is_finite_and_removes_the_mesh():
    for image in (torch.zeros(2, 3, 32, 48), noise(2, 32), noise(1, 33)):
        stylized = image.clone().requires_grad_()
        mesh_loss(stylized, torch.zeros(1, 3)).sum().backward()
        assert torch.isfinite(stylized.grad).all()
    stylized = (noise() + waves(0, 0.35)).requires_grad_()
    before = mesh_loss(stylized, torch.zeros(1, 3))
    (gradient,) = torch.autograd.grad(before.sum(), stylized)
    step = 0.02 * gradient / gradient.abs().max()
    after = mesh_loss(stylized - step, torch.zeros(1, 3))
    assert after < before
    # Only the mesh is removed. The power in other directions does not change.
    change = (torch.fft.rfft2(step[0, 0].detach()).abs() ** 2)[20:60, 20:60].sum()
    assert change < 0.05 * (torch.fft.rfft2(step[0, 0].detach()).abs() ** 2).sum()
