"""Ranking from pairwise comparisons.

The model is that of Bradley and Terry (1952), "Rank Analysis of Incomplete Block Designs", Biometrika 39.
`bench/blind.py` and the web application use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHOICES = {"A": 1.0, "B": 0.0, "TIE": 0.5}
"""Choice of a judge -> score of image A."""


@dataclass(frozen=True)
class Comparison:
    """One vote between two systems (styles or methods) on one photo.

    ``share`` is the score of ``first``, from 0 (lost) to 1 (won). ``painting`` is the painting whose style
    both systems use, or "" for different paintings. ``kind`` is "whole" for whole images, or "crop".
    """

    first: str
    second: str
    share: float
    painting: str
    photo: str
    kind: str


def strengths(
    comparisons: Sequence[Comparison],
    weights: Sequence[float] | None = None,
    rounds: int = 1000,
) -> dict[str, float]:
    """Return a dict from the name of each system to its log strength in the Bradley-Terry model. The mean of
    the log strengths is 0.

    A tie counts as half a win for both. ``weights`` has one weight per comparison; None means 1 for all.
    ``rounds`` is the maximum number of iterations. There must be at least one comparison.

    The algorithm is from Hunter (2004), "MM Algorithms for Generalized Bradley-Terry Models". One virtual tie
    is added for each compared pair, so that the strength of a system that never loses is finite.
    """
    names = sorted({name for comparison in comparisons for name in (comparison.first, comparison.second)})
    number = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for index, comparison in enumerate(comparisons):
        i, j = number[comparison.first], number[comparison.second]
        weight = 1.0 if weights is None else weights[index]
        wins[i, j] += weight * comparison.share
        wins[j, i] += weight * (1 - comparison.share)
    for i, j in {(number[comparison.first], number[comparison.second]) for comparison in comparisons}:
        wins[i, j] += 0.5
        wins[j, i] += 0.5
    games, power = wins + wins.T, np.ones(len(names))
    for _ in range(rounds):
        fresh = wins.sum(1) / (games / (power[:, None] + power)).sum(1)
        fresh /= np.exp(np.log(fresh).mean())
        done = np.abs(np.log(fresh / power)).max() < 1e-8
        power = fresh
        if done:
            break
    return dict(zip(names, np.log(power).tolist(), strict=True))


def bootstrap(
    comparisons: Sequence[Comparison], rounds: int, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return a dict from the name of each system to the 95% confidence interval (low, high) of its log
    strength.

    This is a percentile bootstrap with ``rounds`` resamples. Pairs of painting and photo are drawn with
    replacement, each with all its votes, since votes on one photo are not independent. There must be at least
    one comparison.
    """
    groups = sorted({(comparison.painting, comparison.photo) for comparison in comparisons})
    number = {group: i for i, group in enumerate(groups)}
    group_of = np.array([number[comparison.painting, comparison.photo] for comparison in comparisons])
    rng, found = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(len(groups), size=len(groups)), minlength=len(groups))
        found.append(strengths(comparisons, drawn[group_of].tolist(), 200))
    samples = {name: [sample[name] for sample in found] for name in found[0]}
    return {name: tuple(np.quantile(values, (0.025, 0.975)).tolist()) for name, values in samples.items()}
