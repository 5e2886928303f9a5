"""Open inputs and outputs by name: a video file, an animated image, an image sequence, or - for a pipe."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from fststyle.errors import InputError, OutputError
from fststyle.io import plugins
from fststyle.io.files import PIPE
from fststyle.runtime.video.formats import animation, sequence, writer
from fststyle.runtime.video.formats.animation import AnimationSink, AnimationSource
from fststyle.runtime.video.formats.base import Sink, Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.raw import RawSink, RawSource, parse_size
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.sequence import SequenceSink, SequenceSource
from fststyle.runtime.video.formats.writer import Writer


@dataclass(frozen=True)
class InputOptions:
    """Options for opening a video input.

    ``rate`` is the frame rate of image sequences and stdin in frames per second. ``frame_size`` is the size
    of the frames from stdin as WIDTHxHEIGHT. ``deinterlace`` and ``field_rate`` apply to video files, and are
    the ``mode`` and the ``field_rate`` of `fststyle.runtime.video.formats.deinterlace.Deinterlacer`.
    """

    rate: Fraction = Fraction(25)
    frame_size: str | None = None
    deinterlace: str = "auto"
    field_rate: str = "halve"


def open_source(given: str | Path, options: InputOptions, stdin: BinaryIO | None = None) -> Source:
    """Open a video file, an animated image, an image sequence (a pattern or its folder), or "-" (``stdin``).

    Raises `InputError` if the input cannot be read, and `DependencyError` if PyAV is needed and missing.
    """
    if str(given) == PIPE:
        if options.frame_size is None:
            raise InputError("raw frames from stdin need --frame-size, such as --frame-size 640x480")
        if stdin is None:
            raise InputError("stdin is closed or was not given; the video cannot be read from it")
        return RawSource(stdin, parse_size(options.frame_size), options.rate)
    path = Path(given)
    if path.is_dir():
        pattern = sequence.found_in(path)
        if pattern is None:
            raise InputError(f"{path}: is a folder without an image sequence")
        return SequenceSource(pattern, options.rate)
    if sequence.is_pattern(path) and not path.exists():
        return SequenceSource(path, options.rate)
    if path.is_file() and animation.is_animation_format(path):  # reading a named pipe would block
        return AnimationSource(path)
    try:
        return Reader(path, options.deinterlace, options.field_rate)
    except InputError as error:
        if path.is_file() and _is_picture(path):
            raise InputError(f"{path}: is a still image; use `fststyle image`") from error
        raise


def _is_picture(path: Path) -> bool:
    """Return whether a file is a HEIC or JPEG XL image, which Pillow reads only with an optional package."""
    with path.open("rb") as file:
        return plugins.kind_of(file) is not None


@dataclass(frozen=True)
class Target:
    """Where a video is written.

    ``path`` is None for stdout. ``single``: True if the output is one file, which can be written under a
    temporary name. ``highest_rate`` is the maximum frame rate in frames per second; None means no limit.
    """

    path: Path | None
    single: bool
    open: Callable[[Path, Source, TimedFrame, Fraction], Sink]
    """Function that opens the sink: (path, source, first frame, frame rate) -> sink."""
    highest_rate: int | None = None
    encoded: bool = False
    """Whether a video encoder is used, so that `Encoding` applies."""

    @property
    def name(self) -> str:
        """Name of the output for messages."""
        return "stdout" if self.path is None else str(self.path)


def target_of(
    given: str | Path, source: Source, encoding: Encoding, stdout: BinaryIO | None = None
) -> Target:
    """Return the `Target` for an output path, or for "-", which means ``stdout``.

    Nothing is opened or created.

    ``given`` names a folder if it is an existing folder, ends with a slash, or has no suffix and the source
    is an image sequence. The output in this folder is then an image sequence with the pattern of the source,
    or a file with the name of the source. The suffix of the file is .mp4 if the format of the source's suffix
    cannot be written.

    Raises:
        OutputError: the suffix is missing or its format cannot be written, a name contains several number
            patterns such as %d, ``given`` is a folder but the source is stdin, or ``given`` is "-" but
            ``stdout`` is None.
    """
    if str(given) == PIPE:
        if stdout is None:
            raise OutputError("stdout was not given; the video cannot be written to it")
        return Target(None, False, lambda place, source, first, rate: RawSink(stdout, source))
    path = Path(given)
    if (
        path.is_dir()
        or str(given).endswith(("/", os.sep))
        or (isinstance(source, SequenceSource) and not path.suffix)
    ):
        path = path / _own_name(source, given)
    suffix = path.suffix.lower()
    if sequence.is_pattern(path) and suffix not in writer.FORMATS:  # "50%done.mp4" is a name
        sequence.check_pattern(path)
        return Target(path, False, lambda place, source, first, rate: SequenceSink(place, source))
    if suffix in animation.FORMATS:
        return Target(
            path,
            True,
            lambda place, source, first, rate: AnimationSink(place, suffix, source, rate),
            animation.MAX_RATE[suffix],
        )
    if suffix in writer.FORMATS:
        return Target(
            path,
            True,
            lambda place, source, first, rate: Writer(place, suffix, source, first, rate, encoding),
            encoded=True,
        )
    forms = " ".join((*writer.FORMATS, *animation.FORMATS))
    problem = f"cannot write {path.suffix!r}" if path.suffix else "has no suffix"
    raise OutputError(
        f"{path}: {problem}; use one of {forms}, an image sequence such as %05d.png, or the name of a folder"
        " with a slash at the end"
    )


def _own_name(source: Source, given: str | Path) -> str:
    """Return the name of the output in the folder ``given``. Raises `OutputError` if the source is stdin."""
    if isinstance(source, RawSource):
        raise OutputError(f"{given}: is a folder; a video from stdin needs an output file name")
    name = Path(source.name)
    if isinstance(source, SequenceSource):
        return name.name
    return written_as(name).name


def written_as(path: Path) -> Path:
    """Return ``path``, with the suffix .mp4 if the format of its suffix cannot be written."""
    return path if path.suffix.lower() in (*writer.FORMATS, *animation.FORMATS) else path.with_suffix(".mp4")
