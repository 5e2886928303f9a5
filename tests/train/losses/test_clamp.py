import pytest

torch = pytest.importorskip("torch")

from fststyle.train.losses.clamp import clamp_output  # noqa: E402


def test_clamped_with_a_gradient_back_into_the_range():
    stylized = torch.tensor([[-3.0, -3.0, -0.5, -0.5, 3.0, 3.0]], requires_grad=True)
    image = clamp_output(stylized)
    assert image.tolist() == [[-1, -1, -0.5, -0.5, 1, 1]]
    (slope,) = torch.autograd.grad(image, stylized, torch.tensor([[2.0, -2.0, 2.0, -2.0, 2.0, -2.0]]))
    # A step has the opposite sign of the gradient: darker where it is 2, lighter where it is -2.
    assert slope.tolist() == [[0, -2, 2, -2, 2, 0]]


def test_values_outside_the_range_are_optimized_back():
    stylized, wanted = torch.tensor([[5.0, -5.0, 0.0]], requires_grad=True), torch.tensor([[0.5, 1.0, -1.0]])
    optimizer = torch.optim.SGD([stylized], lr=0.2)
    for _ in range(100):
        optimizer.zero_grad()
        (clamp_output(stylized) - wanted).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(clamp_output(stylized.detach()), wanted, atol=1e-3, rtol=0)
