import pytest
import torch

from fststyle.errors import InputError
from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.johnson import content_loss, style_loss, total_variation_loss
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import VGG16


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval()


def test_objective_is_the_weighted_sum(vgg):
    style, photo, stylized = (torch.rand(n, 3, 32, 32) * 2 - 1 for n in (1, 2, 2))
    terms = Objective(vgg, style, content_weight=2, style_weight=3, tv_weight=0.5)(stylized, photo)
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    ours, theirs, wanted = vgg(stylized, layers), vgg(photo, ("relu2_2",)), vgg(style, layers)
    torch.testing.assert_close(terms.content, 2 * content_loss(ours["relu2_2"], theirs["relu2_2"]))
    torch.testing.assert_close(
        terms.style, 3 * sum(style_loss(ours[name], gram_matrix(wanted[name])) for name in layers)
    )
    torch.testing.assert_close(terms.total_variation, 0.5 * total_variation_loss(stylized))
    torch.testing.assert_close(terms.total, (terms.content + terms.style + terms.total_variation).mean())


def test_objective_of_the_photo_and_of_the_style(vgg):
    style, photo = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    objective = Objective(vgg, style, content_weight=1, style_weight=1)
    assert objective(photo, photo).content.item() == 0
    assert objective(style, photo).style.item() == pytest.approx(0, abs=1e-6)
    assert not objective.state_dict().keys() - {f"vgg.{name}" for name in vgg.state_dict()}


def test_gradient_reaches_the_painted_image_only(vgg):
    stylized, photo = (
        torch.rand(1, 3, 32, 32, requires_grad=True),
        torch.rand(1, 3, 32, 32, requires_grad=True),
    )
    Objective(vgg, torch.rand(1, 3, 32, 32), content_weight=1, style_weight=1, tv_weight=1)(
        stylized, photo
    ).total.backward()
    assert stylized.grad is not None
    assert stylized.grad.abs().sum() > 0
    assert photo.grad is None


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 3, 32, 32), (1, 1, 32, 32), (1, 3, 8, 32)])
def test_style_of_another_shape_is_refused(vgg, shape):
    with pytest.raises(InputError, match="style image"):
        Objective(vgg, torch.zeros(shape), content_weight=1, style_weight=1)


def test_layers_have_weights(vgg):
    style, photo, stylized = (torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(3))

    def style_term(layers):
        return Objective(vgg, style, content_weight=1, style_weight=1, style_layers=layers)(
            stylized, photo
        ).style

    torch.testing.assert_close(
        style_term({"relu1_2": 2.0, "relu3_3": 0.5}),
        2 * style_term({"relu1_2": 1.0}) + 0.5 * style_term({"relu3_3": 1.0}),
    )


def test_several_paintings_have_the_gradient_of_the_weighted_sum(vgg):
    """The mean Gram matrix has the gradient of the weighted sum, and its value up to a constant."""
    paintings = [torch.rand(1, 3, 32 + 8 * i, 32) * 2 - 1 for i in range(2)]
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    images = [(torch.rand(1, 3, 32, 32) * 2 - 1).requires_grad_(True) for _ in range(2)]
    both = Objective(vgg, paintings, shares=[3, 1], content_weight=0, style_weight=1)
    each = [Objective(vgg, painting, content_weight=0, style_weight=1) for painting in paintings]
    constants = []
    for image in images:
        mixed = both(image, photo).total
        summed = 0.75 * each[0](image, photo).total + 0.25 * each[1](image, photo).total
        wanted, found = torch.autograd.grad(summed, image)[0], torch.autograd.grad(mixed, image)[0]
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
        constants.append(float((summed - mixed).detach()))
    assert constants[0] == pytest.approx(constants[1], rel=1e-2)
    assert constants[0] > 0
