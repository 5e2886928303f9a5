import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from fststyle.train.losses.gram import gram_matrix  # noqa: E402
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle  # noqa: E402
from fststyle.train.networks.vgg import VGG16  # noqa: E402


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval().requires_grad_(False)


def test_it_is_the_mean_of_the_relative_gram_differences_of_all_layers_and_scales(vgg):
    torch.manual_seed(1)
    style, painted = torch.rand(1, 3, 64, 80) * 2 - 1, torch.rand(2, 3, 48, 64) * 2 - 1
    terms = []
    for scale, layers in LAYERS.items():
        ours, theirs = (vgg(F.avg_pool2d(image, scale), layers) for image in (painted, style))
        for name in layers:
            target = gram_matrix(theirs[name])
            terms.append((gram_matrix(ours[name]) - target).square().sum((1, 2)) / target.square().sum())
    found = MultiscaleStyle(vgg, style)(painted)
    assert found.shape == (2,)
    torch.testing.assert_close(found, torch.stack(terms).mean(0))
    assert len(terms) == 11


def test_it_is_zero_for_the_painting_and_known_activations_give_the_same(vgg):
    style = torch.rand(1, 3, 64, 80) * 2 - 1
    judge = MultiscaleStyle(vgg, style)
    assert judge(style).item() < 1e-10
    painted = torch.rand(1, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(judge(painted, vgg(painted, LAYERS[1])), judge(painted))


def test_every_layer_counts_the_same_whatever_the_size_of_its_activations(vgg):
    """A picture that differs from the painting in scale of the activations only: every term is the same."""
    style = torch.rand(1, 3, 64, 64) * 2 - 1
    found = {name: activation * 2**0.5 for name, activation in vgg(style, LAYERS[1]).items()}
    scale1 = MultiscaleStyle(vgg, style)(style, found)
    # Gram matrices twice as large: a relative squared difference of 1 in four of eleven terms.
    assert scale1.item() == pytest.approx(4 / 11, rel=1e-3)


def test_its_gradient_reaches_the_picture(vgg):
    painted = torch.rand(1, 3, 32, 32, requires_grad=True)
    MultiscaleStyle(vgg, torch.rand(1, 3, 32, 32))(painted).sum().backward()
    assert painted.grad is not None
    assert torch.isfinite(painted.grad).all()
    assert painted.grad.abs().sum() > 0
