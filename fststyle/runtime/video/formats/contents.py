"""Streams, chapters and tags of a container, and which of them are not in an output.

For all formats, each stream, chapter list and tag of the source that is not in the output is reported in
`fststyle.runtime.video.report.PaintedVideo.lost`. Only the function `lost` decides this.
"""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from fststyle.runtime.video.formats.base import Sink, Source
from fststyle.runtime.video.formats.pyav import Container, Stream

_ATTACHED_PICTURE, _DEFAULT = 0x400, 0x1

_TIMECODE = re.compile(r"(\d\d:\d\d:\d\d)([:;.])(\d\d)")
"""Hours, minutes and seconds; a colon, or another sign for drop-frame timecodes; frames."""

_TECHNICAL = (
    *(
        "major_brand",
        "minor_version",
        "compatible_brands",
        "encoder",
        "handler_name",
        "vendor_id",
        "duration",
    ),
    *("bps", "number_of_frames", "number_of_bytes", "source_id", "_statistics_", "alpha_mode", "rotate"),
    *("filename", "mimetype", "variant_bitrate", "loop"),
)
"""Tags, or prefixes of tags, that describe the file and not its content. Containers write their own."""


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is an attached picture (cover art)."""
    return bool(int(stream.disposition) & _ATTACHED_PICTURE)


def video_of(streams: Iterable[Stream]) -> Stream | None:
    """The stream to stylize among the streams of a container, or None.

    Cover art is excluded. Streams with a known codec are preferred, then streams with several frames over
    still pictures (an animated AVIF has both), then default streams, then larger ones.
    """
    videos = [stream for stream in streams if stream.type == "video" and not is_cover(stream)]
    return max(videos, key=_preference, default=None)  # the first of several equal ones


def _preference(stream: Stream) -> tuple[bool, bool, bool, int]:
    context = stream.codec_context
    pixels = context.width * context.height if context is not None else 0
    return context is not None, not is_still(stream), bool(int(stream.disposition) & _DEFAULT), pixels


def others_of(streams: Iterable[Stream], video: Stream) -> list[Stream]:
    """The streams whose packets are copied: without ``video``, cover art, attachments, unknown codecs."""
    return [
        stream
        for stream in streams
        if stream.index != video.index
        and (
            stream.type == "data"
            or (stream.type in ("audio", "subtitle", "video") and stream.codec_context is not None)
        )
        and not is_cover(stream)
    ]


def kind_of(stream: Stream) -> str:
    """The type of a stream. Attachments and cover art are both ``attached``, since Matroska stores both as
    attachments.
    """
    attached = stream.type == "attachment" or (stream.type == "video" and is_cover(stream))
    return "attached" if attached else str(stream.type)


def is_still(stream: Stream) -> bool:
    """Whether a video stream has one frame, such as the still picture of an animated AVIF."""
    result: bool = stream.type == "video" and stream.frames == 1
    return result


def alpha_of_avif(container: Container) -> list[Stream]:
    """The streams of an animated AVIF that are the alpha of another one. They are gray, with those in color.

    FFmpeg does not state which streams they are.
    """
    videos = [s for s in container.streams if s.type == "video" and s.codec_context is not None]
    gray = [stream for stream in videos if (stream.codec_context.pix_fmt or "").startswith("gray")]
    avif = container.metadata.get("major_brand") in ("avif", "avis")
    return gray if avif and len(gray) < len(videos) else []


def label(stream: Stream) -> str:
    """A short name for messages, such as ``audio aac (eng)`` or ``attachment font.ttf``."""
    if stream.type == "attachment":
        return f"attachment {stream.metadata.get('filename') or 'without a name'}"
    context, known = stream.codec_context, tags(stream.metadata)
    codec = context.codec.canonical_name if context is not None else getattr(stream, "name", None)
    if "timecode" in known and stream.type == "data":
        return "timecode track"
    kind = (
        "cover art" if kind_of(stream) == "attached" else "still picture" if is_still(stream) else stream.type
    )
    language = "" if known.get("language") == "und" else known.get("language", "")
    details = ", ".join(text for text in (language, known.get("title", "")) if text)
    return f"{kind} {codec or 'of an unknown codec'}{f' ({details})' if details else ''}"


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags that describe the content. Keys are in lower case, since Matroska and MP4 differ in case."""
    found = {key.lower(): value for key, value in metadata.items()}
    return {key: value for key, value in found.items() if value and not key.startswith(_TECHNICAL)}


def copied(metadata: Mapping[str, str], timecode: bool = True) -> dict[str, str]:
    """The tags to write to an output, with or without the ``timecode``."""
    kept = {key: value for key, value in metadata.items() if not key.lower().startswith(_TECHNICAL)}
    return {key: value for key, value in kept.items() if timecode or key.lower() != "timecode"}


def with_timecode_at(metadata: Mapping[str, str], source: Source, rate: Fraction) -> dict[str, str]:
    """The tags with the timecode of ``source`` in frames of ``rate`` frames per second.

    A timecode counts whole frames: 01:00:00:40 of 60 frames per second is 01:00:00:16 of 24. A timecode that
    is malformed or has no known rate is unchanged.
    """
    found = dict(metadata)
    was, now = round(source.timecode_rate or rate), round(rate)
    for key, value in metadata.items():
        if key.lower() == "timecode" and was and was != now and (parts := _TIMECODE.fullmatch(value)):
            found[key] = f"{parts[1]}{parts[2]}{int(parts[3]) * now // was:02d}"
    return found


def timecode_fits(metadata: Mapping[str, str], rate: Fraction) -> bool:
    """Whether the tags have no timecode, or one that MP4 and MOV support at ``rate`` frames per second.

    They fail at the end for a malformed timecode, and for a drop-frame timecode unless the rate is a multiple
    of 30.
    """
    found = tags(metadata).get("timecode", "00:00:00:00")
    parts = _TIMECODE.fullmatch(found)
    whole = round(rate)
    return parts is not None and whole >= 1 and (parts[2] == ":" or whole % 30 == 0)


def lost(source: Source, sink: Sink) -> list[str]:
    """Names of the streams, chapters and tags of ``source``, and of the properties of its frames, that are
    not in the output of ``sink``, which is closed.
    """
    kept = sink.kept
    streams = [stream for stream in source.streams if stream.index not in kept and not _as_tag(stream, sink)]
    found = [label(stream) for stream in streams]
    if (missing := len(source.chapters) - sink.chapters) > 0:
        found.append(f"{missing} chapter{'s' * (missing != 1)}")
    wanted = [*tags(source.metadata)]
    if "timecode" in tags(source.stream_metadata) and not any(
        label(stream) == "timecode track" for stream in source.streams
    ):
        wanted.append("timecode")
    found += [f"tag {key}" for key in wanted if key not in sink.tags]
    return [*found, *dict.fromkeys([*source.lost, *sink.lost])]


def _as_tag(stream: Stream, sink: Sink) -> bool:
    """Whether a data stream is in the output as a timecode tag, or as chapters, which MP4 also stores in a
    stream.
    """
    if stream.type != "data":
        return False
    timecode = "timecode" in tags(stream.metadata) and "timecode" in sink.tags
    return timecode or (getattr(stream, "name", None) == "bin_data" and sink.chapters > 0)
