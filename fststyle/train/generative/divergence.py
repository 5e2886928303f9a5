"""Warnings about divergence of an adversarial training, based on its losses. Each is reported once."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 200
"""Steps over which the losses are averaged. There are no warnings before this many steps."""


@dataclass
class DivergenceMonitor:
    """Calls `on_message` when the mean of a loss over `PATIENCE` steps leaves its normal range.

    Args:
        lowest, highest: limit and message per loss name.
        on_message: called with the message.
    """

    lowest: dict[str, tuple[float, str]]
    highest: dict[str, tuple[float, str]]
    on_message: Callable[[str], None]
    means: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    said: set[str] = field(default_factory=set)

    def __call__(self, losses: dict[str, float]) -> None:
        """Update with the losses of one step."""
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
