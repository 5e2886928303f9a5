"""Generators and discriminators of `fststyle gan train`, for images of 28, 32, 64 or 128 pixels.

* ``mlp``: fully connected networks, after Goodfellow et al. 2014 (arXiv:1406.2661).
* ``dcgan``: Radford et al. 2016 (arXiv:1511.06434): strided and transposed convolutions, batch norm,
  LeakyReLU with slope 0.2 in the discriminator, and normally distributed initial weights with a standard
  deviation of 0.02.
* ``wgan-gp``: the same generator. The discriminator has no batch norm, since the gradient penalty applies to
  each image separately (Gulrajani et al. 2017, arXiv:1704.00028, section 4).

Departures:

* Nearest-neighbor upsampling and a 3x3 convolution instead of transposed convolutions, which cause grid
  artifacts (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
* The convolutional discriminators also score groups of images (`Score`), so that the generator draws all
  classes equally often. wgan-gp includes this score too, although it couples the images of a batch slightly.
* 4x4 kernels in the discriminator instead of the 5x5 kernels of DCGAN.
* At most 8 x ``width`` channels.
"""

import copy
import itertools

import torch
from torch import Tensor, nn

from fststyle.train.networks.classifier import halvings

LARGE = 64
"""Smallest side of the images, in pixels, for which the generator ends in two convolutions. With one
convolution, the blocks of the last upsampling are visible.
"""


class Gan(nn.Module):
    """A generator, a discriminator, and ``average``, a copy of the generator for the moving average of its
    weights.

    Args:
        kind: "mlp", "dcgan" or "wgan-gp".
        side: side of the images in pixels: 28, or a power of two that is at least 16; for mlp, any number.
        channels: number of color channels of the images, 1 or 3.
        latent: dimension of the latent vector.
        width: channels of the layer next to the image. The hidden layers of mlp have 8, 16 and 32 times as
            many units.

    Raises:
        ValueError: `kind` is unknown, or `side` is not supported.
    """

    def __init__(self, kind: str, side: int, channels: int, latent: int = 64, width: int = 32):
        super().__init__()
        if kind not in ("mlp", "dcgan", "wgan-gp"):
            raise ValueError(f"unknown kind of GAN: {kind!r}; use mlp, dcgan or wgan-gp")
        self.generator: nn.Module
        if kind == "mlp":
            self.generator = _dense_generator(side, channels, latent, width)
            self.discriminator = _dense_discriminator(side, channels, width)
        else:
            self.generator = Generator(side, channels, latent, width)
            self.discriminator = _discriminator(side, channels, width, norms=kind == "dcgan")
            self.apply(_small_weights)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)


class Generator(nn.Module):
    """Convolutional generator, which maps latent vectors to images.

    It computes a feature map of 7x7 or 4x4 pixels from the latent vector, and upsamples it by a factor of 2
    until it has the size of the image.

    Args:
        side, channels, latent, width: as in `Gan`.
    """

    def __init__(self, side: int, channels: int, latent: int, width: int):
        super().__init__()
        start, levels = _start(side)
        widths = [width * min(8, 2 ** (levels - 1 - level)) for level in range(levels)]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent, widths[0], start, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for before, after in itertools.pairwise(widths):
            layers += [
                nn.Upsample(scale_factor=2),
                _conv(before, after, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        layers.append(nn.Upsample(scale_factor=2))
        if side >= LARGE:
            layers += [_conv(widths[-1], widths[-1], bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        self.layers = nn.Sequential(*layers, _conv(widths[-1], channels), nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        """Return images (N, C, S, S) in [-1, 1] from latent vectors (N, Z)."""
        drawn: Tensor = self.layers(latent[:, :, None, None])
        return drawn


def _conv(before: int, after: int, bias: bool = True) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size."""
    # Zero padding would cause a visible frame around every image.
    return nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate", bias=bias)


class Score(nn.Module):
    """Final layer of a discriminator. For each image, it returns the sum of a score of the image and a
    score of the group of images that it belongs to.

    A group has `GROUP` images. If the batch size is not a multiple of `GROUP`, the whole batch is one group.
    The group score is computed from the mean and the standard deviation of each channel over the images of
    the group, and from the minibatch standard deviation of Karras et al. 2018 (arXiv:1710.10196, section 3).
    It lets the discriminator detect that the generator draws some classes too often or lacks diversity.
    The idea is that of minibatch discrimination (Salimans et al. 2016, arXiv:1606.03498, section 3.2); the
    means are our addition.

    Args:
        channels: channels of the feature map.
        side: side of the feature map in pixels.
    """

    GROUP = 32
    UNITS = 64

    def __init__(self, channels: int, side: int):
        super().__init__()
        self.one = nn.Conv2d(channels, 1, side)
        self.group = nn.Sequential(
            nn.Linear(2 * channels + 1, self.UNITS), nn.LeakyReLU(0.2), nn.Linear(self.UNITS, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (N, 1) of feature maps (N, `channels`, `side`, `side`)."""
        size = self.GROUP if len(x) % self.GROUP == 0 else len(x)
        groups = x.unflatten(0, (size, -1))
        features = groups.mean((3, 4))
        found = torch.cat(
            [features.mean(0), _deviation(features), _deviation(groups).mean((1, 2, 3))[:, None]], 1
        )
        scores: Tensor = self.one(x).flatten(1) + self.group(found).repeat(size, 1)
        return scores


def _deviation(groups: Tensor) -> Tensor:
    """Return the standard deviation along the first axis."""
    # Without the constant, the gradient of the square root is infinite where all images are equal.
    return (groups.var(0, unbiased=False) + 1e-8).sqrt()


def _discriminator(side: int, channels: int, width: int, norms: bool) -> nn.Sequential:
    """Return a convolutional discriminator that maps images (N, C, S, S) to scores (N, 1). With `norms`, all
    convolutions but the first are followed by batch norm.
    """
    start, levels = _start(side)
    layers: list[nn.Module] = []
    before = channels
    for level in range(levels):
        after = width * min(8, 2**level)
        norm = norms and level > 0
        layers += [
            nn.Conv2d(before, after, 4, 2, 1, bias=not norm),
            *([nn.BatchNorm2d(after)] if norm else []),
            nn.LeakyReLU(0.2),
        ]
        before = after
    return nn.Sequential(*layers, Score(before, start))


def _start(side: int) -> tuple[int, int]:
    """Return the side of the smallest feature map, 7 or 4 pixels, and the number of doublings from it to
    `side`.
    """
    levels = halvings(side) + (side != 28)
    return side >> levels, levels


def _dense_generator(side: int, channels: int, latent: int, width: int) -> nn.Sequential:
    """Return a fully connected generator: latent vectors (N, Z) -> images (N, C, S, S) in [-1, 1]."""
    layers: list[nn.Module] = []
    before = latent
    for units in (8 * width, 16 * width, 32 * width):
        layers += [nn.Linear(before, units), nn.LeakyReLU(0.2)]
        before = units
    return nn.Sequential(
        *layers, nn.Linear(before, channels * side * side), nn.Tanh(), nn.Unflatten(1, (channels, side, side))
    )


def _dense_discriminator(side: int, channels: int, width: int) -> nn.Sequential:
    """Return a fully connected discriminator: images (N, C, S, S) -> scores (N, 1)."""
    layers: list[nn.Module] = [nn.Flatten()]
    before = channels * side * side
    for units in (32 * width, 16 * width, 8 * width):
        layers += [nn.Linear(before, units), nn.LeakyReLU(0.2), nn.Dropout(0.3)]
        before = units
    return nn.Sequential(*layers, nn.Linear(before, 1))


def _small_weights(module: nn.Module) -> None:
    """Initialize a layer as in DCGAN: normally distributed convolution kernels with mean 0 and batch norm
    scales with mean 1, both with a standard deviation of 0.02, and biases of 0. Other layers are unchanged.
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
