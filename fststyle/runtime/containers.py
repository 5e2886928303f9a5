"""Video files, read and written through PyAV: frames as RGB arrays with their own times, everything else copied as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fststyle.errors import DependencyError, InputError, OutputError
from fststyle.runtime.session import MIN_SIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix of an output -> its container. AVI is not among them: it has one rate and no times of single frames."""

MAX_PIXELS = 8192 * 8192


def av() -> Any:
    """PyAV. Raises `DependencyError` with the line that installs it."""
    try:
        import av
    except ImportError as error:
        raise DependencyError(f"video needs PyAV: pip install av [{error}]") from error
    av.logging.set_level(av.logging.PANIC)  # FFmpeg's own remarks; what matters comes as an exception
    return av


@dataclass(frozen=True)
class Shot:
    """One frame: ``rgb`` uint8 (H, W, 3), upright, and when it is shown: ``pts`` in units of ``time_base`` seconds."""

    rgb: "NDArray[np.uint8]"
    pts: int
    time_base: Fraction

    @property
    def seconds(self) -> float:
        return float(self.pts * self.time_base)


class Reader:
    """A video file; iterating gives `Shot` and packets of the other streams, in the order of the file.

    ``broken`` says after the end why a damaged file ended early, None for a whole one.
    Raises `InputError` for what is missing, no video, without frames or too large.
    """

    def __init__(self, path: Path):
        self.path = path
        self.broken: str | None = None
        self.turned = False  # by a quarter, so that its pixels are as high as they were wide
        self._av = av()
        if not path.is_file():
            raise InputError(f"{path}: {'is a folder, not a video' if path.is_dir() else 'no such file'}")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty")
        try:
            self.container = self._av.open(str(path), metadata_errors="ignore")
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{path}: is not a video ({_reason(error)})") from error
        videos = [stream for stream in self.container.streams.video if not int(stream.disposition) & _ATTACHED_PICTURE]
        if not videos:
            self.container.close()
            raise InputError(f"{path}: holds no video stream")
        self.stream = videos[0]
        self.stream.thread_type = "AUTO"
        context = self.stream.codec_context
        if context is None:
            self.container.close()
            raise InputError(f"{path}: its video codec is not known here")
        if not min(context.width, context.height) >= MIN_SIDE or context.width * context.height > MAX_PIXELS:
            self.container.close()
            raise InputError(f"{path}: {context.width}x{context.height} pixels is not between {MIN_SIDE}x{MIN_SIDE} and 8192x8192")
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        # Sound and subtitles; data streams (timecodes, telemetry) have no meaning outside their own container.
        self.others = [s for s in self.container.streams if s.type in ("audio", "subtitle") and s.codec_context is not None]

    @property
    def seconds(self) -> float | None:
        """Length of the video where the file states one."""
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / 1e6 if self.container.duration else None

    @property
    def frames(self) -> int | None:
        """How many frames there are, as far as the file tells."""
        return self.stream.frames or (round(self.seconds * self.rate) if self.seconds else None)

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
                self.broken = self.broken or _reason(error)
                if isinstance(error, self._av.error.InvalidDataError) and packet is not None:
                    continue
                return
            for frame in frames:
                pts = frame.pts if frame.pts is not None else 0 if last is None else last + step
                if last is not None and pts <= last:
                    pts = last + 1
                last = pts
                rgb = _upright(frame)
                self.turned = rgb.shape[:2] != (frame.height, frame.width)
                yield Shot(rgb, pts, frame.time_base or self.stream.time_base)

    def close(self) -> None:
        self.container.close()


@dataclass(frozen=True)
class Encoding:
    """How a video is written. ``crf`` is the constant quality of x264, x265 and vp9: lower is better and larger."""

    codec: str = "libx264"
    crf: int = 18


class Writer:
    """A video file being written at ``path``, in the container of ``suffix``, with the streams, metadata and chapters of ``source``.

    Raises `OutputError` for a container or codec that is not there, and where the file cannot be written.
    """

    def __init__(self, path: Path, suffix: str, source: Reader, size: tuple[int, int], encoding: Encoding):
        self._av, self.name = av(), suffix
        kind = FORMATS.get(suffix.lower())
        if kind is None:
            raise OutputError(f"a video is written as {' '.join(FORMATS)}, not {suffix or 'without a suffix'}")
        codec = "libvpx-vp9" if kind == "webm" and encoding.codec == "libx264" else encoding.codec
        options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
        self._copied: dict[int, Any] = {}
        self._coded: dict[int, Any] = {}
        self.lost: list[str] = []
        """Streams that this container cannot hold in any form, for the user to be told."""
        try:
            self.container = self._av.open(str(path), "w", format=kind, options=options)
            self.container.metadata.update(source.container.metadata)
            if chapters := source.container.chapters():
                self.container.set_chapters(chapters)
            self.stream = self.container.add_stream(codec, rate=source.rate)
            self._setup(size, source, encoding, codec)
            for other in source.others:
                self._add(other)
        except (self._av.error.FFmpegError, self._av.codec.codec.UnknownCodecError, OSError, ValueError) as error:
            raise OutputError(f"cannot be written with {codec}: {_reason(error)}") from error

    def _setup(self, size: tuple[int, int], source: Reader, encoding: Encoding, codec: str) -> None:
        height, width = size
        stream = self.stream
        stream.width, stream.height = width + width % 2, height + height % 2  # 4:2:0 halves the colours
        stream.pix_fmt = "yuv420p"
        # The source's own clock, so that every frame keeps its time to the tick.
        stream.time_base = stream.codec_context.time_base = source.stream.time_base
        if aspect := source.stream.sample_aspect_ratio:
            stream.codec_context.sample_aspect_ratio = 1 / aspect if source.turned else aspect
        if codec in ("libx264", "libx265", "libvpx-vp9"):
            stream.options = {"crf": str(encoding.crf), **({"b": "0"} if codec == "libvpx-vp9" else {"preset": "medium"})}
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1  # limited range, BT.709

    def _add(self, other: Any) -> None:
        supported = self.container.supported_codecs
        if other.codec_context.name in supported or other.codec_context.codec.canonical_name in supported:
            self._copied[other.index] = self.container.add_stream_from_template(other)
        elif other.type == "audio":
            codec = "libopus" if self.name.lower() == ".webm" else "aac"
            self._coded[other.index] = self.container.add_stream(codec, rate=48000 if codec == "libopus" else other.codec_context.sample_rate)
        else:
            self.lost.append(f"{other.type} {other.codec_context.name}")

    def write(self, shot: Shot) -> None:
        """Encode one frame. Raises `OutputError`."""
        import numpy as np

        rgb = shot.rgb
        if rgb.shape[0] % 2 or rgb.shape[1] % 2:
            rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts, frame.time_base = shot.pts, shot.time_base
        self._mux(self.stream.encode, frame)

    def copy(self, packet: Any) -> None:
        """A packet of another stream, as it is, or encoded anew where the container cannot hold it. Raises `OutputError`."""
        index = packet.stream.index
        if index in self._copied:
            packet.stream = self._copied[index]
            self._mux(lambda it: [it], packet)
        elif index in self._coded:
            for frame in packet.decode():
                self._mux(self._coded[index].encode, frame)

    def close(self) -> None:
        """Flush and finish the file. Raises `OutputError`."""
        for stream in (self.stream, *self._coded.values()):
            self._mux(stream.encode, None)
        try:
            self.container.close()
        except (self._av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot be written: {_reason(error)}") from error

    def abandon(self) -> None:
        """Let go of a file that nobody wants any more."""
        try:
            self.container.close()
        except Exception:  # it may be half set up; the file is thrown away
            return

    def _mux(self, encode: Any, item: Any) -> None:
        try:
            for packet in encode(item):
                self.container.mux(packet)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(f"cannot be written: {_reason(error)}") from error


_ATTACHED_PICTURE = 0x400


def _upright(frame: Any) -> "NDArray[np.uint8]":
    """RGB of a decoded frame, turned as its display matrix says."""
    import numpy as np

    # Where the file does not say, players take BT.709 for what is as high as HD, BT.601 below.
    unsaid = int(frame.colorspace) not in (1, 4, 5, 6, 7, 9)
    source = ("ITU709" if frame.height >= 720 else "ITU601") if unsaid else None
    rgb = frame.reformat(format="rgb24", src_colorspace=source, dst_color_range="JPEG").to_ndarray()
    quarter = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, quarter)) if quarter else rgb


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
