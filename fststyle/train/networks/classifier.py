"""A small convolutional classifier. Its penultimate layer also provides the features for evaluating generated
images.
"""

import math

from torch import Tensor, nn


class Classifier(nn.Module):
    """Convolutional image classifier, which returns logits and the features of its penultimate layer.

    It consists of pairs of 3x3 convolutions with batch norm (Ioffe and Szegedy 2015), each pair followed by
    2x2 max pooling, and of two linear layers.

    Args:
        side: side of the images in pixels: 28, or a power of two that is at least 16.
        channels: number of color channels of the images, 1 or 3.
        classes: number of classes.
        width: channels of the first pair. Each downsampling doubles them, up to a factor of eight.
        features: number of units of the penultimate layer.

    Raises:
        ValueError: `side` is not supported.
    """

    def __init__(self, side: int, channels: int, classes: int, width: int = 16, features: int = 128):
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for level in range(halvings(side)):
            after = width * 2 ** min(level, 3)
            for _ in range(2):
                # With the default momentum, 0.1, the running statistics converge too slowly for short runs.
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
        """Return logits (N, classes) and features (N, features) of images (N, C, S, S) in [-1, 1]."""
        features = self.body(x)
        return self.head(self.drop(features)), features


def halvings(side: int) -> int:
    """Return the number of halvings that reduce `side` to 7 pixels (from 28) or 8 (from a power of two).

    Raises:
        ValueError: `side` is neither 28 nor a power of two that is at least 16.
    """
    if side == 28:
        return 2
    if side < 16 or side & (side - 1):
        raise ValueError(f"the image side must be 28 or a power of two, at least 16 pixels, not {side}")
    return round(math.log2(side / 8))
