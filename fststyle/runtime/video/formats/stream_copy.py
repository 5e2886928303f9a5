"""Copy, re-encode or convert the other streams of a source for the container of the stylized video."""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from fststyle.runtime.video.formats import languages
from fststyle.runtime.video.formats.base import Source
from fststyle.runtime.video.formats.channels import DEFAULTS, reordered
from fststyle.runtime.video.formats.contents import (
    copied,
    is_cover,
    is_still,
    kind_of,
    label,
    lost_of_stream,
    name_of,
    tags,
)
from fststyle.runtime.video.formats.pyav import Container, DecodedFrame, Packet, Stream, av
from fststyle.runtime.video.formats.subtitles import SubtitleConverter

_TICK = Fraction(1, 1000)
"""Smallest time difference in seconds that all output containers can store."""

_JITTER = 0.05
"""Time in seconds: a smaller gap or overlap between two audio frames is regarded as a rounding error."""

_ENDLESS = 1_000_000
"""Duration in seconds from which a subtitle is regarded as one without an end, which is shown until the next
subtitle. FFmpeg writes 2**32 - 1 ms.
"""

_DEFAULT = 0x1

_NOT_PLAYED_FROM_MP4 = ("pcm_", "mp3", "mp2", "vorbis")
"""Prefixes of FFmpeg audio codecs that MP4 supports, but that some players do not play from MP4."""

_COVERS = {
    **{"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png"), "gif": ("gif", "image/gif")},
    **{"bmp": ("bmp", "image/bmp"), "webp": ("webp", "image/webp")},
}
"""File suffix and media type of cover art, by FFmpeg codec."""

Mux = Callable[[Callable[[Any], Iterable[Packet]], Any], None]
"""Function (encode, item) that writes the packets that ``encode(item)`` returns."""


class StreamCopier:
    """Adds the other streams of ``source`` to an open output ``container``, and copies their packets.

    The other streams, such as audio and subtitles, are all streams except the stylized one. A stream is
    copied if the container supports its format. Audio is re-encoded if the container does not support it.
    Unless ``audio`` is "copy", it is also re-encoded if some players do not play it from MP4. Text subtitles
    that the container does not support are converted. The remaining streams are dropped.

    ``kind`` is the FFmpeg name of the container format. ``mux`` is a function that writes packets (see
    `Mux`). The attribute ``notes`` contains messages for the user; `close` adds those about damaged packets.
    """

    def __init__(self, container: Container, kind: str, source: Source, mux: Mux, audio: str = "auto"):
        self._av, self._container, self._kind, self._mux, self._audio = av(), container, kind, mux, audio
        self._copied: dict[int, Stream] = {}
        self._coded: dict[int, Stream] = {}
        self._converted: dict[int, SubtitleConverter] = {}
        self._reduced: list[str] = []
        self._text_ends: dict[int, int] = {}
        self._overlaps: Counter[int] = Counter()
        self._damaged: Counter[str] = Counter()
        self._last: dict[int, int] = {}
        self._covers: list[Packet] = []
        self._waiting: dict[int, list[Packet]] = {}
        self._due: dict[int, int] = {}
        self._endless: dict[int, Packet] = {}
        self._orders = source.channel_orders
        self._kinds = {stream.index: kind_of(stream) for stream in source.streams}
        self._sources = {stream.index: stream for stream in source.streams}
        self.notes: list[str] = []
        for stream in source.streams:
            self._add(stream, source)

    def kept(self, made: Iterable[Stream]) -> tuple[set[int], list[str]]:
        """Return which source streams were kept in the output, and which of their properties were lost.

        The first value contains the indices of the source streams that are in the output. The second value
        contains the names of the properties that their copies lack. ``made`` contains the streams of the
        output, read from the finished file. Streams without packets are missing from an MP4 file. If the
        output has fewer streams of a kind than were added, the streams that were added first are regarded as
        kept, and their properties are not compared.
        """
        kept: set[int] = set()
        lost = [*self._reduced]
        for index, count in self._overlaps.items():
            if count:
                text, name = f"text{'s' * (count != 1)}", label(self._sources[index])
                lost.append(f"overlap of {count} {text} of {name} with the next {text}")
        for indices, streams in self._pairs(made):
            kept.update(indices[: len(streams)])
            if len(streams) == len(indices):
                for index, stream in zip(indices, streams, strict=True):
                    lost += lost_of_stream(self._sources[index], stream)
        return kept, lost

    def shown_by_mistake(self, made: Iterable[Stream]) -> set[int]:
        """Return the IDs of subtitle streams that are marked as default in the output but not in the source.

        ``made`` contains the streams of the output, read from the finished file.
        """
        return {
            stream.id
            for indices, streams in self._pairs(made)
            for index, stream in zip(indices, streams, strict=False)
            if stream.type == "subtitle"
            and int(stream.disposition) & ~int(self._sources[index].disposition) & _DEFAULT
        }

    def _pairs(self, made: Iterable[Stream]) -> Iterator[tuple[list[int], list[Stream]]]:
        """Yield, for each kind of stream, the indices of the source streams and the streams of the output.

        The indices are those of the streams that were added. The output streams are taken from ``made``,
        without the stylized stream.
        """
        found: dict[str, list[Stream]] = {}
        for stream in made:
            found.setdefault(kind_of(stream), []).append(stream)
        found["video"] = found.get("video", [])[1:]  # without the stylized stream
        added: dict[str, list[int]] = {}
        for index in sorted({*self._copied, *self._coded, *self._converted}):
            added.setdefault(self._kinds[index], []).append(index)
        for kind, indices in added.items():
            yield indices, found.get(kind, [])

    def _add(self, stream: Stream, source: Source) -> None:
        """Add an output stream to the container for a stream of ``source``, unless the stream is dropped."""
        if stream.type == "attachment":
            if self._kind == "matroska":
                self._copied[stream.index] = self._container.add_stream_from_template(stream)
            return
        if stream.type == "video" and is_cover(stream):
            self._add_cover(stream, source)
        elif stream not in source.others or is_still(stream) or _is_timecode(stream):
            return  # an unknown codec, the still of an animated AVIF, or a timecode, which becomes a tag
        elif not (refused := self._refused_by_players(stream)) and self._takes(stream):
            made = self._copied[stream.index] = self._container.add_stream_from_template(stream, opaque=True)
            self._set_layout(made, stream)
            _name(made, stream, self._kind)
            if stream.type == "video":
                made.disposition = int(stream.disposition) & ~_DEFAULT
                self.notes.append(f"{label(stream)}: is another video stream, which is copied unchanged")
        elif stream.type == "audio":
            reason = (
                "some players do not play it from MP4 (--audio copy keeps it)"
                if refused
                else "PyAV does not copy it to this container"
            )
            _name(self._encoded(stream, reason), stream, self._kind)
        elif stream.type == "subtitle":
            self._convert(stream)

    def _convert(self, stream: Stream) -> None:
        """Add an output stream with subtitles converted to a text format that the container supports.

        Subtitles that cannot be converted, such as images, are dropped, and so are all subtitles if no text
        format is known for the container.
        """
        try:
            converter = SubtitleConverter(self._container, self._kind, stream)
        except (self._av.error.FFmpegError, ValueError):
            return
        self._converted[stream.index] = converter
        _name(converter.stream, stream, self._kind)
        self.notes.append(
            f"{label(stream)}: is converted to {converter.format}, since PyAV does not copy it to this"
            " container; fonts and positions may change"
        )

    def _set_layout(self, made: Stream, stream: Stream) -> None:
        """Set the channel layout of ``made``, the copy of an audio stream, unless channels must be reordered.

        Sources such as AVI and Matroska may leave it unspecified, but closing an MP4 file would then fail.
        """
        if stream.type == "audio" and stream.index not in self._orders:
            made.codec_context.layout = stream.codec_context.layout

    def _refused_by_players(self, stream: Stream) -> bool:
        """Return whether a stream must be re-encoded because some players do not play it from MP4."""
        refused = self._audio == "auto" and self._kind == "mp4" and stream.type == "audio"
        return refused and stream.codec_context.codec.canonical_name.startswith(_NOT_PLAYED_FROM_MP4)

    def _encoded(self, stream: Stream, why: str) -> Stream:
        """Add an output stream for an audio stream that is re-encoded, and return it.

        Adds a note that gives ``why`` as the reason, and records lost channels and a reduced sample rate.
        """
        context = stream.codec_context
        codec = "libopus" if self._kind == "webm" else "aac"
        rate = (
            48000
            if codec == "libopus"
            else _rate(context.sample_rate, self._av.Codec(codec, "w").audio_rates)
        )
        channels = context.layout.nb_channels
        made = self._coded[stream.index] = self._container.add_stream(
            codec, rate=rate, layout=DEFAULTS.get(channels, "7.1")
        )
        note = f"audio {context.codec.canonical_name} is re-encoded as {codec.removeprefix('lib')}"
        if channels > made.codec_context.layout.nb_channels:
            note += f", its {channels} channels as {made.codec_context.layout.name}"
            self._reduced.append(f"channels of {label(stream)} ({channels})")
        if rate < context.sample_rate:
            note += f", its {context.sample_rate} Hz as {rate} Hz"
            self._reduced.append(f"sample rate of {label(stream)} ({context.sample_rate} Hz)")
        self.notes.append(f"{note}: {why}")
        return made

    def _add_cover(self, stream: Stream, source: Source) -> None:
        """Add cover art, as an attachment to Matroska and as a stream to MP4. Other containers get none.

        Cover art is one packet without a timestamp, so it is read separately.
        """
        if self._kind not in ("mp4", "matroska") or (packet := source.cover(stream)) is None:
            return
        if self._kind == "matroska":
            suffix, kind = _COVERS.get(stream.codec_context.codec.canonical_name, _COVERS["mjpeg"])
            name = stream.metadata.get("filename") or f"cover.{suffix}"
            kind = stream.metadata.get("mimetype") or kind
            self._copied[stream.index] = self._container.add_attachment(name, kind, bytes(packet))
            return
        if not self._takes(stream):
            return
        made = self._copied[stream.index] = self._container.add_stream_from_template(stream, opaque=True)
        made.disposition = stream.disposition
        packet.stream = made
        self._covers.append(packet)

    def _takes(self, stream: Stream) -> bool:
        """Return whether the container supports a copy of the stream.

        This is tested by writing a header with the stream to memory.
        """
        try:
            with self._av.open(io.BytesIO(), "w", format=self._kind) as trial:
                made = trial.add_stream_from_template(stream, opaque=True)
                self._set_layout(made, stream)
                trial.start_encoding()
        except (self._av.error.FFmpegError, OSError, ValueError):
            return False
        return True

    def copy(self, packet: Packet) -> None:
        """Copy, re-encode or convert a packet of a source stream, or ignore it if its stream is dropped.

        The packet may be modified in place, and it may be held back until a later call. A damaged packet that
        has to be decoded is skipped.
        """
        for one in self._ended(packet) if packet.stream.type == "subtitle" else [packet]:
            self._add_packet(one)

    def _add_packet(self, packet: Packet) -> None:
        index = packet.stream.index
        if index in self._copied:
            for one in self._dated(packet):
                self._write(one, index, self._copied[index])
        elif index in self._coded:
            try:
                frames = packet.decode()
            except self._av.error.FFmpegError:
                self._damaged[label(packet.stream)] += 1
                return
            for frame in frames:
                ordered = reordered(frame, self._orders[index]) if index in self._orders else frame
                self._place(ordered, index)
                self._mux(self._coded[index].encode, ordered)
        elif index in self._converted:
            converter = self._converted[index]
            try:
                made = list(converter.packets(packet))
            except self._av.error.FFmpegError:
                self._damaged[label(packet.stream)] += 1
                return
            for one in made:
                self._note_overlap(one, index, converter)
                self._write(one, index, converter.stream)

    def _ended(self, packet: Packet) -> list[Packet]:
        """Return the subtitle packets that can be written after ``packet`` has been read.

        A packet without an end (see `_ENDLESS`) is held back until the next packet of its stream. It ends
        when that packet begins.
        """
        index, stamp = packet.stream.index, packet.dts if packet.pts is None else packet.pts
        waiting = self._endless.pop(index, None)
        found = [] if waiting is None else [_until(waiting, stamp * packet.time_base)]
        if (packet.duration or 0) * packet.time_base < _ENDLESS:
            return [*found, packet]
        self._endless[index] = packet
        return found

    def _note_overlap(self, packet: Packet, index: int, converter: SubtitleConverter) -> None:
        """For MP4 and MOV, count an overlap if the previous subtitle is still shown when this one starts.

        In these formats, the previous subtitle ends at that time. ``packet`` contains the converted subtitle,
        and ``index`` is the index of its source stream.
        """
        if converter.format == "mov_text":
            self._overlaps[index] += packet.pts < self._text_ends.get(index, packet.pts)
            self._text_ends[index] = packet.pts + packet.duration

    def _place(self, frame: DecodedFrame, index: int) -> None:
        """Set the timestamp of an audio frame in place, in units of one sample.

        Gaps and overlaps shorter than `_JITTER`, which result from the coarse clock of a container, are
        removed. A frame without a timestamp follows the previous frame. ``index`` is the index of its source
        stream.
        """
        samples = round(frame.pts * frame.time_base * frame.sample_rate) if frame.pts is not None else None
        due = self._due.get(index)
        if samples is None or (due is not None and abs(samples - due) < _JITTER * frame.sample_rate):
            samples = due or 0
        frame.pts, frame.time_base = samples, Fraction(1, frame.sample_rate)
        self._due[index] = samples + frame.samples

    def _dated(self, packet: Packet) -> list[Packet]:
        """Return the packets that can be written after ``packet`` has been read, all with decoding times.

        Video packets before the first key frame are dropped. Matroska does not store the decoding times of
        the first packets. These packets are held back until a packet has a decoding time, from which theirs
        are computed.
        """
        index = packet.stream.index
        waiting = self._waiting.setdefault(index, [])
        if (
            packet.stream.type == "video"
            and index not in self._last
            and not waiting
            and not packet.is_keyframe
        ):
            return []
        waiting.append(packet)
        if packet.dts is None:
            return []
        for number, one in enumerate(waiting[:-1]):
            one.dts = packet.dts - (len(waiting) - 1 - number) * (packet.duration or 1)
        self._waiting[index] = []
        return waiting

    def _write(self, packet: Packet, index: int, stream: Stream) -> None:
        # FFmpeg requires increasing decoding times in each stream.
        if (last := self._last.get(index)) is not None and packet.dts <= last:
            later = last + max(1, round(_TICK / packet.time_base))
            packet.pts, packet.dts = None if packet.pts is None else max(packet.pts, later), later
        self._last[index] = packet.dts
        packet.stream = stream
        self._mux(lambda it: [it], packet)

    def start(self) -> None:
        """Write the cover art. Call this once, after the first frame has been passed to the encoder."""
        for packet in self._covers:
            self._mux(lambda it: [it], packet)

    def close(self, end: Fraction) -> None:
        """Write the remaining packets, and add notes about damaged packets.

        ``end`` is the end of the video in seconds.
        """
        for packet in self._endless.values():
            self._add_packet(_until(packet, end))
        for stream in self._coded.values():
            self._mux(stream.encode, None)
        for name, count in self._damaged.items():
            packets = "1 damaged packet is" if count == 1 else f"{count} damaged packets are"
            self.notes.append(f"{name}: {packets} skipped")


def _until(packet: Packet, end: Fraction) -> Packet:
    """Set the duration of a packet so that it ends at ``end`` seconds, and return the packet."""
    packet.duration = max(
        1, round(end / packet.time_base) - (packet.dts if packet.pts is None else packet.pts)
    )
    return packet


def _rate(rate: int, known: Sequence[int] | None) -> int:
    """Return the sample rate in Hz with which to encode audio that has the sample rate ``rate``.

    ``known`` contains the rates that the encoder supports, or is None if it supports any rate. The result is
    ``rate`` if it is supported. Otherwise, it is the nearest lower rate, or the lowest one if none is lower.
    """
    if not known or rate in known:
        return rate
    return max((one for one in known if one < rate), default=min(known))


def _is_timecode(stream: Stream) -> bool:
    """Return whether a stream is a timecode track, which is a data stream with the tag ``timecode``."""
    return stream.type == "data" and "timecode" in tags(stream.metadata)


def _name(made: Stream, stream: Stream, kind: str) -> None:
    """Copy the disposition and the tags of ``stream``, except a timecode, to the output stream ``made``.

    ``kind`` is the FFmpeg name of the container format.
    """
    named = copied(stream.metadata, timecode=False) | name_of(stream)
    made.metadata.update(languages.in_tags(named, kind))
    made.disposition = stream.disposition
