"""The training step of `fststyle keyframe train`."""

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fststyle.arrays import RGB
from fststyle.train.compute import Compute
from fststyle.train.data.loader import to_tensor
from fststyle.train.keyframe.motion import Motion, motion, motion_loss
from fststyle.train.keyframe.settings import KeyframeSettings
from fststyle.train.keyframe.shot import Shot
from fststyle.train.losses.clamp import clamp_output
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.johnson import content_loss
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle, smaller
from fststyle.train.networks.live import Live
from fststyle.train.networks.vgg import VGG16
from fststyle.train.optimizer_step import minimize
from fststyle.train.style.trainer import learning_rate, optimizer_for

FEATURE_LAYERS = ("relu1_2", "relu2_2", "relu3_3")
"""VGG-16 layers of the feature loss, which have equal weights."""
GRAIN = 3.0
"""Standard deviation (0-255) of the noise that is added to the second of two consecutive frames."""
_MULTIPLE = 16
"""The sides of the stylized windows are multiples of this number of pixels, and thus of the stride."""

PIXEL_SCALES = (1, 4, 16)
"""Downscaling factors of the pixel loss."""

Window = tuple[slice, slice]
"""Rows and columns of an image."""


class Sample(NamedTuple):
    """The input of one step.

    Args:
        pair: index in `Shot.pairs` of a frame with a painted version.
        pair_window: the part of this frame that is stylized.
        pair_patch: the part of `pair_window`, relative to it, that is compared with the painted version.
        neighbors: index of two consecutive frames in `Shot.neighbors`.
        window: the part of the consecutive frames that is stylized.
        patch: the part of `window`, relative to it, that the style loss and the grid loss use. The temporal
            loss uses all of `window`.
    """

    pair: int
    pair_window: Window
    pair_patch: Window
    neighbors: int
    window: Window
    patch: Window


def samples(shot: Shot, settings: KeyframeSettings, start: int, steps: int) -> Iterator[Sample]:
    """Yield the samples of the steps `start` .. `steps` - 1. Each depends only on the seed, the step and the
    shot.
    """
    height, width = shot.pairs[0].frame.shape[:2]
    for number in range(start, steps):
        rng = np.random.default_rng((settings.seed, number))
        # Cycle through the painted frames.
        pair = number % len(shot.pairs)
        neighbors = int(rng.integers(len(shot.neighbors)))
        first, second = (_window((height, width), settings.window, rng, multiple=_MULTIPLE) for _ in range(2))
        patches = [
            _window((where[0].stop - where[0].start, where[1].stop - where[1].start), settings.size, rng)
            for where in (first, second)
        ]
        yield Sample(pair, first, patches[0], neighbors, second, patches[1])


def _window(size: tuple[int, int], most: int, rng: np.random.Generator, multiple: int = 1) -> Window:
    """Return a randomly placed part of a frame. Its sides are as large as the arguments allow.

    Args:
        size: size (H, W) of the frame.
        most: largest side of the part, in pixels.
        rng: source of randomness.
        multiple: the sides of the part are multiples of this number.
    """
    places = []
    for side in size:
        length = max(multiple, min(side, most) // multiple * multiple)
        first = int(rng.integers(max(0, side - length) + 1))
        places.append(slice(first, first + length))
    return places[0], places[1]


def pixel_loss(stylized: Tensor, painted: Tensor) -> Tensor:
    """Return the pixel loss, (N,): the absolute difference of pixel values in 0..1, averaged over the pixels
    and over the image scales 1, 1/4 and 1/16 (`PIXEL_SCALES`).

    With a loss at full size alone, the network would average brush strokes whose positions it cannot predict.
    At the smaller scales, the loss compares the colors of regions, independently of the strokes.

    Args:
        stylized: the output of the network, (N, 3, H, W) in [-1, 1].
        painted: the painted frame, of the same shape.
    """
    difference = stylized - painted
    terms = [smaller(difference, scale).abs().mean((1, 2, 3)) for scale in PIXEL_SCALES]
    return torch.stack(terms).mean(0) / 2


class Trainer:
    """Trains one network on the painted frames of a shot.

    The network stylizes a window of a frame, by default most of the frame, so that the statistics of its
    instance norm are close to those of a whole frame, as at inference. All losses except the temporal loss
    are computed on a random patch of the window.

    Args:
        settings: the settings of the training run.
        compute: device and precision.
        vgg: the loss network, with replicate padding.
        shot: the frames and the painted frames.
        net: the network, on the device.
        optimizer: the optimizer of its parameters.
        styles: the style loss against each painted frame, in the order of `Shot.pairs`; default: created from
            the shot.
    """

    def __init__(
        self,
        settings: KeyframeSettings,
        compute: Compute,
        vgg: VGG16,
        shot: Shot,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        styles: list[MultiscaleStyle] | None = None,
    ):
        self.settings, self.compute, self.shot = settings, compute, shot
        self.vgg, self.net, self.optimizer = compute.place(vgg), net, optimizer
        self.stride = int(net.stride)  # type: ignore[arg-type]
        self.styles = styles or [
            compute.place(MultiscaleStyle(self.vgg, compute.place(to_tensor(pair.painted)[None]), 0.6, 1))
            for pair in shot.pairs
        ]

    def trial(self) -> "Trainer":
        """Return a trainer with a copy of the network and a new optimizer, to measure the time of a step."""
        net = copy.deepcopy(self.net)
        optimizer = optimizer_for(net, self.settings)
        return Trainer(self.settings, self.compute, self.vgg, self.shot, net, optimizer, self.styles)

    def step(self, number: int, sample: Sample) -> dict[str, Tensor]:
        """Run one training step.

        Args:
            number: index of the step, counted from 0.
            sample: the input of the step.

        Returns:
            Scalars by name: the weighted losses, and "loss", their sum, which is minimized.
        """
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, number)
        random = settings.seed * 1_000_003 + number
        # The network draws a random offset of its noise field. The step seeds the draw, so that a resumed run
        # is identical to an uninterrupted one.
        with self.compute.autocast(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            losses = {**self._pair_losses(sample), **self._shot_losses(sample, random)}
        loss = torch.stack([value.mean() for value in losses.values()]).sum()
        minimize(self.optimizer, loss)
        if isinstance(self.net, Live):
            self.net.constrain()
        return {"loss": loss.detach(), **{name: value.detach().mean() for name, value in losses.items()}}

    def _tensor(self, rgb: RGB, window: Window) -> Tensor:
        """Return a window of an image, uint8 (H, W, 3), as (1, 3, h, w) in [-1, 1] on the device."""
        placed: Tensor = self.compute.place(to_tensor(rgb[window])[None])
        return placed

    def _pair_losses(self, sample: Sample) -> dict[str, Tensor]:
        """Return the weighted pixel loss and feature loss against the painted frame, as in Texler et al.
        2020, (1,) each.

        The feature loss is relative to the mean square of the activations of the painted frame.
        """
        pair, patch = self.shot.pairs[sample.pair], (..., *sample.pair_patch)
        stylized = clamp_output(self.net(self._tensor(pair.frame, sample.pair_window)).float())[patch]
        painted = self._tensor(pair.painted, sample.pair_window)[patch]
        with torch.no_grad():
            targets = self.vgg(painted, FEATURE_LAYERS)
        found = self.vgg(stylized, FEATURE_LAYERS)
        features = sum(
            content_loss(found[name], targets[name]) / targets[name].float().square().mean()
            for name in FEATURE_LAYERS
        ) / len(FEATURE_LAYERS)
        return {
            "pixel": self.settings.pixel_weight * pixel_loss(stylized, painted),
            "feature": self.settings.feature_weight * features,
        }

    def _shot_losses(self, sample: Sample, random: int) -> dict[str, Tensor]:
        """Return the weighted losses on two consecutive frames, (1,) each: the style loss against the nearest
        painted frame (Futschik et al. 2021), the grid loss and, unless ``steady_weight`` is 0, the temporal
        loss along the optical flow. `random` is the seed of the noise that is added to the second frame.
        """
        settings = self.settings
        number, before, after = self.shot.neighbors[sample.neighbors]
        first = self._tensor(before, sample.window)
        stylized = clamp_output(self.net(first).float())
        part = stylized[(..., *sample.patch)]
        losses = {
            "style": settings.style_weight
            * self.styles[self.shot.nearest(number)](
                part, first[(..., *sample.patch)], self.vgg(part, LAYERS[1])
            ),
            "grid": settings.grid_weight * grid_artifact_loss(part, self.stride),
        }
        if settings.steady_weight:
            second = self._tensor(after, sample.window)
            noise = torch.randn(second.shape[1:], generator=torch.Generator().manual_seed(random)).to(second)
            next_stylized = clamp_output(self.net((second + noise * (GRAIN / 127.5)).clamp(-1, 1)).float())
            moved = motion(before[sample.window], after[sample.window])
            moved = Motion(*(value.to(stylized.device) for value in moved))
            losses["temporal"] = settings.steady_weight * motion_loss(stylized, next_stylized, moved)
        return losses
