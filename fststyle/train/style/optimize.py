"""Style transfer by optimising the picture itself: slow, one picture at a time, and the yardstick for every
trained network.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016). Departures:
the layers and scales of `fststyle.train.losses.perceptual` (VGG-16) instead of VGG-19's, so that its curve
can be laid beside a network's result; pixels are held to the range that a file can store, by Adam after every
step, by L-BFGS at the end, since its memory of a step would not fit one that was clipped. What surrounds the
descent (files, sizes, scales) is in `fststyle.train.style.gatys`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fststyle.errors import TrainingError
from fststyle.train.losses.perceptual import Objective, Terms

STEP_SIZES = {"adam": 0.03, "lbfgs": 1.0}
"""What each optimiser starts with: Adam on the scale where black is 0 and white 1, L-BFGS as a part of its
own step.
"""
HISTORY = 20
"""Steps that L-BFGS remembers: two pictures each."""
LINE = 25
"""Evaluations that one step of L-BFGS may take."""


class Descent:
    """A picture on its way down the objective, one `step` at a time.

    Args:
        start: (1, 3, H, W) RGB in [-1, 1], the picture to begin with, on the device of the objective.
        photo: the same shape, what the content loss holds to.
        objective: what to descend.
        optimizer: ``"adam"``, a step of which is one forward and one backward pass through the loss network,
            or ``"lbfgs"`` (with a line search that keeps the strong Wolfe conditions), which falls faster and
            whose steps take one pass or several.
        lr: step size; that of `STEP_SIZES` if not given.
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
        self.pixels = ((start + 1) / 2).contiguous().requires_grad_(True)  # L-BFGS takes no channels-last
        lr = STEP_SIZES[optimizer] if lr is None else lr
        self.optimizer: torch.optim.Optimizer
        if optimizer == "adam":
            self.optimizer = torch.optim.Adam([self.pixels], lr=lr)
        else:
            # max_eval bounds the line search too: with its default, a quarter more than max_iter, there would
            # be none.
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
    def picture(self) -> Tensor:
        """The picture as it is now, (1, 3, H, W) in [-1, 1]."""
        return self.pixels.detach().clamp(0, 1) * 2 - 1

    def terms(self) -> Terms:
        """The objective of the picture as it is now."""
        with torch.no_grad():
            return self.objective(self.pixels * 2 - 1, target=self.target)

    def step(self) -> Terms:
        """Move once; gives the terms of the objective before the move."""
        if isinstance(self.optimizer, torch.optim.Adam):
            terms = self._evaluate()
            self.optimizer.step()
            with torch.no_grad():
                self.pixels.clamp_(0, 1)
            return terms
        first: list[Terms] = []

        def closure() -> Tensor:
            # The line search ends where it evaluated last, nearly always, and the next step begins with the
            # same picture.
            if self._known is None or not torch.equal(self._known[0], self.pixels):
                terms = self._evaluate()
                self._known = (self.pixels.detach().clone(), terms, self.pixels.grad.contiguous().clone())  # type: ignore[union-attr]
            _, terms, self.pixels.grad = self._known
            first.append(terms)
            return terms.total

        before = self.pixels.detach().clone()
        self.optimizer.step(closure)  # type: ignore[arg-type]
        if torch.equal(before, self.pixels):
            # No point of the line was lower, and the next step would try the same line: what is remembered no
            # longer fits, so begin anew downhill.
            self.optimizer.state.clear()
        return first[0]

    def _evaluate(self) -> Terms:
        with torch.enable_grad():
            terms: Terms = self.objective(self.pixels * 2 - 1, target=self.target)
            self.optimizer.zero_grad(set_to_none=True)
            terms.total.backward()
        return Terms(*(term.detach() for term in terms))


def optimise(
    photo: Tensor,
    objective: Objective,
    iterations: int,
    lr: float = STEP_SIZES["adam"],
    callback: Callable[[int, float], None] | None = None,
) -> tuple[Tensor, list[float]]:
    """Repaint one photo by Adam on its pixels, from the photo: what networks are compared with, since its
    steps all cost the same.

    Args:
        photo: (1, 3, H, W) RGB in [-1, 1], on the device of the objective.
        objective: what to descend.
        iterations: steps of Adam.
        lr: step size on the scale where black is 0 and white is 1; pixels are held to it after every step.
        callback: called with the number of steps taken and the objective there.

    Returns:
        The picture, (1, 3, H, W) in [-1, 1], and the curve: the objective after 0, 1, ..., `iterations`
        steps, so `iterations` + 1 values.

    Raises:
        TrainingError: the objective stopped being a number.
    """
    descent = Descent(photo, photo, objective, lr=lr)
    curve: list[float] = []
    for step in range(iterations + 1):
        curve.append(float((descent.step() if step < iterations else descent.terms()).total))
        if not math.isfinite(curve[-1]):
            raise TrainingError(
                f"the objective is {curve[-1]} after {step} iterations; use a smaller step size or weights"
            )
        if callback is not None:
            callback(step, curve[-1])
    return descent.picture, curve


def iterations_to_reach(curve: list[float], value: float) -> float | None:
    """How many iterations bring `curve` (as returned by `optimise`) down to `value`, interpolated between two
    steps; None if it never gets there.
    """
    if curve[0] <= value:
        return 0.0
    for step in range(1, len(curve)):
        before, after = curve[step - 1], curve[step]
        if after <= value:
            return step - 1 + (before - value) / (before - after)
    return None
