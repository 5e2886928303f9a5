"""The discriminator of the adversarial loss."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.compute import Compute  # noqa: E402
from fststyle.train.losses.multiscale import LAYERS  # noqa: E402
from fststyle.train.networks.vgg import VGG16  # noqa: E402
from fststyle.train.style.discriminator import StyleDiscriminator  # noqa: E402

SIDE = 64


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    vgg = VGG16().eval().requires_grad_(False)
    painting = torch.rand(1, 3, 72, 96) * 2 - 1
    return vgg, painting, StyleDiscriminator(vgg, painting, SIDE, Compute(torch.device("cpu"), False))


def test_it_learns_to_tell_stylized_images_from_the_painting(case):
    vgg, painting, discriminator = case
    flat = vgg(torch.zeros(1, 3, SIDE, SIDE), LAYERS[1])
    for step in range(30):
        discriminator.learn(flat, step)
    real = vgg(painting[..., :SIDE, :SIDE], LAYERS[1])
    # The loss of an image is the negative mean score.
    assert discriminator.loss(real) < discriminator.loss(flat) - 0.5


def test_gradients_reach_the_features_and_not_the_discriminator(case):
    vgg, _, discriminator = case
    image = torch.zeros(1, 3, SIDE, SIDE, requires_grad=True)
    discriminator.net.zero_grad()
    discriminator.loss(vgg(image, LAYERS[1])).backward()
    assert image.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in discriminator.net.parameters())
    assert all(parameter.requires_grad for parameter in discriminator.net.parameters())


def test_learning_leaves_the_stylized_image_alone(case):
    vgg, _, discriminator = case
    image = torch.zeros(1, 3, SIDE, SIDE, requires_grad=True)
    discriminator.learn(vgg(image, LAYERS[1]), 0)
    assert image.grad is None


def test_small_paintings_are_upscaled_to_the_size_of_a_crop(case):
    vgg, _, _ = case
    small = torch.rand(1, 3, 40, 48) * 2 - 1
    discriminator = StyleDiscriminator(vgg, small, 96, Compute(torch.device("cpu"), False))
    discriminator.learn(vgg(torch.zeros(1, 3, 96, 96), LAYERS[1]), 1)
