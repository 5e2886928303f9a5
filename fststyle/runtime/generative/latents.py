"""Latent vectors: random samples, grids and interpolations.

The module does not need PyTorch, so that training and inference can use the same samples.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError

Latents = NDArray[np.float32]
"""Latent vectors of size Z: float32 (N, Z)."""
_FINE = 200
"""Number of intervals between two keys for measuring the length of the curve."""


def sample(count: int, size: int, seed: int, truncation: float | None = None) -> Latents:
    """Draw ``count`` latent vectors, float32 (count, size), whose values are distributed as N(0, 1).

    The same arguments give the same result. If ``truncation`` is not None, values whose magnitude is above it
    are drawn again (the truncation trick of Brock et al. 2019, "Large Scale GAN Training", arXiv:1809.11096).
    Raises `InputError` if ``truncation`` is below 0.05 or not finite.
    """
    if truncation is not None and not 0.05 <= truncation < math.inf:
        raise InputError(f"--truncation: {truncation} is not a finite number of at least 0.05")
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal((count, size))
    while truncation is not None and (outside := np.abs(numbers) > truncation).any():
        numbers[outside] = rng.standard_normal(int(outside.sum()))
    return numbers.astype(np.float32)


def grid(columns: int) -> Latents:
    """Return a square grid of two-dimensional latent vectors, float32 (columns^2, 2), row by row.

    The first coordinate increases to the right, and the second decreases downward. The coordinates are
    quantiles of N(0, 1), so that each point represents the same probability.
    """
    marks = [NormalDist().inv_cdf((i + 0.5) / columns) for i in range(columns)]
    return np.array([(x, y) for y in reversed(marks) for x in marks], np.float32)


def walk(keys: Latents, frames: int, closed: bool = True) -> Latents:
    """Return latent vectors, float32 (frames, Z), at equal distances along a smooth curve through all keys.

    The curve is a Catmull-Rom spline. The norm of its points is interpolated linearly between the keys, since
    points on a straight line between two samples of a high-dimensional Gaussian have a smaller norm than the
    samples (White 2016, arXiv:1609.04468, who interpolates on a sphere instead).

    Args:
        keys: the latent vectors to pass through, in this order: (K, Z) with K >= 2.
        frames: number of vectors to return.
        closed: whether the curve returns to the first key. If so, the first vector is not repeated at the
            end. If not, the curve ends at the last key.
    """
    legs = len(keys) if closed else len(keys) - 1
    around = (
        keys[np.arange(-1, legs + 2) % len(keys)] if closed else np.concatenate([keys[:1], keys, keys[-1:]])
    )
    at = np.linspace(0, legs, _FINE * legs + 1)
    leg = np.minimum(at.astype(int), legs - 1)
    share = (at - leg)[:, None]
    before, here, there, after = (around[leg + i].astype(np.float64) for i in range(4))
    bends = (2 * before - 5 * here + 4 * there - after) + (3 * here - before - 3 * there + after) * share
    curve = here + share / 2 * ((there - before) + share * bends)
    lengths = [np.linalg.norm(points, axis=1, keepdims=True) for points in (here, there)]
    curve *= (lengths[0] + (lengths[1] - lengths[0]) * share) / np.maximum(
        np.linalg.norm(curve, axis=1, keepdims=True), 1e-8
    )
    traveled = np.append(0, np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum())
    wanted = np.linspace(0, traveled[-1], frames, endpoint=not closed)
    return np.stack([np.interp(wanted, traveled, numbers) for numbers in curve.T], 1).astype(np.float32)
