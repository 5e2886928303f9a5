"""A small convolutional classifier, whose last layer but one is also the eye of the judges of generated
pictures.
"""

import math

from torch import Tensor, nn


class Classifier(nn.Module):
    """Pairs of 3x3 convolutions with batch norm (Ioffe and Szegedy 2015), the picture halved after each pair,
    then two linear layers.

    Args:
        side: of the pictures, 28 or a power of two from 16.
        channels: 1 or 3.
        classes: how many.
        width: channels of the first pair; each halving doubles them, up to eight times.
        features: numbers in the last layer but one.
    """

    def __init__(self, side: int, channels: int, classes: int, width: int = 16, features: int = 128):
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for level in range(halvings(side)):
            after = width * 2 ** min(level, 3)
            for _ in range(2):
                # A short memory: what it is tested with must have caught up after a dozen steps.
                layers += [
                    nn.Conv2d(before, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after, momentum=0.3),
                    nn.ReLU(),
                ]
                before = after
            layers.append(nn.MaxPool2d(2))
        last = side >> halvings(side)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * last * last, features), nn.ReLU())
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, S, S) in [-1, 1] -> the logits (N, classes) and the features (N, features)."""
        features = self.body(x)
        return self.head(self.drop(features)), features


def halvings(side: int) -> int:
    """How often a picture is halved to come down to 7 (from 28) or 8 (from powers of two)."""
    if side == 28:
        return 2
    if side < 16 or side & (side - 1):
        raise ValueError(f"no network for pictures of {side} pixels")
    return round(math.log2(side / 8))
