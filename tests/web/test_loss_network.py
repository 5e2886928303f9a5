"""The loss network in ONNX equals that of PyTorch, and its gradient equals that of autograd."""

import numpy as np
import onnxruntime
import pytest

from fststyle.web import loss_network

torch = pytest.importorskip("torch", reason="needs the extra train")

from fststyle.train.losses.gram import gram_matrix  # noqa: E402
from fststyle.train.losses.johnson import content_loss, style_loss  # noqa: E402
from fststyle.train.networks.vgg import MEAN, VGG16, load_vgg, repeat_edges  # noqa: E402


@pytest.fixture(scope="module")
def vgg() -> VGG16:
    """With kernels rounded to float16, as in the ONNX files."""
    vgg = repeat_edges(load_vgg())
    for kernel in vgg.parameters():
        if kernel.ndim == 4:
            kernel.copy_(kernel.half())
    return vgg


def picture(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("blocks", [1, 4])
def test_activations_and_gram_matrices(vgg: VGG16, blocks: int) -> None:
    assert loss_network.MEAN == MEAN
    layers = loss_network.LAYERS[:blocks]
    photo = picture(1)
    network = session(loss_network.activations(blocks))
    found = dict(
        zip([out.name for out in network.get_outputs()], network.run(None, {"picture": photo}), strict=True)
    )
    assert set(found) == {*layers, *(f"gram_{layer}" for layer in layers)}
    for layer, activation in vgg(torch.from_numpy(photo), layers).items():
        scale = float(activation.abs().max())
        np.testing.assert_allclose(found[layer], activation.numpy(), atol=1e-5 * scale)
        gram = gram_matrix(activation)[0].numpy()
        np.testing.assert_allclose(found[f"gram_{layer}"], gram, atol=1e-5 * float(np.abs(gram).max()))


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_gradient_is_that_of_autograd(vgg: VGG16, blocks: int) -> None:
    layers = loss_network.LAYERS[:blocks]
    content_weights = np.linspace(0.5, 1, blocks).astype(np.float32)
    style_weights = np.linspace(3, 1, blocks).astype(np.float32)
    contents = vgg(torch.from_numpy(picture(2)), layers)
    styles = vgg(torch.from_numpy(picture(3, 40, 24)), layers)
    feeds = {"picture": picture(4), "content_weights": content_weights, "style_weights": style_weights}
    for layer in layers:
        feeds[f"content_{layer}"] = contents[layer].numpy()
        feeds[f"style_{layer}"] = gram_matrix(styles[layer])[0].numpy()
    gradient, content_losses, style_losses = session(loss_network.gradient(blocks)).run(
        ["gradient", "content_losses", "style_losses"], feeds
    )

    painted = torch.from_numpy(feeds["picture"]).requires_grad_()
    found = vgg(painted, layers)
    content = torch.cat([content_loss(found[layer], contents[layer]) for layer in layers])
    style = torch.cat([style_loss(found[layer], gram_matrix(styles[layer])) for layer in layers])
    (content @ torch.from_numpy(content_weights) + style @ torch.from_numpy(style_weights)).backward()
    np.testing.assert_allclose(content_losses, content.detach().numpy(), rtol=1e-3)
    np.testing.assert_allclose(style_losses, style.detach().numpy(), rtol=1e-3)
    expected = painted.grad.numpy()
    np.testing.assert_allclose(gradient, expected, atol=2e-3 * float(np.abs(expected).max()))


@pytest.mark.parametrize(("blocks", "most"), [(1, 0.1), (2, 0.6), (3, 3.6), (4, 15.5)])
def test_early_layers_are_small(blocks: int, most: float) -> None:
    for model in (loss_network.activations(blocks), loss_network.gradient(blocks)):
        assert len(model) < most * 1e6
