import pytest
import torch

from fststyle.errors import TrainingError
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.optimize import PixelOptimizer, iterations_to_reach, optimize_from_photo


def _objective(style_weight=1e3):
    torch.manual_seed(0)
    return Objective(VGG16(), torch.rand(1, 3, 32, 32) * 2 - 1, content_weight=1, style_weight=style_weight)


def test_curve_falls_and_ends_at_the_result():
    objective, photo, seen = _objective(), torch.rand(1, 3, 32, 32) * 2 - 1, []
    untouched = photo.clone()
    image, curve = optimize_from_photo(
        photo, objective, 5, callback=lambda step, value: seen.append((step, value))
    )
    assert len(curve) == 6
    assert curve[-1] < curve[0]
    assert seen == list(enumerate(curve))
    assert curve[0] == pytest.approx(objective(photo, photo).total.item())
    assert curve[-1] == pytest.approx(objective(image, photo).total.item(), rel=1e-5)
    assert image.abs().max() <= 1
    torch.testing.assert_close(photo, untouched, rtol=0, atol=0)


def test_no_iterations_return_the_photo():
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    image, curve = optimize_from_photo(photo, _objective(), 0)
    torch.testing.assert_close(image, photo)
    assert len(curve) == 1


def test_nan_objective_stops_the_optimization():
    with pytest.raises(TrainingError, match="nan"):
        optimize_from_photo(torch.rand(1, 3, 32, 32), _objective(float("nan")), 3)


@pytest.mark.parametrize(
    ("value", "expected"), [(12, 0), (10, 0), (9, 0.5), (8, 1), (5, 1.75), (4, 2), (3.9, None)]
)
def test_iterations_to_reach(value, expected):
    assert iterations_to_reach([10.0, 8.0, 4.0, 6.0], value) == expected


def test_lbfgs_falls_further_than_adam_in_as_many_iterations():
    objective, photo = _objective(), torch.rand(1, 3, 32, 32) * 2 - 1

    def after_ten(optimizer):
        descent = PixelOptimizer(photo, photo, objective, optimizer)
        curve = [float(descent.step().total) for _ in range(10)]
        assert curve[0] == pytest.approx(objective(photo, photo).total.item(), rel=1e-4)
        return curve[-1]

    assert after_ten("lbfgs") < after_ten("adam") < objective(photo, photo).total.item()


def test_lbfgs_never_increases_and_caches_evaluations(monkeypatch):
    objective, photo = _objective(), torch.rand(1, 3, 32, 32) * 2 - 1
    descent, seen = PixelOptimizer(photo, photo, objective, "lbfgs"), []
    evaluate = descent._evaluate

    def noted():
        assert not any(torch.equal(descent.pixels, before) for before in seen[-1:])
        seen.append(descent.pixels.detach().clone())
        return evaluate()

    monkeypatch.setattr(descent, "_evaluate", noted)
    curve = [float(descent.step().total) for _ in range(8)]
    assert curve == sorted(curve, reverse=True)


def test_lbfgs_searches_along_its_line(monkeypatch):
    """The first step of L-BFGS is tiny, so the line search must extend it considerably."""
    objective, photo = _objective(), torch.rand(1, 3, 32, 32) * 2 - 1
    descent, evaluated = PixelOptimizer(photo, photo, objective, "lbfgs"), []
    evaluate = descent._evaluate
    monkeypatch.setattr(
        descent, "_evaluate", lambda: (evaluated.append(descent.pixels.detach().clone()), evaluate())[1]
    )
    descent.step()
    guess, end = ((image - evaluated[0]).norm() for image in (evaluated[1], descent.pixels.detach()))
    assert len(evaluated) > 2
    assert end > 5 * guess


def test_image_stays_in_range():
    descent = PixelOptimizer(torch.ones(1, 3, 32, 32), torch.rand(1, 3, 32, 32), _objective(), "lbfgs")
    for _ in range(3):
        descent.step()
    assert descent.image.abs().max() <= 1
