"""Losses against grid artifacts, whose period is the stride of the network or the side of the blocks of
pixels that it writes.

All images are RGB (N, 3, H, W) in [-1, 1]. Each loss returns one float32 value per image, (N,). The loss of a
batch is their mean.
"""

import torch
from torch import Tensor


def block_color_loss(image: Tensor, period: int) -> Tensor:
    """Return the loss per image, (N,): how much the mean color differs between the positions within a block.

    A block has `period` x `period` pixels; blocks that the border cuts off are ignored. For each position
    within a block, the pixel values (0-255) are averaged over all blocks. The loss is the variance of these
    means over the positions. It is near 0 for any content, unless something repeats with exactly this period,
    such as the stride of a network. The style loss does not detect such a pattern, but it is visible in flat
    regions. We know of no paper with this loss.

    Args:
        image: (N, 3, H, W) RGB in [-1, 1], H and W at least `period`.
        period: side of a block in pixels.
    """
    n, c, height, width = image.shape
    rows, columns = height // period, width // period
    squares = image.float()[:, :, : rows * period, : columns * period].reshape(
        n, c, rows, period, columns, period
    )
    means = squares.mean(dim=(2, 4)) * 127.5
    return (means - means.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3))


TEXTURE_WEIGHT = 20.0
"""Weight of `block_texture_loss` relative to `block_color_loss`. With the default `--grid-weight` of 0.03, a
`block_texture_loss` of 1 (strokes that look like strings of beads) adds 0.6 to the total loss.
"""


def grid_artifact_loss(image: Tensor, period: int) -> Tensor:
    """Return the total loss for grid artifacts per image, (N,): the sum of `block_color_loss` and
    `TEXTURE_WEIGHT` * `block_texture_loss`, the latter for blocks of 4 x 4 pixels.

    In training, it is weighted with ``--grid-weight``.

    Args:
        image: (N, 3, H, W) RGB in [-1, 1], H and W at least 8 and at least `period`.
        period: side of a block for `block_color_loss` in pixels: the stride of the network.
    """
    return block_color_loss(image, period) + TEXTURE_WEIGHT * block_texture_loss(image)


_WINDOW_BLOCKS = 8
"""Side of the windows of `block_texture_loss`, in blocks. A window is small enough to lie within one brush
stroke or one flat region.
"""


def block_texture_loss(image: Tensor, period: int = 4) -> Tensor:
    """Return the block texture loss per image, (N,): how much the local contrast differs between the
    positions within a block. It is near 0 for a photo.

    A block has `period` x `period` pixels. `block_color_loss` measures the mean color; this loss measures
    texture. A network that writes whole blocks of pixels places brush strokes in steps of a block, so they
    look like strings of beads, and flat regions have a woven texture. First and second differences along
    rows, columns and diagonals are then larger at some positions of a block than at others.

    The loss is a sum over seven such differences. For each of them, the mean square at each position is
    computed within windows of 8 x 8 blocks. The term is the relative variance of these mean squares over the
    positions, averaged over the windows. Weak patterns in smooth regions therefore count as much as strong
    ones. Flat windows do not, since the denominator is the mean plus 1 (for pixel values in 0-255). Random
    texture has some variance by chance. To correct for this, the same variance is computed for blocks that
    are one pixel larger, a period that the network does not favor, and is subtracted; a negative difference
    counts as 0. The windows are
    needed because brush strokes that start at different positions of a block cancel over a whole image. We
    know of no paper with this loss.

    Args:
        image: (N, 3, H, W) RGB in [-1, 1], H and W at least `period` + 4.
        period: side of a block in pixels.
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
    """Return the relative variance of `energy`, (N, H, W), over the positions within a block of `period` x
    `period` pixels, averaged over windows: (N,).
    """
    n, height, width = energy.shape
    squares = min(_WINDOW_BLOCKS, height // (period + 1), width // (period + 1))
    side = squares * period
    rows, columns = height // side, width // side
    places = (
        energy[:, : rows * side, : columns * side]
        .reshape(n, rows, squares, period, columns, squares, period)
        .mean((2, 5))
    )
    # Detached: otherwise the network could reduce the ratio by adding noise everywhere.
    mean = places.mean((2, 4), keepdim=True).detach()
    return ((places - mean) / (mean + 1)).square().mean((1, 2, 3, 4))
