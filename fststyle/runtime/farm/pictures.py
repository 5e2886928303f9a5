"""Stylize many pictures on a cluster. All machines read and write them by the same paths."""

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from fststyle.errors import FststyleError, OutputError
from fststyle.runtime import mask
from fststyle.runtime.batch import Painted, stylize_file
from fststyle.runtime.farm.cluster import Cluster, working_folder
from fststyle.runtime.frame_stylizer import load_for_settings
from fststyle.runtime.output_paths import FilePair
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import Style

TOGETHER = 16
"""Pictures per task."""


def stylized(
    pairs: Sequence[FilePair], settings: ImageSettings
) -> Iterator[tuple[FilePair, Painted | FststyleError]]:
    """Each pair with its result or its error, as they finish. Pictures of a failed worker are repeated.

    Raises as `fststyle.runtime.farm.cluster.Cluster`.
    """
    if any(pair.source is None or pair.target is None for pair in pairs):
        raise OutputError("--ray: needs files as input and output, not pipes")
    groups = [pairs[first : first + TOGETHER] for first in range(0, len(pairs), TOGETHER)]
    alone = replace(settings, ray=None, threads=settings.threads or 1)
    tasks = [(os.getcwd(), group, alone) for group in groups]
    results = Cluster(str(settings.ray)).run(_work, tasks, settings.device, settings.threads)
    with closing(results):
        for number, answers in results:
            yield from zip(groups[number], answers, strict=True)


def _work(folder: str, pairs: Sequence[FilePair], settings: ImageSettings) -> list[Painted | FststyleError]:
    answers: list[Painted | FststyleError] = []
    with working_folder(folder):
        style, part = _loaded(settings)
        for pair in pairs:
            try:
                answers.append(stylize_file(pair, style, settings, part))
            except FststyleError as error:
                answers.append(error)
    return answers


@functools.lru_cache(maxsize=1)
def _loaded(settings: ImageSettings) -> tuple[Style, mask.Mask | None]:
    """Style and mask, which a worker loads once for all its tasks."""
    return load_for_settings(settings, settings.style), mask.load(settings)
