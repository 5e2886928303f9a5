"""Stylize a video; the functions of the Python API."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from fststyle.arrays import RGB
from fststyle.errors import BatchError, InputError, OutputError
from fststyle.io.files import refuse_overwrite
from fststyle.io.folders import check_folder
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.style import Style
from fststyle.runtime.video import moving_mask, retime
from fststyle.runtime.video.conversion import VideoConversion, items_of
from fststyle.runtime.video.formats import sequence
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.open import InputOptions, open_source, target_of
from fststyle.runtime.video.frame_processor import FrameProcessor
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.runtime.video.report import PaintedVideo, Progress, VideoListener
from fststyle.runtime.video.transitions import TransitionStylizer
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
    """Stylize the video ``source`` and write it to ``target``. Keyword arguments are fields of
    `VideoSettings`.

    ``source``: a video file, an animated GIF, WebP, PNG or AVIF, an image sequence (``frames/%05d.png`` or
    its folder), or "-" for raw frames from ``stdin``. ``target``: a video file, an animated image, an image
    sequence, a folder (the file name is kept), or "-" for raw frames to ``stdout``. The suffix of a file
    determines its container.

    Each frame keeps its timestamp unless ``fps`` is set. Other streams, tags and chapters are copied, and
    audio is re-encoded if the container or its players do not support it. Everything that is not in the
    output is in ``lost``. The file is complete or absent. For a damaged video, the frames that could be read
    are written, and ``broken`` is the reason. Raises `InputError`, `OutputError`, `StyleError` and
    `DeviceError`.
    """
    settings = checked(_changed(settings or VideoSettings(), changes))
    return stylize_one(source, target, settings, VideoListener(on_progress, on_note), stdin, stdout)


def stylize_one(
    source: str | Path,
    target: str | Path,
    settings: VideoSettings,
    listener: VideoListener,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> PaintedVideo:
    """Like `stylize_video`, for checked settings."""
    if not str(target):
        raise OutputError("the name of the output is empty")
    opened = open_source(source, _input_options(settings), stdin)
    try:
        encoding = Encoding(settings.codec, settings.crf, settings.pix_fmt, settings.preset, settings.audio)
        place = target_of(target, opened, encoding, stdout)
        if place.path is not None:
            masks = [] if settings.mask is None else moving_mask.files(settings.mask)
            read = (source, *masks) if place.single else masks
            refuse_overwrite(read, *([place.path] if place.single else sequence.existing(place.path)))
            check_folder(place.path.parent)
        return _conversion_of(settings)(opened, place, settings, listener, encoding).run()
    finally:
        opened.close()


def video_frames(
    source: str | Path, style: str | Path | Style = "starry-night", **changes: Any
) -> Iterator[RGB]:
    """Iterate over the stylized frames of a video: uint8 (H, W, 3) RGB.

    Keyword arguments and errors are those of `stylize_video`. For a damaged video, `BatchError` is raised
    after the frames that could be read.
    """
    loaded = style if isinstance(style, Style) else None
    settings = checked(
        _changed(VideoSettings(style=style.name if isinstance(style, Style) else str(style)), changes)
    )
    opened = open_source(source, _input_options(settings))
    try:
        frames = FrameProcessor(
            opened, settings, TransitionStylizer(settings.timeline, settings, style=loaded)
        )
        with contextlib.closing(frames):
            for item in items_of(opened, settings, settings.fps):
                if isinstance(item, TimedFrame):
                    yield frames.finish(frames.begin(item)()).rgb
        if opened.broken:
            raise BatchError(f"{source}: is damaged ({opened.broken}); what could be read was stylized")
    finally:
        opened.close()


def _conversion_of(settings: VideoSettings) -> type[VideoConversion]:
    if settings.ray is None:
        return VideoConversion
    from fststyle.runtime.farm.video import FarmConversion

    return FarmConversion


def _input_options(settings: VideoSettings) -> InputOptions:
    rate = retime.rational(settings.input_fps)
    return InputOptions(rate, settings.frame_size, settings.deinterlace, settings.field_rate)


def _changed(settings: VideoSettings, changes: dict[str, Any]) -> VideoSettings:
    try:
        return replace(settings, **current_names(VideoSettings, changes, stacklevel=4))
    except TypeError as error:
        raise unknown("a video", error) from error


def checked(settings: VideoSettings) -> VideoSettings:
    """The settings, if they are valid. Raises `InputError`."""
    check(settings)
    parse_keyframes(settings.style, settings.strength, settings.keyframes, settings.fade)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--end: {settings.end:g} is not after the start at {settings.start:g} seconds")
    return settings
