"""A folder of videos, painted into the same tree."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fststyle import catalogue
from fststyle.errors import BatchError, FststyleError, InputError, OutputError
from fststyle.io import images
from fststyle.io.files import PIPE, spare
from fststyle.io.folders import Refused, files
from fststyle.runtime.output_paths import check_folder
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.formats import sequence
from fststyle.runtime.video.formats.open import written_as
from fststyle.runtime.video.stylize import Listener, PaintedVideo, checked, paint_video

SUFFIXES = {
    *(
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".m2v",
        ".ts",
        ".mts",
        ".m2ts",
        ".wmv",
        ".asf",
        ".flv",
        ".3gp",
        ".3g2",
        ".ogv",
    ),
    *(".mxf", ".vob", ".dv", ".y4m", ".gif", ".apng"),
}
"""What is taken for a video in a folder; WebP is not, since most are stills."""


@dataclass(frozen=True)
class BatchListener(Listener):
    """Who hears how a folder goes."""

    on_start: Callable[[Path, int, int], None] = lambda source, number, of: None
    on_done: Callable[[PaintedVideo], None] = lambda painted: None
    on_failed: Callable[[str, FststyleError], None] = lambda source, error: None


def stylize_videos(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings | None = None,
    listener: BatchListener | None = None,
) -> list[PaintedVideo]:
    """Paint every video of the folder ``source`` into the folder ``target``: the same tree and names, .mp4
    where a form cannot be written.

    A video that fails, or is damaged, is told to ``listener`` and the rest goes on; at the end that raises
    `BatchError`.
    Raises `InputError` where there is nothing to paint, `OutputError` for a target that cannot be right,
    `StyleError`, `DeviceError`.
    """
    source, target = Path(source), Path(target)
    settings, listener = checked(settings or VideoSettings()), listener or BatchListener()
    refused: list[tuple[str, FststyleError]] = []
    jobs = _jobs(source, target, lambda place, error: refused.append((str(place), error)))
    if count := _pictures(source, target):
        listener.on_note(
            f"{source}: holds pictures too ({count}), which stay out: fststyle image paints those"
        )
    for name in settings.timeline.names:  # what is wrong with a style is wrong for all videos
        catalogue.locate(name)
    done, failed = [], len(refused)
    for name, error in refused:
        listener.on_failed(name, error)
    for number, (path, out) in enumerate(jobs, 1):
        if settings.skip_existing and out.exists():
            listener.on_note(f"{out}: already exists, skipped")
            continue
        listener.on_start(path, number, len(jobs))
        try:
            painted = paint_video(path, out, settings, listener)
            done.append(painted)
            listener.on_done(painted)
            if painted.broken:
                raise BatchError(f"{path}: is damaged ({painted.broken}); what could be read is in {out}")
        except FststyleError as error:
            failed += 1
            listener.on_failed(str(path), error)
    if failed:
        raise BatchError(f"{failed} of {len(jobs) + len(refused)} videos failed")
    return done


def _pictures(source: Path, target: Path) -> int:
    """How many pictures lie among the videos, beside those below the target."""
    found = files(source, images.READABLE - SUFFIXES)
    return sum(not path.resolve().is_relative_to(target.resolve()) for path in found)


def _jobs(source: Path, target: Path, on_refused: Refused) -> list[tuple[Path, Path]]:
    if str(target) == PIPE or (sequence.is_pattern(target) and not target.exists()):
        raise OutputError(f"{target}: takes one video; a folder of videos becomes a folder")
    if target.is_file() or (not target.exists() and target.suffix.lower() in SUFFIXES):
        raise OutputError(f"{target}: is a file; a folder of videos becomes a folder")
    found = files(source, SUFFIXES, on_refused)
    # Results of an earlier run below the input are not videos to paint again.
    if target.resolve() != source.resolve() and target.resolve().is_relative_to(source.resolve()):
        found = [path for path in found if not path.resolve().is_relative_to(target.resolve())]
    if not found:
        raise InputError(f"{source}: holds no videos")
    jobs: list[tuple[Path, Path]] = []
    taken: set[str] = set()
    for path in found:
        first = out = target / written_as(path.relative_to(source))
        number = 2
        # two inputs with one name, such as a.avi and a.wmv: the second is numbered
        while str(out).casefold() in taken:
            out, number = first.with_name(f"{first.stem}-{number}{first.suffix}"), number + 1
        taken.add(str(out).casefold())
        spare(found, out)
        check_folder(out.parent)
        jobs.append((path, out))
    return jobs
