"""Style transfer by optimising the picture itself: slow, one picture at a time, and the yardstick for every trained network.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016). Departures, so that its curve can be laid beside
a network's result: the layers and scales of `fststyle.train.objective` (VGG-16) instead of VGG-19's; it starts from the photo, not from noise;
and Adam on pixels instead of L-BFGS, whose steps hide several evaluations each and so do not count evenly.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fststyle.errors import TrainingError
from fststyle.train.objective import Objective


def optimise(
    photo: Tensor, objective: Objective, iterations: int, lr: float = 0.03, callback: Callable[[int, float], None] | None = None
) -> tuple[Tensor, list[float]]:
    """Repaint one photo by gradient descent on its pixels.

    Args:
        photo: (1, 3, H, W) RGB in [-1, 1], on the device of the objective.
        objective: what to descend.
        iterations: steps of Adam; each costs one forward and one backward pass through the loss network.
        lr: step size on the scale where black is 0 and white is 1; pixels are held to it after every step.
        callback: called with the number of steps taken and the objective there.

    Returns:
        The picture, (1, 3, H, W) in [-1, 1], and the curve: the objective after 0, 1, ..., `iterations` steps, so `iterations` + 1 values.

    Raises:
        TrainingError: the objective stopped being a number.
    """
    target = objective.target(photo)
    pixels = ((photo + 1) / 2).requires_grad_(True)
    adam = torch.optim.Adam([pixels], lr=lr)
    curve: list[float] = []
    for step in range(iterations + 1):
        last = step == iterations
        with torch.set_grad_enabled(not last):
            total = objective(pixels * 2 - 1, target=target).total
        curve.append(float(total.detach()))
        if not torch.isfinite(total):
            raise TrainingError(f"the objective is {curve[-1]} after {step} iterations; use a smaller step size or weights")
        if callback is not None:
            callback(step, curve[-1])
        if last:
            break
        adam.zero_grad(set_to_none=True)
        total.backward()
        adam.step()
        with torch.no_grad():
            pixels.clamp_(0, 1)
    return pixels.detach() * 2 - 1, curve


def iterations_to_reach(curve: list[float], value: float) -> float | None:
    """How many iterations bring `curve` (as returned by `optimise`) down to `value`, interpolated between two steps; None if it never gets there."""
    if curve[0] <= value:
        return 0.0
    for step in range(1, len(curve)):
        before, after = curve[step - 1], curve[step]
        if after <= value:
            return step - 1 + (before - value) / (before - after)
    return None
