"""The losses of Johnson et al. 2016 (arXiv:1603.08155, section 3.2): small pure functions, added up by whoever trains.

All images are RGB (N, 3, H, W) in [-1, 1]; activations are those of `fststyle.train.networks.vgg`. Every loss is one float32 number per
picture, (N,), so that a batch can be logged, weighed or compared picture by picture; its mean is the loss of the batch.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.train.gram import gram_matrix


def content_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between two activations (N, C, H, W) of one layer (Johnson, equation 2)."""
    return (activation.float() - target.float()).square().mean(dim=(1, 2, 3))


def style_loss(activation: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): mean squared error between the Gram matrices of `activation` and the ready Gram matrices `target`, (1 or N, C, C).

    Departure: the paper takes the squared Frobenius norm (equation 4), the sum over C*C entries; the mean makes wide layers weigh as much as narrow ones.
    """
    return (gram_matrix(activation) - target).square().mean(dim=(1, 2))


def total_variation_loss(image: Tensor) -> Tensor:
    """Per picture, (N,): the summed squared differences between neighbouring pixels, on the 0..255 scale, divided by C*H*W.

    Johnson, section 3.2 "Total variation regularization", with exponent 2 as in the published code; the division makes it independent of the size.
    """
    scaled = image.float() * 127.5
    down = scaled[:, :, 1:, :] - scaled[:, :, :-1, :]
    right = scaled[:, :, :, 1:] - scaled[:, :, :, :-1]
    return (down.square().sum(dim=(1, 2, 3)) + right.square().sum(dim=(1, 2, 3))) / image[0].numel()


def grid_loss(image: Tensor, period: int) -> Tensor:
    """Per picture, (N,): how far the mean colours of the `period` x `period` places of a square of pixels lie apart, mean square in levels of 0..255.

    Over a whole picture they are the same, whatever it shows, unless something repeats with that very period: a network's stride. The style loss does
    not see it, the eye does on every plain surface. Not in any paper we know of.
    """
    n, c, height, width = image.shape
    rows, columns = height // period, width // period
    squares = image.float()[:, :, : rows * period, : columns * period].reshape(n, c, rows, period, columns, period)
    means = squares.mean(dim=(2, 4)) * 127.5
    return (means - means.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3))


WEAVE = 20.0
"""What `weave_loss` weighs beside `grid_loss`: with the default `--grid-weight`, strokes of beads (1) cost 100 k, where a style's objective is 150 to 450 k."""


def squares_loss(image: Tensor, period: int) -> Tensor:
    """Per picture, (N,): how much the squares of a network of stride `period` show, by `grid_loss` and `weave_loss`; `--grid-weight` weighs it."""
    return grid_loss(image, period) + WEAVE * weave_loss(image)


_SQUARES = 8
"""Side of the windows of `weave_loss`, in squares: small enough to lie in one stroke or one plain surface."""


def weave_loss(image: Tensor, period: int = 4) -> Tensor:
    """Per picture, (N,): how unevenly its contrast is spread over the `period` x `period` places of a square of pixels; a share, 0 in a photo.

    What `grid_loss` is for the mean colour this is for what the eye takes for texture: a network that paints whole squares of pixels at once sets strokes
    down in steps of a square, like strings of beads, and plain surfaces get a weave. Steps and bends of the picture along its rows, columns and diagonals
    are then larger at some places of a square than at others. Taken is, for each of seven such differences, the variance over the places of the mean
    square in a window of 8 x 8 squares, as a share of the window's own mean square (which 1 squared level is added to, for plain ones), so that faint
    weaves on smooth surfaces count as much as strong ones. A texture that keeps to no square has some of it by chance; so much is taken off, as is
    measured with squares one pixel larger, which nothing in the network prefers. Over a whole picture the same sums cancel: strokes that begin at
    different places of a square make up for one another, and their beads remain. Not in any paper we know of.
    """
    levels = image.float() * 127.5
    across, down = levels.diff(dim=3), levels.diff(dim=2)
    falling, rising = levels[..., 1:, 1:] - levels[..., :-1, :-1], levels[..., 1:, :-1] - levels[..., :-1, 1:]
    total = torch.zeros(len(image), device=image.device)
    for difference in (across, down, falling, rising, across.diff(dim=3), down.diff(dim=2), across.diff(dim=2)):
        energy = difference.square().mean(1)
        total = total + (_unevenness(energy, period) - _unevenness(energy.detach(), period + 1)).clamp(min=0)
    return total


def _unevenness(energy: Tensor, period: int) -> Tensor:
    """(N, H, W) -> (N,): the mean over windows of the variance of `energy` over the places of a square, as a share of the window's mean."""
    n, height, width = energy.shape
    squares = min(_SQUARES, height // (period + 1), width // (period + 1))
    side = squares * period
    rows, columns = height // side, width // side
    places = energy[:, : rows * side, : columns * side].reshape(n, rows, squares, period, columns, squares, period).mean((2, 5))
    # Without a slope, or noise everywhere would be a way to make the share smaller.
    mean = places.mean((2, 4), keepdim=True).detach()
    return ((places - mean) / (mean + 1)).square().mean((1, 2, 3, 4))


FOLLOWS = 0.7
"""The correlation that `light_loss` is content with: what the reference network has by itself is 0.5 to 0.9."""


def light_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Per picture, (N,): how far a painting is from being light where its photo is light, and dark where it is dark; 0 to 1.7.

    Of the correlation between the brightness of both, over squares of 16 x 16 pixels, what it lacks to `FOLLOWS`; less where the photo itself has little
    contrast. Content is compared by edges, which a negative has too, and the palette loss wants the painting's dark places somewhere: without this a bright
    sky may well become black. Not in any paper we know of.
    """
    side = min(16, *photo.shape[2:])
    ours, theirs = (F.avg_pool2d(image.float().mean(1, keepdim=True), side).flatten(1) * 127.5 for image in (painted, photo))
    ours, theirs = ours - ours.mean(1, keepdim=True), theirs - theirs.mean(1, keepdim=True)
    # A root has no slope at 0, and one level is no contrast.
    spread, contrast = (ours.square().mean(1) + 1).sqrt(), (theirs.square().mean(1) + 1).sqrt()
    follows = (ours * theirs).mean(1) / (spread * contrast)
    return (FOLLOWS - follows).clamp(min=0) * contrast / (contrast + 10)


SAME, STROKES = 10.0, 20.0
"""Levels of 0..255: how far apart two colours of the photo may lie to count as one; and how far strokes may carry the painted ones apart at little cost."""


def even_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Per picture, (N,): how differently places of one colour are painted, in squared levels of 0..255 and channel; a photo beside itself has about 10.

    Colours are means over squares of 16 x 16 pixels, up to 24 along each side. Over all pairs of squares, those weighing most that the photo shows in one
    colour (a Gaussian of the distance, `SAME`), it is the mean of d^2 / (d + `STROKES`^2), where d is the squared distance between their painted colours:
    a sky may be painted in strokes, not light beside the roofs and dark elsewhere. Content is compared by edges and Gram matrices have no places, so a small
    network hangs halos on every strong edge, and the palette loss asks for them: a painting's rare colours have to be somewhere.
    Not in any paper we know of; nearest are the affine ties between neighbouring pixels of Luan et al. 2017 (arXiv:1703.07511).
    """
    height, width = photo.shape[2:]
    side, step = min(16, height, width), max(8, max(height, width) // 24)
    with torch.autocast(photo.device.type, enabled=False):
        theirs, ours = (F.avg_pool2d(image.float() * 127.5, side, step).flatten(2).transpose(1, 2) for image in (photo, painted))
        alike = (-_distances(theirs) / (2 * SAME**2)).exp()
        apart = _distances(ours) / 3
        return (alike * apart.square() / (apart + STROKES**2)).sum((1, 2)) / alike.sum((1, 2))


def _distances(points: Tensor) -> Tensor:
    """(N, P, C) -> (N, P, P): squared distances."""
    square = points.square().sum(2)
    return (square[:, :, None] + square[:, None] - 2 * points @ points.transpose(1, 2)).clamp(min=0)


def palette(image: Tensor, count: int) -> Tensor:
    """(N, 3, H, W) -> (N, 16, count): the quantiles of a picture's colours along 16 directions of colour space, in levels of 0..255.

    The colours are means of squares of 4x4 pixels, so a palette is of areas that the eye sees as one colour and no noise can fill it.
    """
    # Even over half a ball (a Fibonacci lattice): a direction and its opposite tell the same.
    number = torch.arange(16, device=image.device) + 0.5
    turn, rise = math.pi * (1 + math.sqrt(5)) * number, 1 - number / 16
    flat = (1 - rise.square()).sqrt()
    directions = torch.stack([flat * turn.cos(), flat * turn.sin(), rise], 1)
    with torch.autocast(image.device.type, enabled=False):
        # In float32 whatever is around it: half a precision has fewer levels than a byte.
        colors = F.avg_pool2d(image.float(), 4).flatten(2) * 127.5
        return F.interpolate((directions @ colors).sort(dim=2).values, size=count, mode="linear", align_corners=True)


def palette_loss(image: Tensor, target: Tensor) -> Tensor:
    """Per picture, (N,): how far a picture's colours lie from a painting's `palette`, (1 or N, 16, count): mean square of the moves, in squared levels.

    The sliced Wasserstein distance (Rabin et al. 2011; for textures Heitz et al. 2021, arXiv:2006.07229). Gram matrices hold means and products only, and
    what a painting has little of hardly weighs in them: a small network drops it and paints in two colours. Here each colour must have its area.
    """
    return (palette(image, target.shape[2]) - target).square().mean(dim=(1, 2))
