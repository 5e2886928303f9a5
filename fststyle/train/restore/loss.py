"""Objective of the restoration: style, patch, color and tone loss of the hole (the damaged pixels) against
its surroundings.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.networks.vgg import VGG16
from fststyle.train.restore.windows import depth

FEATURE_SIDE = 3
"""Side of the patches of features, in positions."""
COLOR_SIDE = 7
"""Side of the patches of pixels, in pixels."""
MOST = 16_384
"""Maximum number of intact patches that are compared. If there are more, a random subset is used."""
AT_ONCE = 1024
"""Number of patches in the hole that are compared at once, which limits the memory use."""


class Terms(NamedTuple):
    """The weighted terms of the objective, scalars."""

    style: Tensor
    patch: Tensor
    color: Tensor
    tone: Tensor

    @property
    def total(self) -> Tensor:
        """The sum of the terms, which is minimized."""
        return self.style + self.patch + self.color + self.tone


class Patches:
    """Compares the patches of a feature map: each patch that overlaps the hole with the intact patch most
    similar to it. If there are more than `MOST` intact patches, a random subset is used.

    Args:
        found: the feature map that the intact patches are taken from, (1, C, h, w).
        damaged: bool (h, w), the positions inside the hole.
        unusable: bool (h, w), the positions that no intact patch may contain.
        side: side of the patches, an odd number of positions.
        normalized: if True, similarity is the normalized correlation; if False, it is the negative squared
            difference.
    """

    def __init__(self, found: Tensor, damaged: Tensor, unusable: Tensor, side: int, normalized: bool):
        self.side, self.normalized = side, normalized
        around = F.max_pool2d(damaged[None, None].float(), side, 1, side // 2)[0, 0] > 0
        whole = F.max_pool2d(unusable[None, None].float(), side, 1, side // 2)[0, 0] == 0
        self.places = around.flatten().nonzero().flatten()
        known = self._all(found)[:, whole.flatten()]
        if known.shape[1] > MOST:
            chance = torch.Generator().manual_seed(0)
            some = torch.randperm(known.shape[1], generator=chance)[:MOST].sort().values
            known = known[:, some.to(known.device)]
        self.known = known
        spread = known if normalized else known - known.mean()
        self.scale = spread.square().mean()
        self.chosen = torch.zeros_like(self.places)

    @property
    def usable(self) -> bool:
        """Whether there is at least one intact patch, and at least one that overlaps the hole."""
        return bool(self.known.shape[1] and len(self.places))

    def _all(self, found: Tensor) -> Tensor:
        """Return the patches around all positions of a feature map (1, C, h, w), as the columns of a matrix,
        (C * side * side, h * w).
        """
        margin = self.side // 2
        return F.unfold(F.pad(found.float(), (margin,) * 4, mode="replicate"), self.side)[0]

    def choose(self, found: Tensor) -> None:
        """Find the most similar intact patch for each patch of `found`, (1, C, h, w), that overlaps the hole.

        The search runs in float32, since bfloat16 cannot distinguish the correlations of similar patches.
        """
        with torch.autocast(found.device.type, enabled=False):
            self._choose(found)

    def _choose(self, found: Tensor) -> None:
        queries, known = self._all(found)[:, self.places], self.known
        if self.normalized:
            queries, known, half = F.normalize(queries, dim=0), F.normalize(known, dim=0), None
        else:
            half = known.square().sum(0) / 2
        # For a large hole, all similarities at once would take gigabytes.
        chosen = []
        for some in queries.split(AT_ONCE, dim=1):
            similarity = some.T @ known
            chosen.append((similarity if half is None else similarity - half).argmax(1))
        self.chosen = torch.cat(chosen)

    def loss(self, found: Tensor) -> Tensor:
        """Return the mean squared difference, a scalar, between the patches of `found`, (1, C, h, w), that
        overlap the hole and the intact patches that the last call of `choose` selected for them.

        It is divided by the mean square of the intact patches or, if `normalized` is False, by their
        variance.
        """
        queries = self._all(found)[:, self.places]
        return (queries - self.known[:, self.chosen]).square().mean() / self.scale.clamp(min=1e-6)


class Surroundings:
    """The losses that compare the hole of an image with its surroundings, in VGG-16 features and in pixels.

    Style loss: as in `fststyle gatys`, the squared difference between two Gram matrices (Gatys et al. 2016).
    The first is computed from the features inside the hole. The second, which is the target, is computed from
    the features at intact positions. Each matrix is divided by its number of positions. The loss is relative
    to the mean square of the target.

    Patch loss: the squared difference between each 3x3 patch of features that overlaps the hole and the
    intact patch with the highest normalized correlation (Li and Wand 2016, "Combining Markov Random Fields
    and Convolutional Neural Networks for Image Synthesis", arXiv:1601.04589), relative to the mean square of
    the intact features. Patches across the edge contain intact features, so that forms continue into the
    hole.

    Color loss: the same for 7x7 patches of pixels and the intact patch with the smallest difference (Wexler
    et al. 2007, "Space-Time Completion of Video"), relative to the variance of the intact pixels. Without it,
    the optimization leaves noise of single pixels in the hole and a line along its edge.

    Tone loss: the squared difference from the smooth filling in `image`, relative to the variance of the
    intact pixels. Before squaring, the difference is averaged over squares of about the width of the hole.
    This loss is needed because the other losses can also be small for texture of the wrong color, such as
    the color of the background inside a face. We know of no paper that uses it.

    Args:
        vgg: the loss network.
        image: (1, 3, H, W) RGB in [-1, 1], with a smooth filling of the hole.
        hole: (1, 1, H, W), 1 for damaged pixels, otherwise 0.
        spared: (1, 1, H, W), 1 for pixels that are neither changed nor used as targets.
        style_layers, patch_layers: names of layers with their weights.
        style_weight, patch_weight, color_weight, tone_weight: weights of the terms.
    """

    def __init__(
        self,
        vgg: VGG16,
        image: Tensor,
        hole: Tensor,
        spared: Tensor,
        *,
        style_layers: Mapping[str, float],
        patch_layers: Mapping[str, float],
        style_weight: float,
        patch_weight: float,
        color_weight: float,
        tone_weight: float,
    ):
        self.vgg, self.style_layers, self.patch_layers = vgg, style_layers, patch_layers
        self.style_weight, self.patch_weight = style_weight, patch_weight
        self.color_weight, self.tone_weight = color_weight, tone_weight
        self.layers = tuple({**style_layers, **patch_layers})
        self._grams: dict[str, Tensor] = {}
        self._inside: dict[str, Tensor] = {}
        self._patches: dict[str, Patches] = {}
        unusable = torch.maximum(hole, spared)
        self._smooth, self._hole = image, hole
        self._side = 2 * math.ceil(depth(hole[0, 0].cpu().numpy() > 0)) + 1
        with torch.no_grad():
            self._colors = Patches(image, hole[0, 0] > 0, unusable[0, 0] > 0, COLOR_SIDE, False)
            for name, found in vgg(image, self.layers).items():
                size = (int(found.shape[2]), int(found.shape[3]))
                damaged = F.adaptive_max_pool2d(hole, size)[0, 0] > 0
                # One more position, since the receptive field of a feature is larger than its own pixels.
                seen = F.max_pool2d(F.adaptive_max_pool2d(unusable, size), 3, 1, 1)[0, 0] > 0
                if not damaged.any() or seen.all():
                    continue
                if name in style_layers:
                    self._inside[name] = damaged
                    self._grams[name] = _gram(found[0].float()[:, ~seen])
                if name in patch_layers:
                    patches = Patches(found, damaged, seen, FEATURE_SIDE, True)
                    if patches.usable:
                        self._patches[name] = patches

    @property
    def has_patches(self) -> bool:
        """Whether there are intact patches of features or of pixels that the hole can be compared with."""
        return bool(self._patches) or self._colors.usable

    def choose(self, image: Tensor) -> None:
        """Find the most similar intact patch for each patch of `image` that overlaps the hole."""
        with torch.no_grad():
            if self._colors.usable:
                self._colors.choose(image)
            if self._patches:
                found = self.vgg(image, tuple(self._patches))
                for name, patches in self._patches.items():
                    patches.choose(found[name])

    def __call__(self, image: Tensor) -> Terms:
        """Return the terms of the objective for `image`, (1, 3, H, W) in [-1, 1]. Call `choose` first."""
        found = self.vgg(image, self.layers)
        style = patch = color = tone = torch.zeros((), device=image.device)
        for name, target in self._grams.items():
            gram = _gram(found[name][0].float()[:, self._inside[name]])
            style = style + self.style_layers[name] * (gram - target).square().mean() / target.square().mean()
        for name, patches in self._patches.items():
            patch = patch + self.patch_layers[name] * patches.loss(found[name])
        if self._colors.usable:
            color = self._colors.loss(image)
            tone = self._tone(image) / self._colors.scale.clamp(min=1e-6)
        return Terms(
            self.style_weight * style,
            self.patch_weight * patch,
            self.color_weight * color,
            self.tone_weight * tone,
        )

    def _tone(self, image: Tensor) -> Tensor:
        """Return the tone loss of `image`, (1, 3, H, W) in [-1, 1]. The result is a scalar, before it is
        divided by the variance and weighted.

        It is the mean square, over the hole, of the difference between `image` and the smooth filling. Before
        squaring, the difference is averaged over squares of about the width of the hole.
        """
        change = F.avg_pool2d(image - self._smooth, self._side, 1, self._side // 2)
        return (change.square().mean(1, keepdim=True) * self._hole).sum() / self._hole.sum().clamp(min=1)


def _gram(features: Tensor) -> Tensor:
    """Return the Gram matrix (C, C) of features (C, positions), divided by the number of positions."""
    return features @ features.T / features.shape[1]
