"""Propose training settings from rated styles with similar paintings."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fststyle.errors import InputError
from fststyle.io.files import replacing
from fststyle.web.work.trainings import require_torch

NEAREST = 3
"""Maximum number of styles whose settings are averaged."""
PRIOR = 3.0, 2.0
"""Prior mean of the star ratings of a style, and its weight as a number of ratings."""
SECONDS = 120
"""Time limit in seconds for the process that computes statistics."""

_FOLDERS = re.compile(r"""(?<![\w.:/\\-])(?:[A-Za-z]:)?[/\\]+(?=[\w.])(?:[^/\\\s'":]+[/\\]+)*""")
"""Matches the folders of an absolute path. A folder name with spaces matches up to the first space."""


@dataclass(frozen=True)
class Rated:
    """A rated style, with the image file of its painting and its training settings.

    ``style_size`` is in pixels. ``stars`` contains the mean and the number of the star ratings. ``strength``
    is the log strength in the Bradley-Terry model of the blind comparisons, or 0 without comparisons.
    """

    name: str
    painting: Path
    style_weight: float
    style_size: int
    stars: tuple[float, int]
    strength: float = 0.0

    @property
    def score(self) -> float:
        """The mean star rating, shrunk toward the mean in `PRIOR`, plus ``strength``."""
        mean, count = self.stars
        assumed, weight = PRIOR
        return (mean * count + assumed * weight) / (count + weight) + self.strength


@dataclass(frozen=True)
class Proposal:
    """Training settings proposed for a painting.

    They are averages of the settings of similar styles. ``styles`` maps the name of each of these styles to
    the cosine similarity between the VGG statistics of its painting and those of the given painting.
    ``style_size`` is in pixels.
    """

    style_weight: float
    style_size: int
    styles: dict[str, float]


def propose(painting: Path, rated: Sequence[Rated], cache: Path) -> Proposal:
    """Return proposed training settings for a painting.

    The paintings are compared by the cosine similarity of their VGG statistics (`fststyle.web.statistics`).
    The `NEAREST` most similar styles are chosen from the half of the styles with the highest `Rated.score`,
    and their settings are averaged. In this average, each style is weighted by its similarity times the
    exponential of its score.

    Args:
        painting: image file of the painting.
        rated: the rated styles.
        cache: folder for cached statistics. It is created if necessary.

    Raises:
        DependencyError: PyTorch is not installed.
        InputError: ``rated`` is empty, or computing the statistics fails or takes longer than `SECONDS`.
    """
    require_torch()
    if not rated:
        raise InputError(
            "no rated style has a known painting and known training settings; rate some included styles first"
        )
    best = sorted(rated, key=lambda style: -style.score)[: max(1, (len(rated) + 1) // 2)]
    found = _statistics([painting, *(style.painting for style in best)], cache)
    return average(best, found[painting], {style.name: found[style.painting] for style in best})


def average(
    styles: Sequence[Rated], target: NDArray[np.float64], statistics: Mapping[str, NDArray[np.float64]]
) -> Proposal:
    """Return the weighted mean of the settings of the `NEAREST` most similar styles.

    The weights are those that `propose` describes. The style weight is a geometric mean. The style size is
    rounded to a multiple of 16 from 32 to 1024.

    Args:
        styles: the styles to choose from.
        target: VGG statistics of the given painting.
        statistics: dict from the names of the styles to the VGG statistics of their paintings.
    """
    similar = {
        style.name: float(
            target
            @ statistics[style.name]
            / (np.linalg.norm(target) * np.linalg.norm(statistics[style.name]))
        )
        for style in styles
    }
    nearest = sorted(styles, key=lambda style: -similar[style.name])[:NEAREST]
    shares = np.array([max(1e-3, similar[style.name]) * np.exp(style.score) for style in nearest])
    shares /= shares.sum()
    weight = float(np.exp(shares @ np.log([max(0.01, style.style_weight) for style in nearest])))
    size = float(shares @ np.array([style.style_size for style in nearest]))
    names = {style.name: round(similar[style.name], 3) for style in nearest}
    return Proposal(round(weight, 2), max(32, min(1024, round(size / 16) * 16)), names)


def _statistics(paintings: Sequence[Path], cache: Path) -> dict[Path, NDArray[np.float64]]:
    """Return a dict from the path of each painting to its VGG statistics.

    They are read from the folder ``cache`` if it contains them. Otherwise a separate process computes them,
    and they are stored there. Raises `InputError` if the process fails or takes longer than `SECONDS`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    files = {path: cache / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.json" for path in paintings}
    missing = [path for path, file in files.items() if not file.is_file()]
    if missing:
        command = [sys.executable, "-m", "fststyle.web.statistics", *map(str, missing)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
            found = json.loads(done.stdout)
        except (subprocess.SubprocessError, ValueError) as error:
            raise InputError(
                f"the VGG statistics of the paintings cannot be computed ({_cause(error, missing)})"
            ) from error
        for path, values in zip(missing, found, strict=True):
            with replacing(files[path]) as file:
                file.write(json.dumps(values).encode())
    return {path: np.array(json.loads(file.read_text())) for path, file in files.items()}


def _cause(error: Exception, paintings: Sequence[Path]) -> str:
    """Return the reason why the process that computes the statistics failed, as one line.

    Clients see it, so the folders of ``paintings`` and of other absolute paths are removed.
    """
    if isinstance(error, subprocess.TimeoutExpired):
        return f"not finished after {error.timeout:g} seconds"
    if not isinstance(error, subprocess.CalledProcessError):
        return str(error)
    lines = error.stderr.strip().splitlines()
    text = lines[-1] if lines else f"exit code {error.returncode}"
    for path in paintings:
        text = text.replace(str(path), path.name)
    return _FOLDERS.sub("", text)
