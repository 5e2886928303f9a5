"""Ranking from comparisons of pairs by the model of Bradley and Terry (1952), "Rank Analysis of Incomplete
Block Designs", Biometrika 39. `bench/blind.py` and the web application use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHOICES = {"A": 1.0, "B": 0.0, "TIE": 0.5}
"""What a choice is worth for the picture A."""


@dataclass(frozen=True)
class Duel:
    """A vote with its systems: ``share`` is what `first` gets of it."""

    first: str
    second: str
    share: float
    painting: str
    photo: str
    kind: str


def strengths(
    duels: Sequence[Duel],
    weights: Sequence[float] | None = None,
    rounds: int = 1000,
) -> dict[str, float]:
    """Log strengths of the Bradley-Terry model, with mean 0; a tie is half a win for both.

    The algorithm is the minorization-maximization of Hunter (2004). Each pair of systems that met has one
    virtual tie, so that a system without a defeat has a finite strength.
    """
    names = sorted({name for duel in duels for name in (duel.first, duel.second)})
    number = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for index, duel in enumerate(duels):
        i, j = number[duel.first], number[duel.second]
        weight = 1.0 if weights is None else weights[index]
        wins[i, j] += weight * duel.share
        wins[j, i] += weight * (1 - duel.share)
    for i, j in {(number[duel.first], number[duel.second]) for duel in duels}:
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


def bootstrap(duels: Sequence[Duel], rounds: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """The interval of 95 % of each system's strength, over samples of the photos with all their sheets."""
    groups = sorted({(duel.painting, duel.photo) for duel in duels})
    number = {group: i for i, group in enumerate(groups)}
    group_of = np.array([number[duel.painting, duel.photo] for duel in duels])
    rng, found = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(len(groups), size=len(groups)), minlength=len(groups))
        found.append(strengths(duels, drawn[group_of].tolist(), 200))
    samples = {name: [sample[name] for sample in found] for name in found[0]}
    return {name: tuple(np.quantile(values, (0.025, 0.975)).tolist()) for name, values in samples.items()}
