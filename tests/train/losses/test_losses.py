import pytest
import torch

from fststyle.errors import InputError
from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.grid import block_color_loss, block_texture_loss
from fststyle.train.losses.johnson import content_loss, style_loss, total_variation_loss
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import VGG16


def test_content_by_hand_one_value_per_picture():
    a = torch.tensor([[[[0.0, 2.0]]], [[[1.0, 1.0]]]])
    b = torch.tensor([[[[1.0, 5.0]]], [[[1.0, 1.0]]]])
    torch.testing.assert_close(content_loss(a, b), torch.tensor([5.0, 0.0]))


def test_style_by_hand_one_value_per_picture():
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    loss = style_loss(x, torch.zeros(1, 2, 2))
    torch.testing.assert_close(loss, torch.tensor([(1.25**2 + 2 * 2.75**2 + 6.25**2) / 4, 0.0]))


def test_style_is_zero_against_itself():
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(style_loss(x, gram_matrix(x)), torch.zeros(2))


def test_total_variation_by_hand():
    image = torch.zeros(2, 3, 2, 2)
    image[1, :, 0, 0] = 2 / 127.5  # 2 grey levels above its two neighbours, in each of the 3 channels
    torch.testing.assert_close(total_variation_loss(image), torch.tensor([0.0, 3 * (4.0 + 4.0) / 12]))


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval()


def test_objective_is_the_weighted_sum(vgg):
    style, photo, painted = (torch.rand(n, 3, 32, 32) * 2 - 1 for n in (1, 2, 2))
    terms = Objective(vgg, style, content_weight=2, style_weight=3, tv_weight=0.5)(painted, photo)
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    ours, theirs, wanted = vgg(painted, layers), vgg(photo, ("relu2_2",)), vgg(style, layers)
    torch.testing.assert_close(terms.content, 2 * content_loss(ours["relu2_2"], theirs["relu2_2"]))
    torch.testing.assert_close(
        terms.style, 3 * sum(style_loss(ours[name], gram_matrix(wanted[name])) for name in layers)
    )
    torch.testing.assert_close(terms.total_variation, 0.5 * total_variation_loss(painted))
    torch.testing.assert_close(terms.total, (terms.content + terms.style + terms.total_variation).mean())


def test_objective_of_the_photo_and_of_the_style(vgg):
    style, photo = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    objective = Objective(vgg, style, content_weight=1, style_weight=1)
    assert objective(photo, photo).content.item() == 0
    assert objective(style, photo).style.item() == pytest.approx(0, abs=1e-6)
    assert not objective.state_dict().keys() - {f"vgg.{name}" for name in vgg.state_dict()}


def test_gradient_reaches_the_painted_picture_only(vgg):
    painted, photo = (
        torch.rand(1, 3, 32, 32, requires_grad=True),
        torch.rand(1, 3, 32, 32, requires_grad=True),
    )
    Objective(vgg, torch.rand(1, 3, 32, 32), content_weight=1, style_weight=1, tv_weight=1)(
        painted, photo
    ).total.backward()
    assert painted.grad is not None
    assert painted.grad.abs().sum() > 0
    assert photo.grad is None


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 3, 32, 32), (1, 1, 32, 32), (1, 3, 8, 32)])
def test_style_of_another_shape_is_refused(vgg, shape):
    with pytest.raises(InputError, match="style image"):
        Objective(vgg, torch.zeros(shape), content_weight=1, style_weight=1)


def test_block_color_loss_detects_only_the_period():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 64).expand(2, 3, 64, 64).clone()
    assert block_color_loss(ramp[:, :, :, :1].expand(2, 3, 64, 64), 4).tolist() == [0, 0]
    grid = torch.zeros(2, 3, 66, 67)
    grid[1, 0, ::4] = (
        8 / 127.5
    )  # one row in four of one colour 8 levels lighter: its places differ by 6, -2, -2, -2
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
    # Squares of five or three pixels are the photo's own affair.
    for period in (3, 5):
        other = noise / 4 * torch.linspace(0.2, 1, period).repeat(50)[:130].view(-1, 1)
        assert block_texture_loss(other) < 0.05
    # In half of the picture the beads begin elsewhere: in the mean of the picture they would cancel, here
    # they do not.
    halves = torch.cat(
        [woven[..., :65], (grain * torch.tensor([0.2, 0.2, 1, 1]).repeat(33)[:130].view(-1, 1))[..., 65:]], 3
    )
    assert block_texture_loss(halves) > 0.8 * block_texture_loss(woven)


@pytest.mark.parametrize("side", [16, 33, 64])
def test_block_texture_loss_has_a_finite_gradient_everywhere(side):
    torch.manual_seed(0)
    for picture in (
        torch.zeros(1, 3, side, side),
        torch.rand(1, 3, side, side).repeat_interleave(4, 2)[:, :, :side],
    ):
        painted = picture.clone().requires_grad_()
        block_texture_loss(painted).sum().backward()
        assert torch.isfinite(painted.grad).all()


def test_layers_have_weights(vgg):
    style, photo, painted = (torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(3))

    def style_term(layers):
        return Objective(vgg, style, content_weight=1, style_weight=1, style_layers=layers)(
            painted, photo
        ).style

    torch.testing.assert_close(
        style_term({"relu1_2": 2.0, "relu3_3": 0.5}),
        2 * style_term({"relu1_2": 1.0}) + 0.5 * style_term({"relu3_3": 1.0}),
    )


def test_several_paintings_have_the_gradient_of_the_weighted_sum(vgg):
    """The mean of the Gram matrices has the gradient of the weighted sum, and its value up to a constant."""
    paintings = [torch.rand(1, 3, 32 + 8 * i, 32) * 2 - 1 for i in range(2)]
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    pictures = [(torch.rand(1, 3, 32, 32) * 2 - 1).requires_grad_(True) for _ in range(2)]
    both = Objective(vgg, paintings, shares=[3, 1], content_weight=0, style_weight=1)
    each = [Objective(vgg, painting, content_weight=0, style_weight=1) for painting in paintings]
    constants = []
    for picture in pictures:
        mixed = both(picture, photo).total
        summed = 0.75 * each[0](picture, photo).total + 0.25 * each[1](picture, photo).total
        wanted, found = torch.autograd.grad(summed, picture)[0], torch.autograd.grad(mixed, picture)[0]
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
        constants.append(float((summed - mixed).detach()))
    assert constants[0] == pytest.approx(constants[1], rel=1e-2)
    assert constants[0] > 0
