"""The losses against the grid that a network's stride leaves in a picture: small pure functions, added up by
whoever trains.

All images are RGB (N, 3, H, W) in [-1, 1]. Every loss is one float32 number per picture, (N,), so that a
batch can be logged, weighed or compared picture by picture; its mean is the loss of the batch.
"""

import torch
from torch import Tensor


def grid_loss(image: Tensor, period: int) -> Tensor:
    """Per picture, (N,): how far the mean colours of the `period` x `period` places of a square of pixels lie
    apart, mean square in levels of 0..255.

    Over a whole picture they are the same, whatever it shows, unless something repeats with that very period:
    a network's stride. The style loss does not see it, the eye does on every plain surface. Not in any paper
    we know of.
    """
    n, c, height, width = image.shape
    rows, columns = height // period, width // period
    squares = image.float()[:, :, : rows * period, : columns * period].reshape(
        n, c, rows, period, columns, period
    )
    means = squares.mean(dim=(2, 4)) * 127.5
    return (means - means.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3))


WEAVE = 20.0
"""What `weave_loss` weighs beside `grid_loss`: with the default `--grid-weight`, strokes of beads (1) cost
100 k, where a style's objective is 150 to 450 k.
"""


def squares_loss(image: Tensor, period: int) -> Tensor:
    """Per picture, (N,): how much the squares of a network of stride `period` show, by `grid_loss` and
    `weave_loss`; `--grid-weight` weighs it.
    """
    return grid_loss(image, period) + WEAVE * weave_loss(image)


_SQUARES = 8
"""Side of the windows of `weave_loss`, in squares: small enough to lie in one stroke or one plain surface."""


def weave_loss(image: Tensor, period: int = 4) -> Tensor:
    """Per picture, (N,): how unevenly its contrast is spread over the `period` x `period` places of a square
    of pixels; a share, 0 in a photo.

    What `grid_loss` is for the mean colour this is for what the eye takes for texture: a network that paints
    whole squares of pixels at once sets strokes down in steps of a square, like strings of beads, and plain
    surfaces get a weave. Steps and bends of the picture along its rows, columns and diagonals are then larger
    at some places of a square than at others. Taken is, for each of seven such differences, the variance over
    the places of the mean square in a window of 8 x 8 squares, as a share of the window's own mean square
    (which 1 squared level is added to, for plain ones), so that faint weaves on smooth surfaces count as much
    as strong ones. A texture that keeps to no square has some of it by chance; so much is taken off, as is
    measured with squares one pixel larger, which nothing in the network prefers. Over a whole picture the
    same sums cancel: strokes that begin at different places of a square make up for one another, and their
    beads remain. Not in any paper we know of.
    """
    levels = image.float() * 127.5
    across, down = levels.diff(dim=3), levels.diff(dim=2)
    falling, rising = levels[..., 1:, 1:] - levels[..., :-1, :-1], levels[..., 1:, :-1] - levels[..., :-1, 1:]
    total = torch.zeros(len(image), device=image.device)
    for difference in (
        across,
        down,
        falling,
        rising,
        across.diff(dim=3),
        down.diff(dim=2),
        across.diff(dim=2),
    ):
        energy = difference.square().mean(1)
        total = total + (_unevenness(energy, period) - _unevenness(energy.detach(), period + 1)).clamp(min=0)
    return total


def _unevenness(energy: Tensor, period: int) -> Tensor:
    """(N, H, W) -> (N,): the mean over windows of the variance of `energy` over the places of a square, as a
    share of the window's mean.
    """
    n, height, width = energy.shape
    squares = min(_SQUARES, height // (period + 1), width // (period + 1))
    side = squares * period
    rows, columns = height // side, width // side
    places = (
        energy[:, : rows * side, : columns * side]
        .reshape(n, rows, squares, period, columns, squares, period)
        .mean((2, 5))
    )
    # Without a slope, or noise everywhere would be a way to make the share smaller.
    mean = places.mean((2, 4), keepdim=True).detach()
    return ((places - mean) / (mean + 1)).square().mean((1, 2, 3, 4))
