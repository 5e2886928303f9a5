"""Stylize a video: settings, and the functions of the Python API."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from fststyle.arrays import RGB
from fststyle.errors import BatchError, InputError, OutputError
from fststyle.io.files import spare
from fststyle.runtime.output_paths import check_folder
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.style import Style
from fststyle.runtime.video import retime
from fststyle.runtime.video.formats.base import Shot
from fststyle.runtime.video.formats.open import Incoming, open_source, target_of
from fststyle.runtime.video.formats.writer import Encoding
from fststyle.runtime.video.frames import Frames
from fststyle.runtime.video.job import Job, Listener, PaintedVideo, Progress, items_of
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.runtime.video.transitions import Painters
from fststyle.settings import check, current_names, unknown


def stylize_video(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings | None = None,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    **changes: Any,
) -> PaintedVideo:
    """Paint the video ``source`` into ``target``; the keyword arguments are the fields of `VideoSettings`.

    ``source``: a video file, an animated GIF, WebP or PNG, numbered pictures (``frames/%05d.png`` or their
    folder), or "-" for raw frames from ``stdin``. ``target``: a file in the container of its suffix, an
    animated picture, numbered pictures, a folder (the name is kept), or "-" for raw frames to ``stdout``.

    Every frame keeps its time unless ``fps`` asks for another rate. Other streams, tags and chapters are
    copied; audio is re-encoded where the container or its players refuse it; what is not in the output is in
    ``lost``. A file appears whole or not at all. A damaged video gives what could be read, and says so in
    ``broken``. Raises `InputError`, `OutputError`, `StyleError`, `DeviceError`.
    """
    settings = checked(_changed(settings or VideoSettings(), changes))
    return paint_video(source, target, settings, Listener(on_progress, on_note), stdin, stdout)


def paint_video(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings,
    listener: Listener,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> PaintedVideo:
    """As `stylize_video`, for checked settings."""
    if not str(target):
        raise OutputError("the name of the output is empty")
    opened = open_source(source, _incoming(settings), stdin)
    try:
        encoding = Encoding(settings.codec, settings.crf, settings.pix_fmt, settings.preset, settings.audio)
        place = target_of(target, opened, encoding, stdout)
        if place.path is not None:
            if place.single:
                spare((source, *filter(None, (settings.mask,))), place.path)
            check_folder(place.path.parent)
        return Job(opened, place, settings, listener, encoding).paint()
    finally:
        opened.close()


def video_frames(
    source: str | Path, style: str | Path | Style = "starry-night-live", **changes: Any
) -> Iterator[RGB]:
    """The painted frames of a video, one after another: uint8 (H, W, 3) RGB.

    Keyword arguments and errors as of `stylize_video`.

    A damaged video gives what could be read, and then raises `BatchError`.
    """
    loaded = style if isinstance(style, Style) else None
    settings = checked(
        _changed(VideoSettings(style=style.name if isinstance(style, Style) else str(style)), changes)
    )
    opened = open_source(source, _incoming(settings))
    try:
        frames = Frames(opened, settings, Painters(settings.timeline, settings, style=loaded))
        for item in items_of(opened, settings, settings.fps):
            if isinstance(item, Shot):
                yield frames.finish(frames.begin(item)()).rgb
        if opened.broken:
            raise BatchError(f"{source}: is damaged ({opened.broken}); what could be read was painted")
    finally:
        opened.close()


def _incoming(settings: VideoSettings) -> Incoming:
    rate = retime.rational(settings.input_fps)
    return Incoming(rate, settings.frame_size, settings.deinterlace, settings.field_rate)


def _changed(settings: VideoSettings, changes: dict[str, Any]) -> VideoSettings:
    try:
        return replace(settings, **current_names(VideoSettings, changes, stacklevel=4))
    except TypeError as error:
        raise unknown("a video", error) from error


def checked(settings: VideoSettings) -> VideoSettings:
    """The settings, if they can be right. Raises `InputError`."""
    check(settings)
    parse_keyframes(settings.style, settings.strength, settings.keyframes, settings.fade)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--end: {settings.end:g} is not after the start at {settings.start:g} seconds")
    return settings
