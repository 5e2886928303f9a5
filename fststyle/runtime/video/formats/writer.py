"""Video files being written through PyAV: H.264 that plays in browsers unless another codec is asked for,
sound and subtitles as they were.
"""

import contextlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.errors import OutputError
from fststyle.io.pixels import on_white
from fststyle.runtime.video.formats.base import Packet, Shot, Sink, Source
from fststyle.runtime.video.formats.durations import Durations
from fststyle.runtime.video.formats.reader import av, reason

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix of an output -> its container.

AVI is not among them: it has one rate and no times of single frames.
"""

PACED = ("libx264", "libx265")
"""Encoders that take a preset of these names."""

RATED = (*PACED, "libvpx-vp9", "libsvtav1")
"""Encoders that take a constant quality."""

_TICK = Fraction(1, 1000)
"""Seconds that every container can tell apart."""

_NOT_IN_MOV = {"flac", "opus"}
"""Sound that FFmpeg lists for MOV and then does not write there."""

_TWO_PLANES = ("nv12", "p010le")
"""4:2:0 of 8 and of 10 bits as hardware has it."""

_HARDWARE = ("_nvenc", "_qsv", "_vaapi", "_amf", "_videotoolbox", "_v4l2m2m", "_mf", "_vulkan")
"""How the names of encoders in hardware end."""

_LAYOUTS = {
    f"{count} channels": name
    for count, name in {
        1: "mono",
        2: "stereo",
        3: "2.1",
        4: "4.0",
        5: "5.0(side)",
        6: "5.1(side)",
        7: "6.1",
        8: "7.1",
    }.items()
}
"""Where a file only counts its channels: what is meant as a rule."""


@dataclass(frozen=True)
class Encoding:
    """How a video is written.

    ``codec`` is FFmpeg's name of the encoder; auto takes libx264, or libvpx-vp9 for .webm.

    ``crf`` is the constant quality of x264, x265, vp9 and SVT-AV1: lower is better and larger.
    ``pix_fmt``: FFmpeg's name of the pixels, such as yuv420p10le; None takes yuv420p, or the first that the
    encoder knows if that is not among them. ``preset``: of x264 and x265, how much time they take for a
    smaller file.
    """

    codec: str = "auto"
    crf: int = 18
    pix_fmt: str | None = None
    preset: str = "veryfast"


def encoder(asked: str, suffix: str) -> str:
    """The encoder that is meant by a ``codec`` of `Encoding` in a file of this suffix."""
    if asked == "auto":
        return "libvpx-vp9" if suffix.lower() == ".webm" else "libx264"
    try:
        return str(av().Codec(asked, "w").name)  # h264 is libx264
    except (ValueError, av().codec.codec.UnknownCodecError):
        return asked


class Writer(Sink):
    """A video file being written at ``path``, in the container of ``suffix``, with the streams, metadata and
    chapters of ``source``.

    ``first`` is the first frame, whose size and clock the video takes; ``rate`` its frames a second, on
    average.
    Raises `OutputError` for a container or codec that is not there, and where the file cannot be written.
    """

    def __init__(
        self, path: Path, suffix: str, source: Source, first: Shot, rate: Fraction, encoding: Encoding
    ):
        super().__init__()
        self._av = av()
        self._kind = kind = FORMATS[suffix.lower()]
        codec = encoder(encoding.codec, suffix)
        options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
        self._copied: dict[int, Any] = {}
        self._coded: dict[int, Any] = {}
        self._last: dict[int, int] = {}
        self._durations = Durations()
        try:
            with contextlib.ExitStack() as undo:
                self.container = self._av.open(str(path), "w", format=kind, options=options)
                undo.callback(self.abandon)
                self.container.metadata.update(source.metadata)
                if source.chapters:
                    self.container.set_chapters(source.chapters)
                if self._av.Codec(codec, "w").type != "video":
                    raise OutputError(f"cannot be written: {codec} does not encode video (--codec)")
                self.stream = self.container.add_stream(codec, rate=rate)
                self._setup(first, source, encoding, codec)
                for other in source.others:
                    self._add(other)
                undo.pop_all()
        except self._av.codec.codec.UnknownCodecError as error:
            raise OutputError(
                f"cannot be written: there is no encoder called {codec} here (--codec)"
            ) from error
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(f"cannot be written with {codec}: {reason(error)}") from error

    def _setup(self, first: Shot, source: Source, encoding: Encoding, codec: str) -> None:
        height, width = first.rgb.shape[:2]
        stream = self.stream
        stream.width, stream.height = width + width % 2, height + height % 2  # 4:2:0 halves the colours
        self.size = stream.height, stream.width
        if self.size != (height, width):
            self.notes.append(
                f"is {stream.width}x{stream.height} instead of {width}x{height}: encoders want even sides"
            )
        stream.pix_fmt = self._pixels = self._pixels_for(codec, encoding.pix_fmt)
        # The source's own clock, so that every frame keeps its time to the tick.
        stream.time_base = stream.codec_context.time_base = first.time_base
        if source.aspect:
            stream.codec_context.sample_aspect_ratio = source.aspect
        if codec in RATED:
            stream.options = {
                "crf": str(encoding.crf),
                **({"preset": encoding.preset} if codec in PACED else {"b": "0"}),
            }
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"
            stream.options = {**stream.options, "x265-params": "log-level=none"}
        os.environ.setdefault("SVT_LOG", "1")  # of SVT-AV1: errors alone
        context = stream.codec_context
        # Limited range and the matrix of BT.709, which every player knows; primaries and transfer are the
        # source's.
        context.color_range, context.colorspace = 1, 1
        context.color_primaries, context.color_trc = source.colours

    def _pixels_for(self, codec: str, wanted: str | None) -> str:
        known = [form.name for form in self._av.Codec(codec, "w").video_formats or []]
        planes = [
            name
            for name in known
            if name in _TWO_PLANES or (name.startswith("yuv") and not name.startswith(("yuvj", "yuva")))
        ]
        if known and not planes:
            raise OutputError(
                f"cannot be written with {codec}: it takes {', '.join(known[:5])}, none of them yuv"
            )
        if wanted is None:
            return "yuv420p" if not planes or "yuv420p" in planes else planes[0]
        if not (wanted.startswith("yuv") or wanted in _TWO_PLANES) or (known and wanted not in planes):
            raise OutputError(f"--pix-fmt: {codec} does not take {wanted}; it takes {', '.join(planes)}")
        return wanted

    def _add(self, other: Any) -> None:
        supported = self.container.supported_codecs
        names = {other.codec_context.name, other.codec_context.codec.canonical_name}
        if names & supported and not (self._kind == "mov" and names & _NOT_IN_MOV):
            made = self._copied[other.index] = self.container.add_stream_from_template(other)
            if other.type == "audio" and (layout := _LAYOUTS.get(other.codec_context.layout.name)):
                # AVI and Matroska count channels without saying which they are, and MP4 refuses that, at its
                # very end.
                made.codec_context.layout = layout
        elif other.type == "audio":
            codec = "libopus" if self._kind == "webm" else "aac"
            made = self._coded[other.index] = self.container.add_stream(
                codec, rate=48000 if codec == "libopus" else other.codec_context.sample_rate
            )
            if other.codec_context.layout.nb_channels == 1:
                made.codec_context.layout = "mono"
            told = "its sound is encoded anew"
            if (channels := other.codec_context.layout.nb_channels) > made.codec_context.layout.nb_channels:
                told += f", its {channels} channels as {made.codec_context.layout.name}"
            self.notes.append(f"{told}, since {other.codec_context.name} cannot be copied into it")
        else:
            self.lost.append(f"{other.type} {other.codec_context.name}")
            return
        _name(made, other)

    def write(self, shot: Shot) -> None:
        """Encode one frame. Raises `OutputError`."""
        rgb = shot.rgb if shot.alpha is None else on_white(shot.rgb, shot.alpha)
        if rgb.shape[0] % 2 or rgb.shape[1] % 2:
            rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        try:
            frame = frame.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
        except (self._av.error.FFmpegError, ValueError) as error:
            raise OutputError(f"cannot be written: {reason(error)}") from error
        frame.pts, frame.time_base = shot.pts, shot.time_base
        if shot.duration:
            self._durations.note(shot.pts * shot.time_base, shot.duration * shot.time_base)
        self._mux(lambda it: self._durations.put(self.stream.encode(it)), frame)

    def copy(self, packet: Packet) -> None:
        """A packet of another stream, as it is, or encoded anew where the container cannot hold it.

        Raises `OutputError`.
        """
        index = packet.stream.index
        if index in self._copied:
            # Two packets of one time, or one that goes back, would cost the whole file.
            if (last := self._last.get(index)) is not None and packet.dts <= last:
                later = last + max(1, round(_TICK / packet.time_base))
                packet.pts, packet.dts = None if packet.pts is None else max(packet.pts, later), later
            self._last[index] = packet.dts
            packet.stream = self._copied[index]
            self._mux(lambda it: [it], packet)
        elif index in self._coded:
            try:
                frames = packet.decode()
            except self._av.error.FFmpegError:  # a damaged one costs its own moment
                return
            for frame in frames:
                self._mux(self._coded[index].encode, frame)

    def close(self) -> None:
        """Flush and finish the file. Raises `OutputError`."""
        put = self._durations.put_last if self._kind in ("mp4", "mov") else self._durations.put
        self._mux(lambda it: put(self.stream.encode(it)), None)
        for stream in self._coded.values():
            self._mux(stream.encode, None)
        try:
            self.container.close()
        except (self._av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot be written: {reason(error)}") from error

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
            context = self.stream.codec_context
            if not context.is_open and not context.name.endswith(_HARDWARE):
                raise OutputError(
                    f"cannot be written with {context.name} at {context.width}x{context.height}"
                    f" ({reason(error)})"
                ) from error
            if not context.is_open:
                # An encoder in hardware is asked for its device with the first packet only, and says no more
                # than that something failed.
                told = (
                    f"cannot be written with {context.name}, which does not start ({reason(error)}): is its"
                    " hardware here? libx264 needs none (--codec)"
                )
                raise OutputError(told) from error
            raise OutputError(f"cannot be written: {reason(error)}") from error


def _name(made: Any, other: Any) -> None:
    """A stream is called what it was: its language, its title, whether it is the one to play."""
    made.metadata.update(
        {key: value for key, value in other.metadata.items() if key in ("language", "title")}
    )
    made.disposition = other.disposition
