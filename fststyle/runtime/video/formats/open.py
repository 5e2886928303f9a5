"""Which form of video a name stands for, and how that form is opened: a file, an animated picture, numbered
pictures, or - for a pipe.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from fststyle.errors import InputError, OutputError
from fststyle.io.files import PIPE
from fststyle.runtime.video.formats import animation, sequence, writer
from fststyle.runtime.video.formats.animation import AnimationSink, AnimationSource
from fststyle.runtime.video.formats.base import Shot, Sink, Source
from fststyle.runtime.video.formats.raw import RawSink, RawSource, parse_size
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.sequence import SequenceSink, SequenceSource
from fststyle.runtime.video.formats.writer import Encoding, Writer


@dataclass(frozen=True)
class Incoming:
    """How a source is read: frames per second of image sequences and pipes, WIDTHxHEIGHT of a pipe,
    deinterlacing.
    """

    rate: Fraction = Fraction(25)
    frame_size: str | None = None
    deinterlace: str = "auto"
    field_rate: str = "halve"


def open_source(given: str | Path, incoming: Incoming, stdin: BinaryIO | None = None) -> Source:
    """The frames of a video file, an animated picture, numbered pictures (a pattern or their folder) or a
    pipe. Raises `InputError`.
    """
    if str(given) == PIPE:
        if incoming.frame_size is None:
            raise InputError("raw frames from - need their size (--frame-size 640x480)")
        if stdin is None:
            raise InputError("no stdin to read from")
        return RawSource(stdin, parse_size(incoming.frame_size), incoming.rate)
    path = Path(given)
    if path.is_dir():
        pattern = sequence.found_in(path)
        if pattern is None:
            raise InputError(f"{path}: holds no videos and no numbered pictures")
        return SequenceSource(pattern, incoming.rate)
    if sequence.is_pattern(path) and not path.exists():
        return SequenceSource(path, incoming.rate)
    if animation.recognised(path):
        return AnimationSource(path)
    return Reader(path, incoming.deinterlace, incoming.field_rate)


@dataclass(frozen=True)
class Target:
    """Where a video goes.

    ``path`` is None for a pipe; ``single`` whether it is one file, that can be written under another name
    first.
    """

    path: Path | None
    single: bool
    open: Callable[[Path, Source, Shot, Fraction], Sink]
    """(place, source, first frame, frames a second) -> sink"""
    highest_rate: int | None = None
    encoded: bool = False
    """Whether an encoder writes it, as an `Encoding` says."""

    @property
    def name(self) -> str:
        return "stdout" if self.path is None else str(self.path)


def target_of(
    given: str | Path, source: Source, encoding: Encoding, stdout: BinaryIO | None = None
) -> Target:
    """What is written where ``given`` says; into a folder under the source's own name.

    Raises `OutputError` for what cannot be written.
    """
    if str(given) == PIPE:
        if stdout is None:
            raise OutputError("no stdout to write to")
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
            animation.HIGHEST_RATE[suffix],
        )
    if suffix in writer.FORMATS:
        return Target(
            path,
            True,
            lambda place, source, first, rate: Writer(place, suffix, source, first, rate, encoding),
            encoded=True,
        )
    forms = " ".join((*writer.FORMATS, *animation.FORMATS))
    raise OutputError(
        f"{path}: a video is written as {forms} or numbered pictures such as %05d.png; a new folder ends in a"
        " slash"
    )


def _own_name(source: Source, given: str | Path) -> str:
    if isinstance(source, RawSource):
        raise OutputError(f"{given}: is a folder; a video from a pipe needs a file name")
    name = Path(source.name)
    if isinstance(source, SequenceSource):
        return name.name
    return written_as(name).name


def written_as(path: Path) -> Path:
    """The name a video keeps in its output, .mp4 where its own form cannot be written."""
    return path if path.suffix.lower() in (*writer.FORMATS, *animation.FORMATS) else path.with_suffix(".mp4")
