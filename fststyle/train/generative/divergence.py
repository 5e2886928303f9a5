"""Detection of divergence in adversarial training."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 200
"""Time constant of the moving averages, in steps. There is no warning before this number of steps."""


@dataclass
class DivergenceMonitor:
    """Callable that reports a message when the moving average of a loss leaves its normal range. Each message
    is reported once.

    Args:
        lowest: maps the name of a loss to its lower limit and the message for an average below this limit.
        highest: maps the name of a loss to its upper limit and the message for an average above this limit.
        on_message: called with "warning: " followed by the message.
        means: the moving averages, by name of the loss.
        steps: number of steps so far.
        said: the messages that were already reported.
    """

    lowest: dict[str, tuple[float, str]]
    highest: dict[str, tuple[float, str]]
    on_message: Callable[[str], None]
    means: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    said: set[str] = field(default_factory=set)

    def __call__(self, losses: dict[str, float]) -> None:
        """Update the moving averages with the losses of one step. From step `PATIENCE` on, report averages
        beyond their limits. Losses that are not finite are ignored.
        """
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
