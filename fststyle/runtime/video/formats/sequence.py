"""Read and write image sequences as video: ``frames/%05d.png``, or a folder with one sequence."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from fststyle.errors import FststyleError, InputError, OutputError
from fststyle.io import images, metadata
from fststyle.io.pixels import CONVERTED_PROFILE, in_srgb, is_srgb
from fststyle.runtime.video.formats.base import Sink, Source, TimedFrame

_NUMBER = re.compile(r"%(0\d+|)d")
_PERCENT = "\0"


def is_pattern(path: Path) -> bool:
    """Return whether a file name contains a number pattern: %d, or one with a width such as %05d."""
    return _NUMBER.search(_template(path)) is not None


def _template(pattern: Path) -> str:
    """Return the name of a pattern with each "%%" replaced by a null byte, which no file name contains."""
    return pattern.name.replace("%%", _PERCENT)


def found_in(folder: Path) -> Path | None:
    """Return the pattern of the image sequence in a folder, or None if it contains no numbered images.

    Subfolders and hidden files are ignored. Raises `InputError` if there are several sequences.
    """
    groups: dict[tuple[str, str], set[int]] = {}
    for path in folder.iterdir():
        parts = re.fullmatch(r"(.*?)(\d+)(\.\w+)", path.name)
        if (
            parts
            and path.suffix.lower() in images.READABLE
            and not path.name.startswith(".")
            and path.is_file()
        ):
            before, number, suffix = parts.groups()
            groups.setdefault((before.replace("%", "%%"), suffix), set()).add(len(number))
    if len(groups) > 1:
        names = ", ".join(sorted(f"{before}%d{suffix}" for before, suffix in groups)[:3])
        raise InputError(f"{folder}: contains several image sequences; give one pattern, such as {names}")
    for (before, suffix), widths in groups.items():
        return folder / f"{before}%{f'0{min(widths)}' if len(widths) == 1 else ''}d{suffix}"
    return None


class SequenceSource(Source):
    """Source that reads an image sequence in the order of its numbers, with ``rate`` frames per second.

    A missing number leaves a gap in time. An image that cannot be read, or whose size differs from that of
    the first, is skipped; ``broken`` is the reason for the first such image. ``files`` maps the numbers to
    the paths, in order. Raises `InputError` if the folder does not exist, or contains no matching files.
    """

    def __init__(self, pattern: Path, rate: Fraction):
        super().__init__()
        self.name, self.pattern, self.rate = str(pattern), pattern, rate
        self.files = dict(sorted(_matching(pattern)))
        if not self.files:
            raise InputError(f"{pattern}: no such image sequence")
        self.frames = len(self.files)
        self.first = min(self.files)
        self.seconds = float((max(self.files) - self.first + 1) / rate)
        self._skip = 0.0

    def seek(self, seconds: float) -> None:
        self._skip = seconds

    def __iter__(self) -> Iterator[TimedFrame]:
        size = None
        for number, path in self.files.items():
            pts = number - self.first
            if pts / self.rate < self._skip - 1e-6:
                continue
            try:
                picture = images.read(path)
                if size not in (None, picture.size):
                    raise InputError(
                        f"{path}: is {picture.size[1]}x{picture.size[0]} pixels, not {size[1]}x{size[0]}"
                        " like the first image"
                    )
            except InputError as error:
                self.broken = self.broken or str(error)
                continue
            size, frame = picture.size, picture.frames[0]
            named = [*picture.lost, *metadata.names(picture.metadata)]
            if picture.icc and not is_srgb(picture.icc):
                named.append(CONVERTED_PROFILE)
            self.lost += [name for name in named if name not in self.lost]
            yield TimedFrame(
                in_srgb(frame, picture.icc).rgb if picture.icc else frame.rgb,
                pts,
                1 / self.rate,
                1,
                frame.alpha,
                number,
            )


class SequenceSink(Sink):
    """Sink that writes an image sequence. Each file is complete or absent.

    Frames that come from an image sequence keep their numbers. Other frames are numbered from 1. Existing
    files are overwritten. `write` raises `OutputError` if the file cannot be written, or if it is one of the
    files of ``source``.
    """

    keeps_times = False

    def __init__(self, pattern: Path, source: Source):
        super().__init__()
        self._pattern, self._count = pattern, 0
        if source.transparent and pattern.suffix.lower() in (".jpg", ".jpeg", ".jfif", ".bmp", ".ppm"):
            self.notes.append(
                "transparency is composited on white, since this format has none; .png keeps it"
            )
        self._inputs = (
            {path.resolve() for path in source.files.values()}
            if isinstance(source, SequenceSource)
            else set()
        )

    def write(self, timed: TimedFrame) -> None:
        self._count += 1
        path = numbered(self._pattern, self._count if timed.number is None else timed.number)
        if path.resolve() in self._inputs:
            raise OutputError(f"{path}: is one of the inputs and would be overwritten; choose another output")
        try:
            lost = images.write(images.Picture([images.Frame(timed.rgb, timed.alpha)]), path)
            self.lost += [name for name in lost if name not in self.lost]
        except FststyleError as error:
            raise OutputError(str(error).removeprefix(f"{self._pattern}: ")) from error


def check_pattern(pattern: Path) -> None:
    """Raise `OutputError` if ``pattern`` contains several number patterns, or images with its suffix cannot
    be written.
    """
    if len(_NUMBER.findall(_template(pattern))) > 1:
        raise OutputError(
            f"{pattern}: contains several number patterns; use one, such as %05d, and %% for a percent sign"
        )
    if pattern.suffix.lower() not in images.WRITABLE:
        raise OutputError(
            f"{pattern}: {f'cannot write {pattern.suffix!r}' if pattern.suffix else 'has no suffix'}; use one"
            f" of {' '.join(sorted(images.WRITABLE))}"
        )


def numbered(pattern: Path, number: int) -> Path:
    """Return the path of image ``number`` of the image sequence ``pattern``."""
    name = _NUMBER.sub(lambda found: f"{number:{found[1]}d}", _template(pattern), count=1)
    return pattern.with_name(name.replace(_PERCENT, "%"))


def existing(pattern: Path) -> list[Path]:
    """Return the existing files of an image sequence, sorted; empty if the folder does not exist."""
    return sorted(path for _, path in _matching(pattern)) if pattern.parent.is_dir() else []


def _matching(pattern: Path) -> Iterator[tuple[int, Path]]:
    """Yield the number and the path of each file that matches a pattern, in any order.

    Raises `InputError` if the folder does not exist.
    """
    folder, (before, width, after) = pattern.parent, _NUMBER.split(_template(pattern), maxsplit=1)
    start, end = (re.escape(part.replace(_PERCENT, "%")) for part in (before, after))
    name = re.compile(f"{start}(\\d{{{int(width or 1)},}}){end}")
    if not folder.is_dir():
        raise InputError(f"{pattern}: no such folder")
    for path in folder.iterdir():
        if (found := name.fullmatch(path.name)) and path.is_file():
            yield int(found[1]), path
