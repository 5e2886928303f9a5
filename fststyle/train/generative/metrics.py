"""Metrics for generated pictures against real ones, on network features (N, D) with one row per picture.

* `frechet`: Heusel et al. 2017 (arXiv:1706.08500), equation 6, between two Gaussians fitted to the features.
  With the features of our classifier or of VGG-16 it is *not* the FID of the literature, which uses
  Inception-v3. Values are comparable only for the same features.
* `precision_recall`: Kynkäänniemi et al. 2019 (arXiv:1904.06991), with k = 3 neighbors.
* `balance`: the class frequencies according to a classifier.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Floats
from fststyle.errors import InputError

if TYPE_CHECKING:
    from fststyle.train.compute import Compute
    from fststyle.train.networks.vgg import VGG16

Features = NDArray[np.floating]
NEIGHBORS = 3
_ROWS = 1000


def frechet(real: Features, fake: Features) -> float:
    """Fréchet distance |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with means m and covariances C.

    Raises:
        InputError: fewer than two rows, or features of different lengths or that are not finite.
    """
    for rows in (real, fake):
        if len(rows) < 2 or rows.shape[1] != real.shape[1] or not np.isfinite(rows).all():
            raise InputError(
                "the Fréchet distance needs two sets of at least two finite feature vectors of equal length"
            )
    means = [rows.mean(0, dtype=np.float64) for rows in (real, fake)]
    first, second = (np.atleast_2d(np.cov(rows.astype(np.float64), rowvar=False)) for rows in (real, fake))
    # tr (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric:
    # no complex numbers from rounding.
    root = _root(first)
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(min=0)).sum()
    return max(
        0.0, float(np.square(means[0] - means[1]).sum() + np.trace(first) + np.trace(second) - 2 * cross)
    )


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    root: NDArray[np.float64] = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


def precision_recall(real: Features, fake: Features, neighbors: int = NEIGHBORS) -> tuple[float, float]:
    """Precision and recall: the fraction of generated pictures within the real set, and the reverse.

    A picture is within a set if, for a member of the set, it is not farther away than the `neighbors`-th
    nearest neighbor of that member.

    Raises:
        InputError: one of the sets has `neighbors` pictures or fewer.
    """
    if min(len(real), len(fake)) <= neighbors:
        raise InputError(f"precision and recall need more than {neighbors} pictures of each kind")
    return _covered(fake, real, neighbors), _covered(real, fake, neighbors)


def _covered(rows: Features, among: Features, neighbors: int) -> float:
    # the nearest is itself
    radii = np.concatenate(
        [np.partition(part, neighbors, 1)[:, neighbors] for part in _distances(among, among)]
    )
    return float(np.mean(np.concatenate([(part <= radii).any(1) for part in _distances(rows, among)])))


def _distances(rows: Features, among: Features) -> list[Floats]:
    """Squared distances, (up to _ROWS, N) at a time."""
    # Centered, to avoid cancellation in the products.
    middle = among.mean(0)
    rows, among = (rows - middle).astype(np.float32), (among - middle).astype(np.float32)
    squares = np.square(among).sum(1)
    parts = (rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS))
    return [(np.square(part).sum(1)[:, None] + squares - 2 * part @ among.T).clip(min=0) for part in parts]


@dataclass(frozen=True)
class Balance:
    """Class frequencies ``shares``, with their minimum ``least`` and maximum ``most``."""

    shares: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.shares)

    @property
    def most(self) -> float:
        return max(self.shares)


def balance(logits: Features) -> Balance:
    """Class frequencies from the logits of a classifier, (N, classes)."""
    counts = np.bincount(logits.argmax(1), minlength=logits.shape[1])
    return Balance(tuple((counts / len(logits)).tolist()))


def vgg_features(pictures: RGB, vgg: "VGG16", compute: "Compute") -> Floats:
    """Spatial means of VGG-16 relu4_3, (N, 512), for uint8 pictures (N, H, W, 3) without a classifier."""
    import torch

    net = compute.place(vgg)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 64):
            batch = (
                torch.from_numpy(np.ascontiguousarray(pictures[start : start + 64]))
                .permute(0, 3, 1, 2)
                .float()
                .div(127.5)
                .sub(1)
            )
            parts.append(
                net(compute.place(batch), ("relu4_3",))["relu4_3"].float().mean((2, 3)).cpu().numpy()
            )
    return np.concatenate(parts)
