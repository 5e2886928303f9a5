"""The Muon optimizer."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.muon import KERNEL_STEP, Muon, orthogonal  # noqa: E402
from fststyle.train.networks.johnson import Johnson  # noqa: E402


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16), (1, 9)])
def test_orthogonal_has_singular_values_near_one_and_the_same_directions(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    found = orthogonal(matrix)
    assert torch.linalg.svdvals(found).sub(1).abs().max() < 0.35
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    nearest = u @ vt
    assert torch.nn.functional.cosine_similarity(found.flatten(), nearest.flatten(), dim=0) > 0.98


@pytest.mark.parametrize("shape", [(8, 72), (72, 8)])
def test_orthogonal_is_the_published_iteration(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonal(matrix), x)


def test_orthogonal_of_zero_is_zero():
    assert torch.equal(orthogonal(torch.zeros(4, 9)), torch.zeros(4, 9))


def test_kernel_update_does_not_depend_on_the_gradient_scale():
    for scale in (1e-6, 1e6):
        net = torch.nn.Sequential(torch.nn.Conv2d(16, 8, 3, bias=False), torch.nn.Conv2d(8, 3, 3, bias=False))
        before = net[0].weight.detach().clone()
        net[0].weight.grad = scale * torch.randn(net[0].weight.shape)
        Muon(net, lr=0.01).step()
        moved = (net[0].weight.detach() - before).square().mean().sqrt().item()
        assert moved == pytest.approx(0.01 * KERNEL_STEP, rel=0.3)


def test_other_parameters_are_updated_by_adam():
    torch.manual_seed(0)
    ours, theirs = Johnson(width=2, blocks=1), Johnson(width=2, blocks=1)
    theirs.load_state_dict(ours.state_dict())
    a, b = Muon(ours, lr=1e-2), torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for i in range(3):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(i))
            q.grad = p.grad.clone()
        a.step()
        b.step()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if p.ndim == 4 and name != "head.conv.weight":
            assert not torch.allclose(p, q)
        else:
            assert torch.allclose(p, q, atol=1e-6), name


def test_closure_is_refused_and_parameters_without_gradient_are_skipped():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 3, 3))
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = Muon(net, lr=1.0)
    optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before, strict=True))
    with pytest.raises(TypeError):
        optimizer.step(lambda: 0.0)
