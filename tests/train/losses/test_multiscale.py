import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from fststyle.train.losses.gram import gram_matrix  # noqa: E402
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle, term_weights  # noqa: E402
from fststyle.train.losses.tonal_masks import masked_grams, photo_masks, style_masks  # noqa: E402
from fststyle.train.networks.vgg import VGG16  # noqa: E402


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval().requires_grad_(False)


def test_it_is_the_weighted_sum_of_the_relative_differences_of_all_parts_layers_and_scales(vgg):
    torch.manual_seed(1)
    style, stylized, photo = (
        torch.rand(count, 3, *size) * 2 - 1 for count, size in ((1, (64, 80)), (2, (48, 64)), (2, (48, 64)))
    )
    terms, energy = {}, {}
    for scale, layers in LAYERS.items():
        ours, theirs = (vgg(F.avg_pool2d(image, scale), layers) for image in (stylized, style))
        for name in layers:
            energy[scale, name] = gram_matrix(theirs[name]).square().mean().item()
            targets = masked_grams(theirs[name], style_masks(style, 3))[0][0]
            grams, areas = masked_grams(ours[name], photo_masks(photo, 3))
            terms[scale, name] = sum(
                areas[:, part]
                * (grams[:, part] - targets[part]).square().sum((1, 2))
                / targets[part].square().sum()
                for part in range(3)
            )
    found = MultiscaleStyle(vgg, style, 0.6, 3)(stylized, photo)
    assert found.shape == (2,)
    weights = term_weights(energy, 0.6)
    torch.testing.assert_close(found, sum(weights[key] * term for key, term in terms.items()))
    assert len(terms) == 11


def test_it_is_zero_for_the_painting_if_its_luminances_are_equally_frequent(vgg):
    light = torch.linspace(-1, 1, 65)[:-1].reshape(8, 8)
    style = light.repeat_interleave(8, 0).repeat_interleave(8, 1).expand(1, 3, -1, -1)
    judge = MultiscaleStyle(vgg, style, 0.6, 3)
    assert judge(style, style).item() < 1e-5
    assert judge(torch.zeros_like(style), style).item() > 0.1


def test_known_activations_give_the_same_loss(vgg):
    judge = MultiscaleStyle(vgg, torch.rand(1, 3, 64, 80) * 2 - 1, 0.6, 3)
    stylized, photo = torch.rand(1, 3, 64, 64) * 2 - 1, torch.rand(1, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(judge(stylized, photo, vgg(stylized, LAYERS[1])), judge(stylized, photo))


def test_light_parts_are_compared_with_light_parts(vgg):
    """A style image that is black at the left and white at the right."""
    style = torch.cat([torch.full((1, 3, 64, 64), -0.9), torch.full((1, 3, 64, 64), 0.9)], 3)
    style = (style + 0.1 * torch.randn_like(style)).clamp(-1, 1)
    judge = MultiscaleStyle(vgg, style, 0.6, 3)
    assert judge(style, style).item() < 0.5 * judge(style.flip(3), style).item()


def test_weights_sum_to_one_and_lie_between_those_of_the_paper_and_their_roots():
    energy = {(1, "relu1_2"): 1.0, (1, "relu2_2"): 81.0, (2, "relu1_2"): 16.0, (4, "relu1_2"): 4.0}
    weights = term_weights(energy, 0.6)
    assert sum(weights.values()) == pytest.approx(1)
    # At full size, the weights are 1 and 81 of 82 as in the paper; the square roots are 1, 9, 4 and 2 of 16.
    assert weights[1, "relu1_2"] == pytest.approx(0.6 / 82 + 0.4 / 16)
    assert weights[1, "relu2_2"] == pytest.approx(0.6 * 81 / 82 + 0.4 * 9 / 16)
    assert weights[4, "relu1_2"] == pytest.approx(0.4 * 2 / 16)


def test_its_gradient_reaches_the_image(vgg):
    stylized = torch.rand(1, 3, 32, 32, requires_grad=True)
    MultiscaleStyle(vgg, torch.rand(1, 3, 32, 32), 0.6, 3)(
        stylized, torch.rand(1, 3, 32, 32)
    ).sum().backward()
    assert stylized.grad is not None
    assert torch.isfinite(stylized.grad).all()
    assert stylized.grad.abs().sum() > 0
