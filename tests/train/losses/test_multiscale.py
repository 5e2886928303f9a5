import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from fststyle.train.losses.gram import gram_matrix  # noqa: E402
from fststyle.train.losses.multiscale import LAYERS, BroadStyle  # noqa: E402
from fststyle.train.networks.vgg import VGG16  # noqa: E402


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval().requires_grad_(False)


def test_it_is_the_style_of_the_picture_at_a_half_and_a_quarter(vgg):
    torch.manual_seed(1)
    style, painted = torch.rand(1, 3, 64, 80) * 2 - 1, torch.rand(2, 3, 48, 64) * 2 - 1
    expected = torch.zeros(2)
    for small, theirs in ((F.avg_pool2d(painted, scale), F.avg_pool2d(style, scale)) for scale in (2, 4)):
        ours, wanted = vgg(small), vgg(theirs)
        expected += sum(
            (gram_matrix(ours[name]) - gram_matrix(wanted[name])).square().mean((1, 2)) for name in LAYERS
        )
    found = BroadStyle(vgg, style)(painted)
    assert (found > 0).all()
    torch.testing.assert_close(found, expected)


def test_it_does_not_see_what_is_smaller_than_a_square_but_what_is_larger(vgg):
    dots, forms = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    dots[..., ::2, ::2], dots[..., 1::2, 1::2] = 0.5, -0.5
    forms[..., :32] = 0.5
    judge = BroadStyle(vgg, torch.zeros(1, 3, 64, 64))
    assert judge(dots).item() == 0
    assert judge(forms).item() > 0


def test_its_gradient_reaches_the_smallest_picture(vgg):
    painted = torch.rand(1, 3, 16, 16, requires_grad=True)
    BroadStyle(vgg, torch.zeros(1, 3, 32, 32))(painted).sum().backward()
    assert painted.grad is not None
    assert painted.grad.abs().sum() > 0
