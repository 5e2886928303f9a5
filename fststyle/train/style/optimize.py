"""Style transfer by optimization of the pixels. It is slow, and is the reference for trained networks.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016). Departures:

* VGG-16 with the layers of `fststyle.train.losses.perceptual` instead of VGG-19, so that the objective can be
  compared with that of a network.
* Pixels are clamped to the range of image files. With Adam they are clamped after each step; with L-BFGS only
  at the end, since its history would not match clamped steps.

`fststyle.train.style.gatys` handles files, sizes and scales.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fststyle.errors import TrainingError
from fststyle.train.losses.perceptual import Objective, Terms

LEARNING_RATES = {"adam": 0.03, "lbfgs": 1.0}
"""Default learning rates. That of Adam is for pixels in 0..1; that of L-BFGS is the initial step size of the
line search.
"""
HISTORY = 20
"""Number of steps in the history of L-BFGS. Two tensors of the size of the image are stored for each step."""
LINE = 25
"""Maximum number of evaluations in one L-BFGS step."""


class PixelOptimizer:
    """Optimizer of the pixels of one image. Each call of `step` takes one step to minimize the objective.

    Args:
        start: the initial image, (1, 3, H, W) RGB in [-1, 1], on the device of the objective.
        photo: the content image, of the same shape.
        objective: the objective to minimize.
        optimizer: ``"adam"`` (one forward and backward pass per step) or ``"lbfgs"`` (strong Wolfe line
            search; it converges faster, with one or several passes per step).
        lr: learning rate; default: `LEARNING_RATES`.
    """

    def __init__(
        self,
        start: Tensor,
        photo: Tensor,
        objective: Objective,
        optimizer: str = "adam",
        lr: float | None = None,
    ):
        self.objective, self.target = objective, objective.target(photo)
        self.pixels = (
            ((start + 1) / 2).contiguous().requires_grad_(True)
        )  # L-BFGS does not support channels-last
        lr = LEARNING_RATES[optimizer] if lr is None else lr
        self.optimizer: torch.optim.Optimizer
        if optimizer == "adam":
            self.optimizer = torch.optim.Adam([self.pixels], lr=lr)
        else:
            # max_eval also limits the line search: the default, 1.25 * max_iter, would disable it.
            self.optimizer = torch.optim.LBFGS(
                [self.pixels],
                lr=lr,
                max_iter=1,
                max_eval=LINE,
                history_size=HISTORY,
                line_search_fn="strong_wolfe",
            )
        self._known: tuple[Tensor, Terms, Tensor] | None = None

    @property
    def image(self) -> Tensor:
        """The current image, (1, 3, H, W) in [-1, 1]."""
        return self.pixels.detach().clamp(0, 1) * 2 - 1

    def terms(self) -> Terms:
        """Return the terms of the objective for the current image."""
        with torch.no_grad():
            result: Terms = self.objective(self.pixels * 2 - 1, target=self.target)
            return result

    def step(self) -> Terms:
        """Take one optimizer step. Returns the terms of the objective before the step, without gradients."""
        if isinstance(self.optimizer, torch.optim.Adam):
            terms = self._evaluate()
            self.optimizer.step()
            with torch.no_grad():
                self.pixels.clamp_(0, 1)
            return terms
        first: list[Terms] = []

        def closure() -> Tensor:
            # The line search nearly always ends at the point that it evaluated last, where the next step
            # begins.
            if self._known is None or not torch.equal(self._known[0], self.pixels):
                terms = self._evaluate()
                self._known = (self.pixels.detach().clone(), terms, self.pixels.grad.contiguous().clone())  # type: ignore[union-attr]
            _, terms, self.pixels.grad = self._known
            first.append(terms)
            return terms.total

        before = self.pixels.detach().clone()
        self.optimizer.step(closure)  # type: ignore[arg-type]
        if torch.equal(before, self.pixels):
            # The line search failed, and the next step would try the same direction: reset the history.
            self.optimizer.state.clear()
        return first[0]

    def _evaluate(self) -> Terms:
        """Return the terms for the current image, without gradients, and set the gradient of `pixels`."""
        with torch.enable_grad():
            terms: Terms = self.objective(self.pixels * 2 - 1, target=self.target)
            self.optimizer.zero_grad(set_to_none=True)
            terms.total.backward()
        return Terms(*(term.detach() for term in terms))


def optimize_from_photo(
    photo: Tensor,
    objective: Objective,
    iterations: int,
    lr: float = LEARNING_RATES["adam"],
    callback: Callable[[int, float], None] | None = None,
) -> tuple[Tensor, list[float]]:
    """Optimize the pixels of one photo with Adam, starting from the photo.

    The benchmarks compare networks with the result. Adam is used because all its steps take the same time.

    Args:
        photo: (1, 3, H, W) RGB in [-1, 1], on the device of the objective.
        objective: the objective to minimize.
        iterations: number of Adam steps.
        lr: learning rate, for pixels in 0..1. They are clamped to this range after each step.
        callback: called with the number of completed steps, from 0, and the objective after them.

    Returns:
        The stylized image, (1, 3, H, W) in [-1, 1], and the objective after 0, 1, ..., `iterations` steps, a
        list of `iterations` + 1 values.

    Raises:
        TrainingError: the objective is not finite.
    """
    descent = PixelOptimizer(photo, photo, objective, lr=lr)
    curve: list[float] = []
    for step in range(iterations + 1):
        curve.append(float((descent.step() if step < iterations else descent.terms()).total))
        if not math.isfinite(curve[-1]):
            raise TrainingError(
                f"the objective is {curve[-1]} after {step} iterations; reduce the learning rate or the"
                " weights"
            )
        if callback is not None:
            callback(step, curve[-1])
    return descent.image, curve


def iterations_to_reach(curve: list[float], value: float) -> float | None:
    """Return the number of iterations until the objective first falls to `value`, linearly interpolated
    between two steps; None if it never does.

    Args:
        curve: the objective after 0, 1, ... steps, from `optimize_from_photo`.
        value: the objective to reach.
    """
    if curve[0] <= value:
        return 0.0
    for step in range(1, len(curve)):
        before, after = curve[step - 1], curve[step]
        if after <= value:
            return step - 1 + (before - value) / (before - after)
    return None
