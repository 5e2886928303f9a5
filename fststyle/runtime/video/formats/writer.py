"""Write video files with PyAV, by default H.264, which all browsers play."""

import contextlib
import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fststyle.arrays import Pixels
from fststyle.errors import OutputError
from fststyle.io.pixels import on_white
from fststyle.runtime.video.formats import encoders, languages, mp4_tracks, timecode
from fststyle.runtime.video.formats.base import TRANSPARENCY, Sink, Source, TimedFrame
from fststyle.runtime.video.formats.colorimetry import finer_chroma
from fststyle.runtime.video.formats.contents import copied, tags
from fststyle.runtime.video.formats.durations import Durations
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.mp4_tags import movflags
from fststyle.runtime.video.formats.pyav import Chapter, Packet, av, reason
from fststyle.runtime.video.formats.stream_copy import StreamCopier

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg name of the container for each output suffix.

AVI is not supported, since it has a constant frame rate and no timestamps.
"""


class Writer(Sink):
    """Sink that writes a video file, with the other streams, metadata and chapters of ``source``.

    ``suffix`` is a key of `FORMATS`. ``first`` is the first frame, which the constructor does not write. It
    determines the time base and the size of the output, whose sides are rounded up to even numbers. ``rate``
    is the average frame rate in frames per second. Raises `OutputError` if the encoder or the pixel format is
    not available, or the file cannot be written.
    """

    keeps_aspect = True

    def __init__(
        self, path: Path, suffix: str, source: Source, first: TimedFrame, rate: Fraction, encoding: Encoding
    ):
        super().__init__()
        self._av = av()
        self._kind = kind = FORMATS[suffix.lower()]
        codec = encoders.encoder(encoding.codec, suffix, first.alpha is not None)
        self._path, self._started = path, False
        self._next_packet: Packet | None = None
        self._added_chapters = 0
        metadata, stream_metadata = self._metadata(source, rate)
        options = {"movflags": movflags(kind, source, metadata)} if kind in ("mp4", "mov") else {}
        self._durations = Durations()
        try:
            with contextlib.ExitStack() as undo:
                self.container = self._av.open(str(path), "w", format=kind, options=options)
                undo.callback(self.abandon)
                self.container.metadata.update(metadata)
                if source.chapters:
                    self._set_chapters(source.chapters)
                if self._av.Codec(codec, "w").type != "video":
                    raise OutputError(f"cannot be written: {codec} does not encode video (--codec)")
                self.stream = self.container.add_stream(codec, rate=rate)
                self._setup(first, source, encoding, codec)
                self.stream.metadata.update(languages.in_tags(stream_metadata, kind))
                self.stream.disposition = 1  # the default stream
                self._copier = StreamCopier(self.container, kind, source, self._mux, encoding.audio)
                self.notes += self._copier.notes
                undo.pop_all()
        except self._av.codec.codec.UnknownCodecError as error:
            raise OutputError(f"cannot be written: encoder {codec} is not available (--codec)") from error
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(f"cannot be written with {codec}: {reason(error)}") from error

    def _set_chapters(self, chapters: list[Chapter]) -> None:
        """Set the chapters of the container.

        For MP4 and MOV, FFmpeg writes no entry in the chapter track for a chapter without a title, and moves
        the first entry to 0. In these formats, a chapter without a title therefore gets an empty title, and
        if the first chapter starts later than 0, an untitled chapter is inserted before it.
        """
        if self._kind in ("mp4", "mov"):
            chapters = [one.copy() for one in chapters]
            for one in chapters:
                one["metadata"] = {"title": "", **one["metadata"]}
            first = min(chapters, key=lambda one: one["start"] * one["time_base"])
            if first["start"] > 0:
                empty = first.copy()
                empty["id"] = max(one["id"] for one in chapters) + 1
                empty["start"], empty["end"], empty["metadata"] = 0, first["start"], {"title": ""}
                chapters, self._added_chapters = [empty, *chapters], 1
        self.container.set_chapters(chapters)

    def _metadata(self, source: Source, rate: Fraction) -> tuple[dict[str, str], dict[str, str]]:
        """Return the tags to write to the container and those to write to the video stream.

        If the source has a timecode, it is converted to ``rate`` frames per second. It is omitted if MP4 and
        MOV do not support it, or if the beginning of the source is not in the output.
        """
        before = timecode.of({**source.metadata, **source.stream_metadata})
        if before is None:
            return copied(source.metadata), copied(source.stream_metadata)
        now = timecode.moved(before, source.timecode_rate or rate, rate)
        timed = not source.cut and timecode.fits(now, rate)
        if timed and ";" in before and ";" not in now:
            self.notes.append(
                f"timecode {before} is written as {now}, since there are no drop-frame timecodes at"
                f" {float(rate):g} frames per second"
            )
        kept = [copied(metadata, timed) for metadata in (source.metadata, source.stream_metadata)]
        for metadata in kept:
            metadata.update({key: now for key in metadata if key.lower() == "timecode"})
        return kept[0], kept[1]

    def _setup(self, first: TimedFrame, source: Source, encoding: Encoding, codec: str) -> None:
        """Set the size, pixel format, time base, colors and options of the encoder.

        Adds a note if the size is rounded up, and records lost transparency or chroma resolution.
        """
        height, width = first.rgb.shape[:2]
        stream = self.stream
        stream.width, stream.height = width + width % 2, height + height % 2  # for 4:2:0
        self.size = stream.height, stream.width
        if self.size != (height, width):
            self.notes.append(
                f"is {stream.width}x{stream.height} instead of {width}x{height}: encoders need even sides"
            )
        self._alpha = first.alpha is not None and self._keeps_alpha(codec, encoding)
        self._pixels = (
            encoders.ALPHA[codec][0] if self._alpha else encoders.pixel_format(codec, encoding.pix_fmt)
        )
        stream.pix_fmt = self._pixels
        chroma = finer_chroma(self._av.VideoFormat(self._pixels, 16, 16))
        if source.chroma and (chroma is None or chroma < source.chroma):
            self.lost.append(f"chroma resolution ({source.chroma})")
        # The time base of the source, so that timestamps are exact.
        stream.time_base = stream.codec_context.time_base = first.time_base
        if source.aspect:
            stream.codec_context.sample_aspect_ratio = source.aspect
        stream.options = encoders.options(codec, encoding)
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"  # the tag that Apple players need
        os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 logs errors only
        context = stream.codec_context
        # Limited range and the matrix of BT.709, for all players; primaries and transfer of the source.
        context.color_range, context.colorspace = 1, 1
        context.color_primaries, context.color_trc = source.colors

    def _keeps_alpha(self, codec: str, encoding: Encoding) -> bool:
        """Return whether the output keeps the transparency of the source.

        Adds a note if it does not, or if ProRes was selected automatically to keep it.
        """
        if encoders.keeps_alpha(codec, self._kind, encoding):
            if codec == "prores_ks" and encoding.codec == "auto":
                self.notes.append(
                    "is written as ProRes 4444 to keep transparency (--codec libx264 writes a smaller file"
                    " composited on white)"
                )
            return True
        self.notes.append(
            f"transparency is composited on white, since {codec} does not keep it in this container or pixel"
            " format; .webm, .mov, .apng, .webp and image sequences of .png keep it by default"
        )
        self.lost.append(TRANSPARENCY)
        return False

    def write(self, timed: TimedFrame) -> None:
        """Encode one frame. Raises `OutputError` if this fails."""
        pixels = self._even(self._with_alpha(timed) if self._alpha else self._opaque(timed))
        form = "rgba" if self._alpha else "rgb24"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
        try:
            frame = frame.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
        except (self._av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"cannot be written: the frame at {timed.seconds:.2f} s cannot be converted to {self._pixels}"
                f" ({reason(error)})"
            ) from error
        frame.pts, frame.time_base = timed.pts, timed.time_base
        if timed.duration:
            self._durations.note(timed.pts * timed.time_base, timed.duration * timed.time_base)
        self._mux(lambda it: self._durations.put(self.stream.encode(it)), frame)
        self._start_copier()

    def put(self, packet: Packet) -> None:
        """Write a video packet that was encoded earlier with the same options. Use this instead of `write`.

        Each packet is held back until the next call or `close`. Raises `OutputError` if writing fails.
        """
        packet.stream = self.stream
        if self._next_packet is not None:
            self._mux(lambda it: self._durations.put([it]), self._next_packet)
            self._start_copier()
        self._next_packet = packet

    def copy(self, packet: Packet) -> None:
        """Write a packet of another stream of the source. Raises `OutputError` if this fails."""
        self._copier.copy(packet)

    def close(self) -> None:
        """Flush the encoders and finish the file. Raises `OutputError` if this fails."""
        put = self._durations.put_last if self._kind in ("mp4", "mov") else self._durations.put
        if self._next_packet is not None:
            self._mux(lambda it: put([it]), self._next_packet)
            self._start_copier()
        else:
            self._mux(lambda it: put(self.stream.encode(it)), None)
        noted = len(self._copier.notes)
        self._copier.close(self._durations.end)
        self.notes += self._copier.notes[noted:]
        try:
            self.container.close()
            self._read_back()
        except (self._av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot be written: the file cannot be completed ({reason(error)})") from error

    def _read_back(self) -> None:
        """Read the finished file, and set the attributes of `Sink` that describe the output.

        In MP4 and MOV, also disable the subtitle tracks that are marked as default in the output but not in
        the source.
        """
        with self._av.open(str(self._path), metadata_errors="ignore") as made:
            for metadata in (made.metadata, *(stream.metadata for stream in made.streams)):
                self.tags.update(tags(metadata))
            self.stream_metadata = dict(made.streams.video[0].metadata)
            self.chapters = made.chapters()[self._added_chapters :]
            self.kept, lost = self._copier.kept(made.streams)
            self.lost += lost
            shown = self._copier.shown_by_mistake(made.streams)
        if shown and self._kind in ("mp4", "mov"):
            mp4_tracks.disable(self._path, shown)

    def abandon(self) -> None:
        """Close the file without finishing it. Errors are ignored."""
        try:
            self.container.close()
        except Exception:  # the container may be set up only in part, and the caller deletes the file
            return

    def _start_copier(self) -> None:
        """Start the `StreamCopier` if it has not been started. Call this after encoding a frame."""
        if not self._started:
            self._started = True
            self._copier.start()

    @staticmethod
    def _with_alpha(timed: TimedFrame) -> Pixels:
        """Return a frame as RGBA, uint8 (H, W, 4). A frame without an alpha channel is opaque."""
        alpha = np.full(timed.rgb.shape[:2], 255, np.uint8) if timed.alpha is None else timed.alpha
        return np.dstack((timed.rgb, alpha))

    @staticmethod
    def _opaque(timed: TimedFrame) -> Pixels:
        """Return a frame as RGB, uint8 (H, W, 3). Transparent pixels are composited on white."""
        return timed.rgb if timed.alpha is None else on_white(timed.rgb, timed.alpha)

    @staticmethod
    def _even(pixels: Pixels) -> Pixels:
        """Pad an image to an even height and width by repeating its last row or column."""
        odd = pixels.shape[0] % 2, pixels.shape[1] % 2
        return np.pad(pixels, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else pixels

    def _mux(self, encode: Callable[[Any], Iterable[Packet]], item: Any) -> None:
        """Write the packets that ``encode(item)`` returns. Raises `OutputError` if this fails."""
        try:
            for packet in encode(item):
                self.container.mux(packet)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            context = self.stream.codec_context
            if not context.is_open:
                raise OutputError(_not_opened(context, reason(error))) from error
            # Callers add the name of the file.
            raise OutputError(f"cannot be written: {reason(error)}") from error


def _not_opened(context: Any, why: str) -> str:
    """Return the error message for an encoder that cannot be opened.

    ``context`` is the codec context of the encoder, and ``why`` is the reason. FFmpeg opens the encoder only
    when the first frame is encoded.
    """
    if encoders.is_hardware(context.name):
        return (
            f"cannot be written with {context.name}, which cannot be opened ({why}); check that its hardware"
            " is available, or select a software encoder such as libx264 (--codec)"
        )
    return f"cannot be written with {context.name} at {context.width}x{context.height} ({why})"
