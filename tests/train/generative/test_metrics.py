"""The metrics have the expected values for known distributions."""

import numpy as np
import pytest

from fststyle.errors import InputError
from fststyle.train.generative import metrics


def test_frechet_of_known_gaussians():
    """Along each axis (m1 - m2)^2 + (s1 - s2)^2."""
    rng = np.random.default_rng(0)
    a = rng.normal((0, 1, 2), (1, 2, 3), (200_000, 3))
    b = rng.normal((1, 1, 0), (2, 2, 1), (200_000, 3))
    assert metrics.frechet(a, b) == pytest.approx(1 + 0 + 4 + 1 + 0 + 4, rel=0.02)
    assert metrics.frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet(a, b) == pytest.approx(metrics.frechet(b, a))


def test_frechet_is_invariant_to_rotation():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(500, 6)), rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert metrics.frechet(a @ turn, b @ turn) == pytest.approx(metrics.frechet(a, b))
    flat = a.copy()
    flat[:, 3:] = 0  # a covariance without an inverse
    assert metrics.frechet(flat, b) > 0


def test_precision_and_recall_of_known_sets():
    rng = np.random.default_rng(2)
    both, one, far = rng.normal(0, 1, (600, 2)), rng.normal(0, 1, (600, 2)), rng.normal(50, 1, (600, 2))
    two = np.concatenate([one[:300], far[:300]])
    assert metrics.precision_recall(both, far) == (0, 0)
    precision, recall = metrics.precision_recall(two, both)  # half of what is real is never drawn
    assert precision > 0.9
    assert 0.4 < recall < 0.6
    precision, recall = metrics.precision_recall(both, two)  # half of what is drawn is not real
    assert 0.4 < precision < 0.6
    assert recall > 0.9


def test_precision_and_recall_against_a_loop():
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=(40, 3)), rng.normal(0.5, 1, (30, 3))

    def covered(rows, among):
        hits = 0
        for row in rows:
            for other in among:
                radius = sorted(np.linalg.norm(among - other, axis=1))[metrics.NEIGHBORS]
                if np.linalg.norm(row - other) <= radius:
                    hits += 1
                    break
        return hits / len(rows)

    assert metrics.precision_recall(real, fake) == pytest.approx((covered(fake, real), covered(real, fake)))


def test_balance():
    logits = np.eye(4)[[0, 0, 0, 1, 1, 2, 0, 0]]
    found = metrics.balance(logits)
    assert found.shares == (5 / 8, 2 / 8, 1 / 8, 0)
    assert (found.least, found.most) == (0, 5 / 8)


def test_bad_features():
    with pytest.raises(InputError):
        metrics.frechet(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(InputError):
        metrics.frechet(np.zeros((5, 3)), np.full((5, 3), np.nan))
    with pytest.raises(InputError):
        metrics.precision_recall(np.zeros((3, 3)), np.zeros((5, 3)))


def test_vgg_features():
    torch = pytest.importorskip("torch", reason="needs the [train] extra")
    from fststyle.train.compute import Compute
    from fststyle.train.networks.vgg import load_vgg

    rng = np.random.default_rng(4)
    features = metrics.vgg_features(
        rng.integers(0, 256, (3, 28, 28, 3), np.uint8),
        load_vgg(),
        Compute(torch.device("cpu"), bfloat16=False),
    )
    assert features.shape == (3, 512)
    assert not np.allclose(features[0], features[1])
