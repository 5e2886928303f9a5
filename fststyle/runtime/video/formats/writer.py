"""Video files written through PyAV: H.264 that plays in browsers unless another codec is asked for."""

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
from fststyle.runtime.video.formats.carry import Carrier
from fststyle.runtime.video.formats.contents import copied, is_cover, tags, timecode_fits
from fststyle.runtime.video.formats.durations import Durations
from fststyle.runtime.video.formats.library import av, reason

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix of an output -> its container.

AVI is not among them: it has one rate and no times of single frames.
"""

PACED = ("libx264", "libx265")
"""Encoders that take a preset of these names."""

RATED = (*PACED, "libvpx-vp9", "libsvtav1")
"""Encoders that take a constant quality."""

_TWO_PLANES = ("nv12", "p010le")
"""4:2:0 of 8 and of 10 bits as hardware has it."""

_HARDWARE = ("_nvenc", "_qsv", "_vaapi", "_amf", "_videotoolbox", "_v4l2m2m", "_mf", "_vulkan")
"""How the names of encoders in hardware end."""

_ITUNES = {
    *(
        "title",
        "artist",
        "album_artist",
        "composer",
        "album",
        "date",
        "comment",
        "genre",
        "copyright",
        "grouping",
    ),
    *(
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
        "track",
        "disc",
        "location",
    ),
    *(
        "creation_time",
        "compilation",
        "episode_sort",
        "season_number",
        "media_type",
        "hd_video",
        "gapless_playback",
    ),
}
"""Tags that MP4 holds in the way of iTunes; other tags need QuickTime's own list of keys."""

_QUICKTIME = {
    "title",
    "artist",
    "author",
    "album",
    "date",
    "genre",
    "copyright",
    "make",
    "model",
    "location",
} | {
    *("creation_time", "keywords", "comment"),
}
"""The same of MOV."""


@dataclass(frozen=True)
class Encoding:
    """How a video is written.

    ``codec`` is FFmpeg's name of the encoder; auto takes libx264, or libvpx-vp9 for .webm.

    ``crf`` is the constant quality of x264, x265, vp9 and SVT-AV1: lower is better and larger.
    ``pix_fmt``: FFmpeg's name of the pixels, such as yuv420p10le; None takes yuv420p, or the first that the
    encoder knows if that is not among them. ``preset``: of x264 and x265, how much time they take for a
    smaller file. ``audio``: auto re-encodes what players refuse in MP4, copy copies whatever the
    container takes.
    """

    codec: str = "auto"
    crf: int = 18
    pix_fmt: str | None = None
    preset: str = "veryfast"
    audio: str = "auto"


ALPHA = {
    "libvpx-vp9": ("yuva420p", ("webm", "matroska")),
    "libvpx": ("yuva420p", ("webm", "matroska")),
    "prores_ks": ("yuva444p10le", ("mov", "matroska")),
    "ffv1": ("yuva444p", ("matroska",)),
}
"""Encoders that keep transparency -> their pixel format, and the containers that hold it."""


def encoder(asked: str, suffix: str, transparent: bool = False) -> str:
    """The encoder of a ``codec`` of `Encoding` in a file of this suffix, for frames that are
    ``transparent`` or not.
    """
    if asked == "auto":
        kept = {".webm": "libvpx-vp9", ".mov": "prores_ks"} if transparent else {".webm": "libvpx-vp9"}
        return kept.get(suffix.lower(), "libx264")
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
        codec = encoder(encoding.codec, suffix, first.alpha is not None)
        self._path, self._begun = path, False
        self._held: Any = None
        timed = not source.cut and timecode_fits({**source.metadata, **source.stream_metadata}, rate)
        metadata = copied(source.metadata, timed)
        options = {"movflags": _movflags(kind, source, metadata)} if kind in ("mp4", "mov") else {}
        self._durations = Durations()
        try:
            with contextlib.ExitStack() as undo:
                self.container = self._av.open(str(path), "w", format=kind, options=options)
                undo.callback(self.abandon)
                self.container.metadata.update(metadata)
                if source.chapters:
                    self.container.set_chapters(source.chapters)
                if self._av.Codec(codec, "w").type != "video":
                    raise OutputError(f"cannot be written: {codec} does not encode video (--codec)")
                self.stream = self.container.add_stream(codec, rate=rate)
                self._setup(first, source, encoding, codec)
                self.stream.metadata.update(copied(source.stream_metadata, timed))
                self.stream.disposition = 1  # the default stream
                self._carrier = Carrier(self.container, kind, source, self._mux, encoding.audio)
                self.notes += self._carrier.notes
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
        self._alpha = first.alpha is not None and self._keeps_alpha(codec, encoding)
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

    def _keeps_alpha(self, codec: str, encoding: Encoding) -> bool:
        """Whether transparency can be written; a note says so where it cannot, or where it decides the
        codec.
        """
        pixels, kinds = ALPHA.get(codec, ("", ()))
        if self._kind in kinds and encoding.pix_fmt in (None, pixels):
            if codec == "prores_ks" and encoding.codec == "auto":
                told = "is written as ProRes 4444, which keeps its transparency"
                self.notes.append(f"{told} (--codec libx264 writes a smaller file on white)")
            return True
        where = ".webm, .mov, .apng, .webp and image sequences of .png keep it"
        self.notes.append(f"transparency is laid on white, since {codec} does not keep it here; {where}")
        return False

    def _pixels_for(self, codec: str, wanted: str | None) -> str:
        if self._alpha:
            return ALPHA[codec][0]
        known = [form.name for form in self._av.Codec(codec, "w").video_formats or []]
        yuv = [name for name in known if name.startswith("yuv") and not name.startswith(("yuvj", "yuva"))]
        planes = [name for name in known if name in _TWO_PLANES or name in yuv]
        if known and not planes:
            raise OutputError(
                f"cannot be written with {codec}: it takes {', '.join(known[:5])}, none of them yuv"
            )
        if wanted is None:
            return "yuv420p" if not planes or "yuv420p" in planes else planes[0]
        if not (wanted.startswith("yuv") or wanted in _TWO_PLANES) or (known and wanted not in planes):
            raise OutputError(f"--pix-fmt: {codec} does not take {wanted}; it takes {', '.join(planes)}")
        return wanted

    def write(self, shot: Shot) -> None:
        """Encode one frame. Raises `OutputError`."""
        if self._alpha:
            alpha = np.full(shot.rgb.shape[:2], 255, np.uint8) if shot.alpha is None else shot.alpha
            pixels = np.dstack((shot.rgb, alpha))
        else:
            pixels = shot.rgb if shot.alpha is None else on_white(shot.rgb, shot.alpha)
        odd = pixels.shape[0] % 2, pixels.shape[1] % 2
        if any(odd):
            pixels = np.pad(pixels, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
        form = "rgba" if self._alpha else "rgb24"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
        try:
            frame = frame.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
        except (self._av.error.FFmpegError, ValueError) as error:
            raise OutputError(f"cannot be written: {reason(error)}") from error
        frame.pts, frame.time_base = shot.pts, shot.time_base
        if shot.duration:
            self._durations.note(shot.pts * shot.time_base, shot.duration * shot.time_base)
        self._mux(lambda it: self._durations.put(self.stream.encode(it)), frame)
        self._begin()

    def put(self, packet: Any) -> None:
        """One packet of the video, encoded before with the same settings. Raises `OutputError`."""
        packet.stream = self.stream
        if self._held is not None:
            self._mux(lambda it: self._durations.put([it]), self._held)
            self._begin()
        self._held = packet

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._carrier.start()

    def copy(self, packet: Packet) -> None:
        """A packet of another stream of the source. Raises `OutputError`."""
        self._carrier.copy(packet)

    def close(self) -> None:
        """Flush and finish the file. Raises `OutputError`."""
        put = self._durations.put_last if self._kind in ("mp4", "mov") else self._durations.put
        if self._held is not None:
            self._mux(lambda it: put([it]), self._held)
            self._begin()
        else:
            self._mux(lambda it: put(self.stream.encode(it)), None)
        self._carrier.close()
        try:
            self.container.close()
            self._read_back()
        except (self._av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot be written: {reason(error)}") from error

    def _read_back(self) -> None:
        """Note what the finished file holds beside its frames, as a reader finds it."""
        with self._av.open(str(self._path), metadata_errors="ignore") as made:
            for metadata in (made.metadata, *(stream.metadata for stream in made.streams)):
                self.tags.update(tags(metadata))
            self.chapters = len(made.chapters())
            self.kept = self._carrier.kept(made.streams)

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


def _movflags(kind: str, source: Source, metadata: dict[str, str]) -> str:
    """Options of the MP4 muxer: QuickTime's list of keys for tags that are not iTunes's, such as those of
    phones.

    Both lists exclude each other, and cover art is in the one of iTunes: where there is a cover, it decides.
    """
    known = _ITUNES if kind == "mp4" else _QUICKTIME
    others = [key for key in metadata if key.lower() not in known]
    cover = any(stream.type == "video" and is_cover(stream) for stream in source.streams)
    return "+faststart+use_metadata_tags" if others and not cover else "+faststart"
