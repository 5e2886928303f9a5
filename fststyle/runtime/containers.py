"""Video files, read through PyAV: frames as RGB arrays with their own times, packets of sound and subtitles as they are."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fststyle.errors import DependencyError, InputError
from fststyle.runtime.session import MIN_SIDE
from fststyle.runtime.shots import Shot, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_PIXELS = 8192 * 8192
_ATTACHED_PICTURE = 0x400


def av() -> Any:
    """PyAV. Raises `DependencyError` with the line that installs it."""
    try:
        import av
    except ImportError as error:
        raise DependencyError(f"video needs PyAV: pip install av [{error}]") from error
    av.logging.set_level(av.logging.PANIC)  # FFmpeg's own remarks; what matters comes as an exception
    return av


class Reader(Source):
    """A video file. Raises `InputError` for what is missing, no video, without frames or too large."""

    def __init__(self, path: Path):
        super().__init__()
        self.name, self.path = str(path), path
        self._av = av()
        self._turned = False  # by a quarter, so that its pixels are as high as they were wide
        if not path.is_file():
            raise InputError(f"{path}: {'is a folder, not a video' if path.is_dir() else 'no such file'}")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty")
        self._open()
        self.metadata, self.chapters = dict(self.container.metadata), self.container.chapters()
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.origin = (self.container.start_time or 0) / 1e6
        stated = self.stream.duration * self.stream.time_base if self.stream.duration else (self.container.duration or 0) / 1e6
        self.seconds = float(stated) or None
        self.frames = self.stream.frames or (round(self.seconds * self.rate) if self.seconds else None)

    @property
    def aspect(self) -> Fraction | None:
        told = self.stream.sample_aspect_ratio
        return (1 / told if self._turned else told) if told else None

    def __iter__(self) -> Iterator[Any]:
        ffmpeg_error, end = self._av.error.FFmpegError, self._av.error.EOFError
        step = max(1, round(1 / (self.rate * self.stream.time_base)))
        last = None
        packets = self.container.demux([self.stream, *self.others])
        while True:
            packet = None
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if packet.stream is not self.stream:
                    if packet.dts is not None:
                        yield packet
                    continue
                frames = packet.decode()
            except end:
                return
            except (ffmpeg_error, OSError, ValueError) as error:
                # A damaged packet in the middle costs a frame or two; the rest of the file still counts.
                self.broken = self.broken or reason(error)
                if isinstance(error, self._av.error.InvalidDataError) and packet is not None:
                    continue
                return
            for frame in frames:
                pts = frame.pts if frame.pts is not None else 0 if last is None else last + step
                if last is not None and pts <= last:
                    pts = last + 1
                last = pts
                rgb = _upright(frame)
                self._turned = rgb.shape[:2] != (frame.height, frame.width)
                yield Shot(rgb, pts, frame.time_base or self.stream.time_base, getattr(frame, "duration", None) or None)

    def close(self) -> None:
        self.container.close()

    def _open(self) -> None:
        try:
            self.container = self._av.open(str(self.path), metadata_errors="ignore")
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.path}: is not a video ({reason(error)})") from error
        try:
            videos = [stream for stream in self.container.streams.video if not int(stream.disposition) & _ATTACHED_PICTURE]
            if not videos:
                raise InputError(f"{self.path}: holds no video stream")
            self.stream = videos[0]
            context = self.stream.codec_context
            if context is None:
                raise InputError(f"{self.path}: its video codec is not known here")
            if not min(context.width, context.height) >= MIN_SIDE or context.width * context.height > MAX_PIXELS:
                raise InputError(f"{self.path}: {context.width}x{context.height} pixels is not between {MIN_SIDE}x{MIN_SIDE} and 8192x8192")
            self.stream.thread_type = "AUTO"
        except InputError:
            self.container.close()
            raise
        # Sound and subtitles; data streams (timecodes, telemetry) have no meaning outside their own container.
        self.others = [s for s in self.container.streams if s.type in ("audio", "subtitle") and s.codec_context is not None]


def reason(error: Exception) -> str:
    """What FFmpeg says, without its codes."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _upright(frame: Any) -> "NDArray[np.uint8]":
    """RGB of a decoded frame, turned as its display matrix says."""
    import numpy as np

    # Where the file does not say, players take BT.709 for what is as high as HD, BT.601 below.
    unsaid = int(frame.colorspace) not in (1, 4, 5, 6, 7, 9)
    source = ("ITU709" if frame.height >= 720 else "ITU601") if unsaid else None
    rgb = frame.reformat(format="rgb24", src_colorspace=source, dst_color_range="JPEG").to_ndarray()
    quarter = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, quarter)) if quarter else rgb
