"""Latent vectors: drawn, on a map, and on the way from one to another.

No torch: trainers and torch-free tools draw the same ones.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError

Latents = NDArray[np.float32]
_FINE = 200
"""Points of a walk between two keys, among which those of the frames are found."""


def drawn(count: int, size: int, seed: int, truncation: float | None = None) -> Latents:
    """(count, size) numbers from N(0, 1); with `truncation` those farther out are drawn again (Brock et al.
    2019, BigGAN).

    Raises:
        InputError: a truncation below 0.05, or none that is a number.
    """
    if truncation is not None and not 0.05 <= truncation < math.inf:
        raise InputError(f"--truncation: {truncation} should be a number from 0.05")
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal((count, size))
    while truncation is not None and (outside := np.abs(numbers) > truncation).any():
        numbers[outside] = rng.standard_normal(int(outside.sum()))
    return numbers.astype(np.float32)


def grid(columns: int) -> Latents:
    """(columns^2, 2): a map of two latent numbers, row by row, at quantiles of N(0, 1), so that each point
    stands for as much of it as any other.
    """
    marks = [NormalDist().inv_cdf((i + 0.5) / columns) for i in range(columns)]
    return np.array([(x, y) for y in reversed(marks) for x in marks], np.float32)


def walk(keys: Latents, frames: int, closed: bool = True) -> Latents:
    """(frames, Z): past all keys in one smooth curve, at an even pace; `closed` ends where it began, fit to
    be shown again and again.

    The curve is Catmull and Rom's through the keys, each of its points brought to the length that lies
    between those of the keys beside it: a straight line between two draws of a Gaussian in many dimensions
    leads past its middle, where no draw ever lies (White 2016, arXiv:1609.04468).
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
    travelled = np.append(0, np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum())
    wanted = np.linspace(0, travelled[-1], frames, endpoint=not closed)
    return np.stack([np.interp(wanted, travelled, numbers) for numbers in curve.T], 1).astype(np.float32)
