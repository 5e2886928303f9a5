"""The losses of color and light: small pure functions, added up by whoever trains.

All images are RGB (N, 3, H, W) in [-1, 1]. Every loss is one float32 number per picture, (N,), so that a
batch can be logged, weighed or compared picture by picture; its mean is the loss of the batch.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

FOLLOWS = 0.7
"""The correlation that `light_loss` is content with: what the reference network has by itself is 0.5 to 0.9.
"""


def light_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Per picture, (N,): how far a painting is from being light where its photo is light, and dark where it
    is dark; 0 to 1.7.

    Of the correlation between the brightness of both, over squares of 16 x 16 pixels, what it lacks to
    `FOLLOWS`; less where the photo itself has little contrast. Content is compared by edges, which a negative
    has too, and the palette loss wants the painting's dark places somewhere: without this a bright sky may
    well become black. Not in any paper we know of.
    """
    side = min(16, *photo.shape[2:])
    ours, theirs = (
        F.avg_pool2d(image.float().mean(1, keepdim=True), side).flatten(1) * 127.5
        for image in (painted, photo)
    )
    ours, theirs = ours - ours.mean(1, keepdim=True), theirs - theirs.mean(1, keepdim=True)
    # A root has no slope at 0, and one level is no contrast.
    spread, contrast = (ours.square().mean(1) + 1).sqrt(), (theirs.square().mean(1) + 1).sqrt()
    follows = (ours * theirs).mean(1) / (spread * contrast)
    return (FOLLOWS - follows).clamp(min=0) * contrast / (contrast + 10)


SAME, STROKES = 10.0, 20.0
"""Levels of 0..255: how far apart two colours of the photo may lie to count as one; and how far strokes may
carry the painted ones apart at little cost.
"""


def even_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Per picture, (N,): how differently places of one colour are painted, in squared levels of 0..255 and
    channel; a photo beside itself has about 10.

    Colours are means over squares of 16 x 16 pixels, up to 24 along each side. Over all pairs of squares,
    those weighing most that the photo shows in one colour (a Gaussian of the distance, `SAME`), it is the
    mean of d^2 / (d + `STROKES`^2), where d is the squared distance between their painted colours: a sky may
    be painted in strokes, not light beside the roofs and dark elsewhere. Content is compared by edges and
    Gram matrices have no places, so a small network hangs halos on every strong edge, and the palette loss
    asks for them: a painting's rare colours have to be somewhere. Not in any paper we know of; nearest are
    the affine ties between neighbouring pixels of Luan et al. 2017 (arXiv:1703.07511).
    """
    height, width = photo.shape[2:]
    side, step = min(16, height, width), max(8, max(height, width) // 24)
    with torch.autocast(photo.device.type, enabled=False):
        theirs, ours = (
            F.avg_pool2d(image.float() * 127.5, side, step).flatten(2).transpose(1, 2)
            for image in (photo, painted)
        )
        alike = (-_distances(theirs) / (2 * SAME**2)).exp()
        apart = _distances(ours) / 3
        return (alike * apart.square() / (apart + STROKES**2)).sum((1, 2)) / alike.sum((1, 2))


def _distances(points: Tensor) -> Tensor:
    """(N, P, C) -> (N, P, P): squared distances."""
    square = points.square().sum(2)
    return (square[:, :, None] + square[:, None] - 2 * points @ points.transpose(1, 2)).clamp(min=0)


def palette(image: Tensor, count: int) -> Tensor:
    """(N, 3, H, W) -> (N, 16, count): the quantiles of a picture's colours along 16 directions of colour
    space, in levels of 0..255.

    The colours are means of squares of 4x4 pixels, so a palette is of areas that the eye sees as one colour
    and no noise can fill it.
    """
    # Even over half a ball (a Fibonacci lattice): a direction and its opposite tell the same.
    number = torch.arange(16, device=image.device) + 0.5
    turn, rise = math.pi * (1 + math.sqrt(5)) * number, 1 - number / 16
    flat = (1 - rise.square()).sqrt()
    directions = torch.stack([flat * turn.cos(), flat * turn.sin(), rise], 1)
    with torch.autocast(image.device.type, enabled=False):
        # In float32 whatever is around it: half a precision has fewer levels than a byte.
        colors = F.avg_pool2d(image.float(), 4).flatten(2) * 127.5
        return F.interpolate(
            (directions @ colors).sort(dim=2).values, size=count, mode="linear", align_corners=True
        )


def palette_loss(image: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): how far a picture's colours lie from a painting's `palette`, (1 or N, 16, count):
    mean square of the moves, in squared levels.

    The sliced Wasserstein distance (Rabin et al. 2011; for textures Heitz et al. 2021, arXiv:2006.07229).
    Gram matrices hold means and products only, and what a painting has little of hardly weighs in them: a
    small network drops it and paints in two colours. Here each colour must have its area.
    """
    return (palette(image, target.shape[2]) - target).square().mean(dim=(1, 2))
