"""Streams, chapters and tags of a container, and which of them are not in an output.

For all formats, each stream, chapter list and tag of the source that is not in the output is reported in
`fststyle.runtime.video.report.PaintedVideo.lost`. Only the function `lost` decides this.
"""

from collections.abc import Iterable, Mapping

from fststyle.runtime.video.formats.base import Sink, Source
from fststyle.runtime.video.formats.pyav import Container, Stream

_ATTACHED_PICTURE, _DEFAULT = 0x400, 0x1

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
    """The streams of an animated AVIF that are the alpha of another one.

    FFmpeg does not state which streams they are: here, the gray streams next to streams in color.
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
    details = ", ".join(name_of(stream).values())
    return f"{kind} {codec or 'of an unknown codec'}{f' ({details})' if details else ''}"


def name_of(stream: Stream) -> dict[str, str]:
    """Language and title of a stream, if it has them. MP4 and MOV call the title ``name``."""
    known = tags(stream.metadata)
    found = {"language": known.get("language", ""), "title": known.get("title") or known.get("name", "")}
    return {key: value for key, value in found.items() if value not in ("", "und")}


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags that describe the content. Keys are in lower case, since Matroska and MP4 differ in case."""
    found = {key.lower(): value for key, value in metadata.items()}
    return {key: value for key, value in found.items() if value and not key.startswith(_TECHNICAL)}


def copied(metadata: Mapping[str, str], timecode: bool = True) -> dict[str, str]:
    """The tags to write to an output, with or without the ``timecode``."""
    kept = {key: value for key, value in metadata.items() if not key.lower().startswith(_TECHNICAL)}
    return {key: value for key, value in kept.items() if timecode or key.lower() != "timecode"}


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
