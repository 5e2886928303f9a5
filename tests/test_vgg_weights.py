"""The compact weights of the loss network."""

import numpy as np
import pytest

from fststyle import vgg_weights

pytest.importorskip("safetensors", reason="needs the extra train or web")

MEASURED = {
    "relu1_2": (134.9711, 769.9734),
    "relu2_2": (299.0064, 1482.4957),
    "relu3_3": (380.9748, 1971.7852),
    "relu4_3": (36.3819, 15.2701),
}
"""Mean activation and root mean square of the Gram matrix, of the float16 weights on `picture`."""


def kernel(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, (6, 40, 3, 3)).astype(np.float32)


def picture() -> np.ndarray:
    """float32 (1, 3, 64, 64) in [-1, 1]: waves and noise."""
    y, x = np.mgrid[0:64, 0:64] / 64
    waves = np.stack([np.sin(9 * x + 5 * y + c) for c in range(3)]) * 0.6
    noise = np.random.default_rng(0).normal(0, 0.15, waves.shape)
    return (waves + noise).clip(-1, 1).astype(np.float32)[None]


def test_kernel_is_restored_to_a_step_and_the_sum_of_its_taps_to_half_a_step() -> None:
    weight = kernel()
    stored = vgg_weights.packed({"features.10.weight": weight})
    assert stored["features.10.weight"].dtype == np.int8
    assert sum(value.nbytes for value in stored.values()) < 1.3 * weight.size
    found = vgg_weights.unpacked(stored)["features.10.weight"]
    step = np.abs(weight).max(axis=(1, 2, 3)).reshape(-1, 1, 1) / 510
    assert found.dtype == np.float32
    assert np.unique(np.round(found / step[..., None])).size > 600  # more than 9 bits
    assert (np.abs(found - weight) <= 1.001 * step[..., None]).all()
    assert (np.abs((found - weight).sum((2, 3))) <= 0.501 * step[..., 0]).all()


def test_packing_again_changes_nothing() -> None:
    once = vgg_weights.unpacked(vgg_weights.packed({"features.17.weight": kernel()}))
    twice = vgg_weights.unpacked(vgg_weights.packed(once))
    np.testing.assert_allclose(twice["features.17.weight"], once["features.17.weight"], rtol=0, atol=1e-3)


def test_early_kernels_and_biases_are_float16() -> None:
    weights = {"features.7.weight": kernel(), "features.10.bias": kernel()[0, 0, 0]}
    stored = vgg_weights.packed(weights)
    assert {value.dtype for value in stored.values()} == {np.dtype(np.float16)}
    assert stored.keys() == weights.keys()


def test_losses_are_those_of_the_float16_weights() -> None:
    torch = pytest.importorskip("torch", reason="needs the [train] extra")
    from fststyle.train.losses.gram import gram_matrix
    from fststyle.train.networks.vgg import load_vgg

    found = load_vgg()(torch.from_numpy(picture()), tuple(MEASURED))
    for layer, wanted in MEASURED.items():
        gram = float(gram_matrix(found[layer]).square().mean().sqrt())
        assert (float(found[layer].mean()), gram) == pytest.approx(wanted, rel=3e-3), layer
