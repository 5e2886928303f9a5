"""Distance between stylized images and their targets."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.losses.image_distance import image_distance  # noqa: E402
from fststyle.train.networks.vgg import load_vgg  # noqa: E402


@pytest.fixture(scope="module")
def vgg():
    return load_vgg()


def noise(seed):
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_distance_from_the_target_itself_is_0(vgg):
    losses = image_distance(noise(0), noise(0), vgg)
    assert set(losses) == {"same", "features", "texture"}
    for loss in losses.values():
        torch.testing.assert_close(loss, torch.zeros(2))


def test_texture_prefers_other_noise_to_blur(vgg):
    """The MSE prefers the mean."""
    target = noise(0)
    other, blurred = (image_distance(image, target, vgg) for image in (noise(1), torch.zeros_like(target)))
    assert (blurred["same"] < other["same"]).all()
    assert (other["texture"] < blurred["texture"]).all()


def test_gradient_flows_to_the_image_only(vgg):
    image, target = noise(0).requires_grad_(), noise(1).requires_grad_()
    torch.stack(list(image_distance(image, target, vgg).values())).sum().backward()
    assert image.grad.abs().sum() > 0
