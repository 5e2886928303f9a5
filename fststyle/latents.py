"""Latent vectors: drawn, on a map, and on the way from one to another. No torch: trainers and torch-free tools draw the same ones."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError

Latents = NDArray[np.float32]


def drawn(count: int, size: int, seed: int, truncation: float | None = None) -> Latents:
    """(count, size) numbers from N(0, 1); with `truncation` those farther out are drawn again (Brock et al. 2019, BigGAN: less variety, better pictures).

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
    """(columns^2, 2): a map of two latent numbers, row by row, at quantiles of N(0, 1), so that each point stands for as much of it as any other."""
    marks = [NormalDist().inv_cdf((i + 0.5) / columns) for i in range(columns)]
    return np.array([(x, y) for y in reversed(marks) for x in marks], np.float32)


def slerp(a: Latents, b: Latents, share: float) -> Latents:
    """From `a` (share 0) to `b` (share 1) along the great circle, the length changing evenly (White 2016, arXiv:1609.04468).

    The straight line between two draws of a Gaussian in many dimensions leads past its middle, where no draw ever lies.
    """
    lengths = [float(np.linalg.norm(end)) for end in (a, b)]
    straight = (a + (b - a) * share).astype(np.float32)
    if min(lengths) < 1e-8:
        return straight
    unit = [end / length for end, length in zip((a, b), lengths, strict=True)]
    angle = float(np.arccos(np.clip(unit[0] @ unit[1], -1, 1)))
    if angle < 1e-4 or np.pi - angle < 1e-4:  # one direction, or opposite ones, where every circle is as good
        return straight
    direction = (np.sin((1 - share) * angle) * unit[0] + np.sin(share * angle) * unit[1]) / np.sin(angle)
    return (direction * (lengths[0] + (lengths[1] - lengths[0]) * share)).astype(np.float32)


def walk(keys: Latents, frames: int, closed: bool = True) -> Latents:
    """(frames, Z): from key to key by `slerp`, slowing down at each; `closed` ends where it began, fit to be shown again and again."""
    legs = len(keys) if closed else len(keys) - 1
    path = []
    for frame in range(frames):
        at = frame * legs / (frames if closed else max(1, frames - 1))
        leg = min(int(at), legs - 1)
        share = at - leg
        path.append(slerp(keys[leg], keys[(leg + 1) % len(keys)], share * share * (3 - 2 * share)))
    return np.stack(path)
