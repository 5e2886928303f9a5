"""Metrics of generated images. All but `balance` compare network features of generated images with those of
real images, (N, D) each, one row per image.

* `frechet`: Heusel et al. 2017 (arXiv:1706.08500), equation 6, the distance between two Gaussians fitted to
  the features. With the features of our classifier or of VGG-16, it is *not* the FID of the literature, which
  uses Inception-v3. Values are comparable only for the same features.
* `precision_recall`: Kynkäänniemi et al. 2019 (arXiv:1904.06991), by default with k = 3 neighbors.
* `balance`: the class frequencies of the images, as predicted by a classifier.
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
"""Default number of neighbors k in precision and recall."""
_ROWS = 1000
"""Number of rows for which distances are computed at once, which limits the memory use."""


def frechet(real: Features, fake: Features) -> float:
    """Return the Fréchet distance |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), where m1, m2 are the means and
    C1, C2 the covariance matrices of the two sets of features.

    Args:
        real, fake: features of real and generated images, (N, D) each.

    Raises:
        InputError: a set has fewer than two rows, the rows differ in length, or a feature is not finite.
    """
    for rows in (real, fake):
        if len(rows) < 2 or rows.shape[1] != real.shape[1] or not np.isfinite(rows).all():
            raise InputError(
                "the Fréchet distance needs two sets of at least two finite feature vectors of equal length"
            )
    means = [rows.mean(0, dtype=np.float64) for rows in (real, fake)]
    first, second = (np.atleast_2d(np.cov(rows.astype(np.float64), rowvar=False)) for rows in (real, fake))
    # tr (C1 C2)^(1/2) is the sum of the square roots of the eigenvalues of C1^(1/2) C2 C1^(1/2). This matrix
    # is symmetric, so rounding causes no complex eigenvalues.
    root = _root(first)
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(min=0)).sum()
    return max(
        0.0, float(np.square(means[0] - means[1]).sum() + np.trace(first) + np.trace(second) - 2 * cross)
    )


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the square root of a symmetric positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: NDArray[np.float64] = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


def precision_recall(real: Features, fake: Features, neighbors: int = NEIGHBORS) -> tuple[float, float]:
    """Return the precision and the recall of generated images.

    Precision is the fraction of generated images that are within the set of real images. Recall is the
    fraction of real images that are within the set of generated images. An image is within a set if its
    distance to some member of the set is at most the distance of that member to its own `neighbors`-th
    nearest neighbor in the set.

    Args:
        real, fake: features of real and generated images, (N, D) each.
        neighbors: the k of the k-th nearest neighbor.

    Raises:
        InputError: one of the sets has `neighbors` images or fewer.
    """
    if min(len(real), len(fake)) <= neighbors:
        raise InputError(
            f"precision and recall need more than {neighbors} real and more than {neighbors} generated images"
        )
    return _covered(fake, real, neighbors), _covered(real, fake, neighbors)


def _covered(rows: Features, among: Features, neighbors: int) -> float:
    """Return the fraction of `rows` that are within the set `among`, as defined in `precision_recall`."""
    # Index 0 is the member itself, at distance 0.
    radii = np.concatenate(
        [np.partition(part, neighbors, 1)[:, neighbors] for part in _distances(among, among)]
    )
    return float(np.mean(np.concatenate([(part <= radii).any(1) for part in _distances(rows, among)])))


def _distances(rows: Features, among: Features) -> list[Floats]:
    """Return the squared Euclidean distance of each row of `rows` from each row of `among`.

    The distance matrix, (len(rows), len(among)), is split into consecutive parts of at most `_ROWS` rows.
    """
    # Center the features, to reduce cancellation.
    middle = among.mean(0)
    rows, among = (rows - middle).astype(np.float32), (among - middle).astype(np.float32)
    squares = np.square(among).sum(1)
    parts = (rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS))
    return [(np.square(part).sum(1)[:, None] + squares - 2 * part @ among.T).clip(min=0) for part in parts]


@dataclass(frozen=True)
class Balance:
    """Fraction of the images predicted to be in each class, in the order of the classes; the sum is 1."""

    shares: tuple[float, ...]

    @property
    def least(self) -> float:
        """The fraction of images in the rarest class."""
        return min(self.shares)

    @property
    def most(self) -> float:
        """The fraction of images in the most frequent class."""
        return max(self.shares)


def balance(logits: Features) -> Balance:
    """Return the `Balance` of N images, given the `logits` of a classifier for them, (N, classes)."""
    counts = np.bincount(logits.argmax(1), minlength=logits.shape[1])
    return Balance(tuple((counts / len(logits)).tolist()))


def vgg_features(images: RGB, vgg: "VGG16", compute: "Compute") -> Floats:
    """Return VGG-16 features of images, (N, 512): the spatial means of relu4_3. The metrics use them if there
    is no classifier.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        vgg: the loss network. It is moved to the device of `compute`.
        compute: device and precision.
    """
    import torch

    net = compute.place(vgg)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), 64):
            batch = (
                torch.from_numpy(np.ascontiguousarray(images[start : start + 64]))
                .permute(0, 3, 1, 2)
                .float()
                .div(127.5)
                .sub(1)
            )
            parts.append(
                net(compute.place(batch), ("relu4_3",))["relu4_3"].float().mean((2, 3)).cpu().numpy()
            )
    return np.concatenate(parts)
