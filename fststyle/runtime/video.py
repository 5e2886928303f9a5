"""Paint a video: every frame once, at its own time, with the sound as it was."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fststyle.atomic import replacing_path
from fststyle.errors import InputError, OutputError
from fststyle.runtime import pipeline
from fststyle.runtime.containers import FORMATS, Encoding, Reader, Shot, Writer
from fststyle.runtime.image import Painter, PaintSettings, load_as
from fststyle.runtime.plan import check_folder
from fststyle.runtime.session import Style
from fststyle.settings import check, option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class VideoSettings(PaintSettings):
    """How a video is painted."""

    start: float = option(0.0, "Begin here, in seconds.", min=0)
    end: float | None = option(None, "End here, in seconds.", min=0)
    codec: str = option("libx264", "Encoder: libx264, libx265, libsvtav1, libvpx-vp9, h264_nvenc, h264_videotoolbox ... (.webm takes libvpx-vp9).")
    crf: int = option(18, "Quality of x264, x265 and vp9: lower is better and larger.", min=0, max=63)


@dataclass(frozen=True)
class Progress:
    """After a frame: how many are done, how many there are (as far as the file tells), frames a second so far."""

    frames: int
    of: int | None
    fps: float


@dataclass(frozen=True)
class PaintedVideo:
    """One video done: its size in pixels, its frames, and the seconds it took."""

    input: str
    output: str
    width: int
    height: int
    frames: int
    seconds: float
    style: str
    device: str
    broken: str | None = None
    lost: tuple[str, ...] = ()
    """Streams that the output's container cannot hold."""


def stylize_video(
    source: str | Path, target: str | Path, settings: VideoSettings | None = None, *, on_progress: Callable[[Progress], None] = lambda p: None, **changes: Any
) -> PaintedVideo:
    """Paint the video ``source`` into ``target``, in the container of its suffix; the keyword arguments are the fields of `VideoSettings`.

    Every frame keeps its own time; sound and subtitles are copied as they are (sound encoded anew only where the container cannot hold it), metadata
    and chapters kept. ``target`` appears whole or not at all. A damaged video gives what could be read, and says so in ``broken``.
    Raises `InputError`, `OutputError`, `StyleError`, `DeviceError`.
    """
    settings = replace(settings or VideoSettings(), **changes)
    check(settings)
    source, target = Path(source), Path(target)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--end: {settings.end:g} is not after the start at {settings.start:g} seconds")
    if target.suffix.lower() not in FORMATS:
        raise OutputError(f"{target}: a video is written as {' '.join(FORMATS)}")
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(f"{target}: is the input and would be overwritten; choose another output")
    check_folder(target.parent)
    reader = Reader(source)
    try:
        return _paint(reader, target, load_as(settings, settings.style), settings, on_progress)
    finally:
        reader.close()


def video_frames(source: str | Path, style: str | Path | Style = "starry-night", **changes: Any) -> "Iterator[NDArray[np.uint8]]":
    """The painted frames of a video, one after another: uint8 (H, W, 3) RGB. Keyword arguments and errors as of `stylize_video`."""
    settings = VideoSettings(style=style.name if isinstance(style, Style) else str(style), **changes)
    check(settings)
    painter = Painter(style if isinstance(style, Style) else load_as(settings, settings.style), settings)
    reader = Reader(Path(source))
    try:
        for item in _between(reader, settings):
            if isinstance(item, Shot):
                yield painter.frame(item.rgb)
    finally:
        reader.close()


def _paint(reader: Reader, target: Path, style: Style, settings: VideoSettings, on_progress: Callable[[Progress], None]) -> PaintedVideo:
    painter = Painter(style, settings)
    begin, done, size = time.perf_counter(), 0, (0, 0)
    of = _expected(reader, settings)
    writer: Writer | None = None

    def work(item: Any) -> Any:
        nonlocal done
        if not isinstance(item, Shot):
            return item
        painted = replace(item, rgb=painter.frame(item.rgb))
        done += 1
        on_progress(Progress(done, of, done / (time.perf_counter() - begin)))
        return painted

    waiting: list[Any] = []

    def write(item: Any) -> None:
        """The file is begun with the first frame, whose size it takes; sound that comes before waits."""
        nonlocal writer, size
        if writer is None:
            waiting.append(item)
            if not isinstance(item, Shot):
                return
            size = item.rgb.shape[:2]
            writer = Writer(temporary, target.suffix, reader, size, Encoding(settings.codec, settings.crf))
            items, waiting[:] = list(waiting), []
        else:
            items = [item]
        for one in items:
            writer.write(one) if isinstance(one, Shot) else writer.copy(one)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing_path(target) as temporary:
            try:
                pipeline.run(_between(reader, settings), work, write)
                if writer is None:
                    raise InputError(f"{reader.path}: holds no frames{f' ({reader.broken})' if reader.broken else ''}")
                writer.close()
            except BaseException:
                if writer is not None:
                    writer.abandon()
                raise
    except OutputError as error:
        raise OutputError(f"{target}: {error}") from error
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    seconds = round(time.perf_counter() - begin, 3)
    return PaintedVideo(str(reader.path), str(target), size[1], size[0], done, seconds, style.name, style.device, reader.broken, tuple(writer.lost))


def _between(reader: Reader, settings: VideoSettings) -> Iterator[Any]:
    """What lies between start and end, moved so that it begins at 0 where there is a start."""
    start, end = settings.start, settings.end
    for item in reader:
        if isinstance(item, Shot):
            seconds, base = item.seconds, item.time_base
        else:
            base = item.time_base
            seconds = float((item.pts if item.pts is not None else item.dts) * base)
        if start and seconds < start - 1e-6:
            continue
        if end is not None and seconds >= end:
            if isinstance(item, Shot):
                return
            continue
        if start:
            shift = round(start / base)
            if isinstance(item, Shot):
                item = replace(item, pts=item.pts - shift)
            else:
                item.pts, item.dts = (None if item.pts is None else item.pts - shift), item.dts - shift
        yield item


def _expected(reader: Reader, settings: VideoSettings) -> int | None:
    if not settings.start and settings.end is None:
        return reader.frames
    end = min(value for value in (settings.end, reader.seconds, 1e9) if value is not None)
    return max(1, round((end - settings.start) * reader.rate)) if end < 1e9 else None
