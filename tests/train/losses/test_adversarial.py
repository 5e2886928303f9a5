import math

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty  # noqa: E402


def test_least_squares_by_hand():
    real, fake = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 2.0])
    assert discriminator_loss("lsgan", real, fake).item() == pytest.approx(((0 + 0.25) / 2 + (0 + 4) / 2) / 2)
    assert generator_loss("lsgan", fake).item() == pytest.approx((1 + 1) / 2)


def test_least_squares_at_chance_level_is_a_quarter():
    """If real and generated images are equal, the optimal score is 1/2 for both, and the loss is 1/4."""
    scores = torch.tensor(0.3, requires_grad=True)
    for _ in range(100):
        (slope,) = torch.autograd.grad(discriminator_loss("lsgan", scores[None], scores[None]), scores)
        scores = (scores - 0.2 * slope).detach().requires_grad_(True)
    assert scores.item() == pytest.approx(0.5, abs=1e-4)
    assert discriminator_loss("lsgan", scores[None], scores[None]).item() == pytest.approx(0.25)


def test_cross_entropy_at_chance_level_is_log_4():
    """Goodfellow et al. 2014, theorem 1: if generated images equal real ones, the optimal probability is 1/2,
    and the minimum is log 4.
    """
    scores = torch.tensor([0.7, -0.4], requires_grad=True)
    for _ in range(300):
        (slope,) = torch.autograd.grad(discriminator_loss("bce", scores, scores), scores)
        scores = (scores - slope).detach().requires_grad_(True)
    assert scores.tolist() == pytest.approx([0, 0], abs=1e-4)
    assert discriminator_loss("bce", scores, scores).item() == pytest.approx(math.log(4))
    assert generator_loss("bce", scores).item() == pytest.approx(math.log(2))


def test_cross_entropy_of_the_optimal_discriminator_is_the_divergence():
    """The same theorem for two known distributions: with the logits log p/q, the loss is log 4 - 2
    JSD(p, q).
    """
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    logits = (p / q).log()
    real, fake = (logits.repeat_interleave((10 * share).round().int()) for share in (p, q))
    middle = (p + q) / 2
    divergence = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2
    assert discriminator_loss("bce", real, fake).item() == pytest.approx(
        math.log(4) - 2 * float(divergence), rel=1e-5
    )


def test_wasserstein_by_hand():
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0])
    assert discriminator_loss("wgan-gp", real, fake).item() == pytest.approx(1.5 - 4)
    assert generator_loss("wgan-gp", fake).item() == pytest.approx(-1.5)


def test_gradient_penalty_of_a_linear_discriminator():
    """The gradient of w.x is w everywhere, so the penalty is (|w| - 1)^2, and its gradient 2 (|w| - 1) w /
    |w|.
    """
    weight = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    real, fake = torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4)
    penalty = gradient_penalty(lambda x: (x * weight).sum((1, 2, 3)), real, fake, torch.rand(5, 1, 1, 1))
    length = float(weight.detach().norm())
    assert penalty.item() == pytest.approx((length - 1) ** 2, rel=1e-5)
    penalty.backward()
    torch.testing.assert_close(
        weight.grad, (2 * (length - 1) / length * weight).detach(), rtol=1e-4, atol=1e-6
    )


def test_gradient_penalty_is_evaluated_between_the_images():
    """The gradient of |x|^2 / 2 is x, so the penalty reveals the point at which it is evaluated."""
    real, fake = torch.full((1, 3, 2, 2), 3.0), torch.full((1, 3, 2, 2), 1.0)
    for share in (0.0, 0.25, 1.0):
        penalty = gradient_penalty(
            lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, torch.full((1, 1, 1, 1), share)
        )
        assert penalty.item() == pytest.approx((math.sqrt(12) * (1 + 2 * share) - 1) ** 2, rel=1e-5)


def test_hinge_by_hand():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 1.0])
    assert discriminator_loss("hinge", real, fake).item() == pytest.approx((0 + 0.5) / 2 + (0 + 2) / 2)
    assert generator_loss("hinge", fake).item() == pytest.approx(1.0)
