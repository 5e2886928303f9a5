"""Stylize a video from Python: `stylize_video` and `video_frames`."""

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
    """Stylize a video.

    Each frame keeps its timestamp unless ``fps`` is set. Other streams, tags and chapters are copied if the
    container supports them, and audio is re-encoded if the container or common MP4 players do not support its
    codec. Missing folders are created, and an existing output is replaced. An output file is never left
    incomplete; in an image sequence, this applies to each image. If the input is damaged, the readable frames
    are written.

    Args:
        source: a video file, an animated GIF, WebP, PNG or AVIF, an image sequence (``frames/%05d.png`` or
            its folder), or "-" for raw frames from ``stdin``.
        target: a video file, an animated image, an image sequence, a folder in which the output gets the name
            of the source, or "-" for raw frames to ``stdout``. The suffix of a file determines its container.
        settings: the settings; None uses the defaults.
        on_progress: called after each frame. With ``ray``, called after each task, where a task stylizes one
            time range.
        on_note: called with each message for the user, possibly from another thread.
        stdin: binary stream for the source "-".
        stdout: binary stream for the target "-".
        changes: fields of `VideoSettings` that replace those of ``settings``.

    Returns:
        A summary of the result. Its field ``lost`` lists everything in the source that is not in the output.
        Its field ``broken`` is the reason why a damaged input is incomplete, or None if it is not damaged.

    Raises:
        InputError: the input or a setting is invalid.
        OutputError: the output cannot be written.
        StyleError: a style cannot be loaded.
        DeviceError: the device is not available.
        DependencyError: PyAV or another required package is not installed.
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
    """Stylize a video like `stylize_video`, with settings that `checked` has accepted."""
    if not str(target):
        raise OutputError("the output name is empty")
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
    """Yield the stylized frames of a video as uint8 RGB arrays of shape (H, W, 3).

    ``source`` is any input of `stylize_video` except "-", ``style`` is a value of ``--style`` or a loaded
    style, and ``changes`` are fields of `VideoSettings`. The field ``ray`` and fields that concern the output
    file have no effect. If the strength changes over time and a loaded style is an int8 file, its float file
    is loaded from the catalogue. Raises the errors of `stylize_video` when the first frame is requested, and
    `BatchError` after the last readable frame of a damaged video.
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
            raise BatchError(f"{source}: is damaged ({opened.broken}); the readable part was stylized")
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
    """Check the settings and their keyframes, and return the settings unchanged.

    Raises `InputError` if a value is invalid.
    """
    check(settings)
    parse_keyframes(settings.style, settings.strength, settings.keyframes, settings.fade)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--end: {settings.end:g} seconds is not after --start, {settings.start:g} seconds")
    return settings
