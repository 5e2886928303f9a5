"""Stylize image files on a Ray cluster. All machines must be able to access the files at the same paths."""

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

IMAGES_PER_TASK = 16
"""Maximum number of images per task."""


def stylized(
    pairs: Sequence[FilePair], settings: ImageSettings
) -> Iterator[tuple[FilePair, Painted | FststyleError]]:
    """Stylize images on the cluster given by ``settings.ray``.

    Yields each pair of an input and an output file with its result or error. A task consists of at most
    `IMAGES_PER_TASK` pairs, which are yielded in order when the task finishes. Tasks may finish in any order.

    Raises `OutputError` if an input is stdin or an output is stdout, and the errors of `Cluster` and
    `Cluster.run`.
    """
    if any(pair.source is None or pair.target is None for pair in pairs):
        raise OutputError("--ray needs files as input and output, not stdin or stdout")
    groups = [pairs[first : first + IMAGES_PER_TASK] for first in range(0, len(pairs), IMAGES_PER_TASK)]
    local = replace(settings, ray=None, threads=settings.threads or 1)
    tasks = [(os.getcwd(), group, local) for group in groups]
    results = Cluster(str(settings.ray)).run(_work, tasks, settings.device, settings.threads)
    with closing(results):
        for number, painted in results:
            yield from zip(groups[number], painted, strict=True)


def _work(folder: str, pairs: Sequence[FilePair], settings: ImageSettings) -> list[Painted | FststyleError]:
    """Stylize images in a worker, with paths relative to ``folder``. Returns the result or error of each."""
    results: list[Painted | FststyleError] = []
    with working_folder(folder):
        style, part = _load_cached(settings)
        for pair in pairs:
            try:
                results.append(stylize_file(pair, style, settings, part))
            except FststyleError as error:
                results.append(error)
    return results


@functools.lru_cache(maxsize=1)
def _load_cached(settings: ImageSettings) -> tuple[Style, mask.Mask | None]:
    """Load the style and the mask, which is None if the settings have none.

    The worker keeps them for further tasks with the same settings.
    """
    return load_for_settings(settings, settings.style), mask.load(settings)
