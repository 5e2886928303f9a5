import pytest

torch = pytest.importorskip("torch")

from fststyle.train.losses.clamp import clamp_output  # noqa: E402


def test_clamped_with_a_gradient_back_into_the_range():
    painted = torch.tensor([[-3.0, -3.0, -0.5, -0.5, 3.0, 3.0]], requires_grad=True)
    picture = clamp_output(painted)
    assert picture.tolist() == [[-1, -1, -0.5, -0.5, 1, 1]]
    (slope,) = torch.autograd.grad(picture, painted, torch.tensor([[2.0, -2.0, 2.0, -2.0, 2.0, -2.0]]))
    # A step goes against the slope: darker where it is 2, lighter where it is -2.
    assert slope.tolist() == [[0, -2, 2, -2, 2, 0]]


def test_values_outside_the_range_are_optimized_back():
    painted, wanted = torch.tensor([[5.0, -5.0, 0.0]], requires_grad=True), torch.tensor([[0.5, 1.0, -1.0]])
    optimizer = torch.optim.SGD([painted], lr=0.2)
    for _ in range(100):
        optimizer.zero_grad()
        (clamp_output(painted) - wanted).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(clamp_output(painted.detach()), wanted, atol=1e-3, rtol=0)
