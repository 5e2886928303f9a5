"""Warnings of an adversarial training that goes wrong, from its losses; each is given once."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 200
"""Steps over which the losses are averaged, and the first ones about which nothing is said."""


@dataclass
class Watch:
    """Told the losses of each step, it tells `on_message` when one of them has left the range in which
    anything is learned.

    Args:
        lowest, highest: for a loss by its name, the mean over `PATIENCE` steps below or above which there is
            something to say, and what.
        on_message: who hears it.
    """

    lowest: dict[str, tuple[float, str]]
    highest: dict[str, tuple[float, str]]
    on_message: Callable[[str], None]
    means: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    said: set[str] = field(default_factory=set)

    def __call__(self, losses: dict[str, float]) -> None:
        """Hear the losses of one step."""
        self.steps += 1
        for name, value in losses.items():
            if math.isfinite(value):
                share = max(1 / self.steps, 1 / PATIENCE)
                self.means[name] = self.means.get(name, 0.0) * (1 - share) + value * share
        if self.steps < PATIENCE:
            return
        for bounds, sign in ((self.lowest, 1), (self.highest, -1)):
            for name, (bound, text) in bounds.items():
                if name in self.means and sign * (self.means[name] - bound) < 0 and text not in self.said:
                    self.said.add(text)
                    self.on_message(f"warning: {text}")
