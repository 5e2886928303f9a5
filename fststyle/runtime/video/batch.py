"""Stylize the videos of a folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fststyle import catalogue
from fststyle.errors import BatchError, FststyleError, InputError, OutputError
from fststyle.io import images
from fststyle.io.files import PIPE, refuse_overwrite
from fststyle.io.folders import Refused, check_folder, files, without_results
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.target_names import distinct
from fststyle.runtime.video.formats import animation, sequence
from fststyle.runtime.video.formats.open import written_as
from fststyle.runtime.video.report import PaintedVideo, VideoListener
from fststyle.runtime.video.stylize import checked, stylize_one

SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts"),
        *(".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".vob", ".dv", ".y4m"),
        *(".mjpeg", ".mjpg", ".m1v", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".nut"),
        *(".gif", ".apng"),
    )
)
"""Suffixes, in lower case, of the files in a folder that are stylized as videos."""

ANIMATED = frozenset((".webp", ".avif", ".png"))
"""Suffixes of image files that are stylized as videos if they are animated."""

_NAMED = 3
"""Maximum number of ignored files that are named in a note."""


@dataclass(frozen=True)
class BatchListener(VideoListener):
    """Callbacks for the videos of a folder, in addition to those of `VideoListener`.

    ``on_start(path, number, total)`` is called before each video, with ``number`` counted from 1.
    ``on_done(painted)`` is called after each video that was written, and ``on_failed(path, error)`` after
    each video that failed or is damaged. For a damaged video, both are called. ``on_failed`` is also called
    for each subfolder or link that cannot be read.
    """

    on_start: Callable[[Path, int, int], None] = lambda source, number, of: None
    on_done: Callable[[PaintedVideo], None] = lambda painted: None
    on_failed: Callable[[str, FststyleError], None] = lambda source, error: None


def stylize_videos(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings | None = None,
    listener: BatchListener | None = None,
) -> list[PaintedVideo]:
    """Stylize all videos and animated images of a folder.

    File names and subfolders are kept. The output of an input whose format cannot be written is an .mp4 file.
    If several inputs have the same output name, a number is appended to all names but the first.

    Args:
        source: the input folder.
        target: the output folder.
        settings: the settings; None uses the defaults.
        listener: callbacks for progress, results and failures.

    Returns:
        The results of the videos that were stylized, without those skipped because of ``skip_existing``.

    Raises:
        BatchError: an input failed or is damaged. This is raised after the last video.
        InputError: a setting is invalid, or ``source`` is not a folder, cannot be read or contains no
            videos.
        OutputError: ``target`` is not a folder or cannot be written, or an input would be overwritten.
        StyleError: a style does not exist or is a checkpoint.
    """
    source, target = Path(source), Path(target)
    settings, listener = checked(settings or VideoSettings()), listener or BatchListener()
    refused: list[tuple[str, FststyleError]] = []
    pairs = _paths(source, target, lambda place, error: refused.append((str(place), error)))
    for note in _ignored(source, target, {path for path, _ in pairs}):
        listener.on_note(note)
    for name in settings.timeline.names:  # a missing style affects all videos
        catalogue.locate(name)
    done, failed = [], len(refused)
    for name, error in refused:
        listener.on_failed(name, error)
    for number, (path, out) in enumerate(pairs, 1):
        if settings.skip_existing and out.exists():
            listener.on_note(f"{out}: already exists, skipped")
            continue
        listener.on_start(path, number, len(pairs))
        try:
            painted = stylize_one(path, out, settings, listener)
            done.append(painted)
            listener.on_done(painted)
            if painted.broken:
                raise BatchError(f"{path}: is damaged ({painted.broken}); the readable part is in {out}")
        except FststyleError as error:
            failed += 1
            listener.on_failed(str(path), error)
    if failed:
        total, verb = len(pairs) + len(refused), "is" if failed == 1 else "are"
        raise BatchError(f"{failed} of {total} input{'s' * (total != 1)} failed or {verb} damaged")
    return done


def videos_in(folder: Path, on_refused: Refused = lambda place, error: None) -> list[Path]:
    """Return the videos and animated images of a folder and its subfolders, sorted.

    ``on_refused`` is called with each subfolder that cannot be read and each link to a missing file. Raises
    `InputError` if ``folder`` is not a folder or cannot be read.
    """
    found = files(folder, SUFFIXES | ANIMATED, on_refused)
    return [path for path in found if path.suffix.lower() in SUFFIXES or animation.is_animation(path)]


def _ignored(source: Path, target: Path, videos: set[Path]) -> Iterator[str]:
    """Yield notes about the files of the folder ``source`` that are not in ``videos``.

    Results of earlier runs in ``target`` are not mentioned; see `without_results`.
    """
    left = [path for path in without_results(files(source, None), source, target) if path not in videos]
    pictures = [path for path in left if path.suffix.lower() in images.READABLE]
    others = [str(path.relative_to(source)) for path in left if path.suffix.lower() not in images.READABLE]
    if count := len(pictures):
        yield (
            f"{source}: {count} image{'s are' if count > 1 else ' is'} ignored; fststyle image stylizes"
            " images"
        )
    if count := len(others):
        names = ", ".join(others[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
        yield f"{source}: {count} other file{'s are' if count > 1 else ' is'} ignored: {names}"


def _paths(source: Path, target: Path, on_refused: Refused) -> list[tuple[Path, Path]]:
    """Return the input and output path of each video.

    Results of earlier runs in ``target`` are excluded; see `without_results`. Raises `InputError` if
    ``source`` is not a folder, cannot be read or contains no videos, and `OutputError` if ``target`` cannot
    be the output folder or an input would be overwritten.
    """
    if str(target) == PIPE or (sequence.is_pattern(target) and not target.exists()):
        raise OutputError(f"{target}: can hold only one video; an input folder needs an output folder")
    if target.is_file() or (not target.exists() and target.suffix.lower() in SUFFIXES):
        problem = "is a file" if target.is_file() else "is the name of a video file"
        raise OutputError(f"{target}: {problem}; an input folder needs an output folder")
    found = without_results(videos_in(source, on_refused), source, target)
    if not found:
        raise InputError(f"{source}: contains no videos")
    pairs = distinct((path, target / written_as(path.relative_to(source))) for path in found)
    for folder in {out.parent for _, out in pairs}:
        check_folder(folder)
    refuse_overwrite(found, *(out for _, out in pairs))
    return pairs
