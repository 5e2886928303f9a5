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
from fststyle.train.keyframe.motion import motion, motion_loss
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
GRAIN = 3.0
"""Standard deviation of the noise (0-255) on the second of two consecutive frames."""
_MULTIPLE = 16

PIXEL_SCALES = (1, 4, 16)
"""Factors of downscaling at which pixels are compared."""

Window = tuple[slice, slice]


class Sample(NamedTuple):
    """The input of one step: an index of a painted frame and one of consecutive frames, with their windows,
    and the patches within the windows.
    """

    pair: int
    pair_window: Window
    pair_patch: Window
    neighbors: int
    window: Window
    patch: Window


def samples(shot: Shot, settings: KeyframeSettings, start: int, steps: int) -> Iterator[Sample]:
    """The samples of the steps `start` .. `steps` - 1, each a function of the seed and the step."""
    height, width = shot.pairs[0].frame.shape[:2]
    for number in range(start, steps):
        rng = np.random.default_rng((settings.seed, number))
        # All pairs before any of them again, as the frames.
        pair = number % len(shot.pairs)
        neighbors = int(rng.integers(len(shot.neighbors)))
        first, second = (_window((height, width), settings.window, rng, multiple=_MULTIPLE) for _ in range(2))
        patches = [
            _window((where[0].stop - where[0].start, where[1].stop - where[1].start), settings.size, rng)
            for where in (first, second)
        ]
        yield Sample(pair, first, patches[0], neighbors, second, patches[1])


def _window(size: tuple[int, int], most: int, rng: np.random.Generator, multiple: int = 1) -> Window:
    """A random part of a frame of ``size`` (H, W), with sides of at most ``most`` pixels, and multiples of
    ``multiple`` pixels.
    """
    places = []
    for side in size:
        length = max(multiple, min(side, most) // multiple * multiple)
        first = int(rng.integers(max(0, side - length) + 1))
        places.append(slice(first, first + length))
    return places[0], places[1]


def pixel_loss(painted: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of two (N, 3, H, W) in [-1, 1], as if in 0..1: (N,), mean over `PIXEL_SCALES`.

    At the full size alone, strokes whose place the network cannot predict are averaged away. Small sizes
    compare the colors of regions, whatever the strokes are.
    """
    difference = painted - wanted
    terms = [smaller(difference, scale).abs().mean((1, 2, 3)) for scale in PIXEL_SCALES]
    return torch.stack(terms).mean(0) / 2


class Trainer:
    """Trains one network on the painted frames of a shot.

    The network stylizes a window of a frame, by default most of it, so that its instance norm has nearly the
    statistics of a whole frame, as at inference. The losses are computed on a random patch of the window.
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
        """The same training with a copy of the network, for the measurement of its speed."""
        net = copy.deepcopy(self.net)
        optimizer = optimizer_for(net, self.settings)
        return Trainer(self.settings, self.compute, self.vgg, self.shot, net, optimizer, self.styles)

    def step(self, number: int, sample: Sample) -> dict[str, Tensor]:
        """Run one training step. Returns the weighted losses; "loss" is their sum, which is minimized."""
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, number)
        random = settings.seed * 1_000_003 + number
        # The network draws a random offset of its noise field. Seed it by the step, so that a resumed
        # training is exact.
        with self.compute.autocast(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            losses = {**self._pair_losses(sample), **self._shot_losses(sample, random)}
        loss = torch.stack([value.mean() for value in losses.values()]).sum()
        minimize(self.optimizer, loss)
        if isinstance(self.net, Live):
            self.net.constrain()
        return {"loss": loss.detach(), **{name: value.detach().mean() for name, value in losses.items()}}

    def _tensor(self, rgb: RGB, window: Window) -> Tensor:
        placed: Tensor = self.compute.place(to_tensor(rgb[window])[None])
        return placed

    def _pair_losses(self, sample: Sample) -> dict[str, Tensor]:
        """Distance to the painted frame: mean absolute difference and features, as in Texler et al. 2020,
        without their adversarial term.
        """
        pair, patch = self.shot.pairs[sample.pair], (..., *sample.pair_patch)
        painted = clamp_output(self.net(self._tensor(pair.frame, sample.pair_window)).float())[patch]
        wanted = self._tensor(pair.painted, sample.pair_window)[patch]
        with torch.no_grad():
            targets = self.vgg(wanted, FEATURE_LAYERS)
        found = self.vgg(painted, FEATURE_LAYERS)
        features = sum(
            content_loss(found[name], targets[name]) / targets[name].float().square().mean()
            for name in FEATURE_LAYERS
        ) / len(FEATURE_LAYERS)
        return {
            "pixel": self.settings.pixel_weight * pixel_loss(painted, wanted),
            "feature": self.settings.feature_weight * features,
        }

    def _shot_losses(self, sample: Sample, random: int) -> dict[str, Tensor]:
        """Style of the nearest painted frame on another frame (Futschik et al. 2021), and the
        difference along the optical flow to the next one.
        """
        settings = self.settings
        number, before, after = self.shot.neighbors[sample.neighbors]
        first = self._tensor(before, sample.window)
        painted = clamp_output(self.net(first).float())
        part = painted[(..., *sample.patch)]
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
            repainted = clamp_output(self.net((second + noise * (GRAIN / 127.5)).clamp(-1, 1)).float())
            moved = motion(before[sample.window], after[sample.window])
            moved = type(moved)(*(value.to(painted.device) for value in moved))
            losses["temporal"] = settings.steady_weight * motion_loss(painted, repainted, moved)
        return losses
