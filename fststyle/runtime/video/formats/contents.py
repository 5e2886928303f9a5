"""Describe the streams, chapters and tags of a container, and find those that are not in an output.

For all formats, each stream, chapter and tag of the source that is not in the output is reported in
`fststyle.runtime.video.report.PaintedVideo.lost`. The functions `lost` and `lost_of_stream` find them.
"""

import re
from collections.abc import Iterable, Mapping

from fststyle.runtime.video.formats import languages
from fststyle.runtime.video.formats.base import Sink, Source
from fststyle.runtime.video.formats.frame_data import STEREO
from fststyle.runtime.video.formats.pyav import Container, Stream

_ATTACHED_PICTURE, _DEFAULT = 0x400, 0x1
_ROLES = {
    **{0x2: "dub", 0x4: "original", 0x8: "commentary", 0x10: "lyrics", 0x20: "karaoke", 0x40: "forced"},
    **{0x80: "for the hearing impaired", 0x100: "for the visually impaired"},
    **{0x10000: "captions", 0x20000: "descriptions"},
}
"""Role of a stream for each bit of its FFmpeg disposition."""

_TECHNICAL = (
    *(
        "major_brand",
        "minor_version",
        "compatible_brands",
        "encoder",
        "vendor_id",
        "duration",
    ),
    *("bps", "number_of_frames", "number_of_bytes", "source_id", "_statistics_", "alpha_mode", "rotate"),
    *("filename", "mimetype", "variant_bitrate", "loop"),
)
"""Prefixes of the names of tags that describe the file and not its content. These tags are neither copied nor
reported as missing.
"""

_USUAL_HANDLER = re.compile(
    r"handle|media|^(video|audio|sound|subtitles?|text|vide|soun|sbtl)$", re.IGNORECASE
)
"""Default handler names that programs write. Other handler names are copied, since MP4 and MOV have no other
place for the name of a track.
"""

_NAMED_ELSEWHERE = ("creation_time", "timecode", "stereo_mode")
"""Tags of a stream whose loss is reported for the container, or for the side data of the frames."""


def is_cover(stream: Stream) -> bool:
    """Return whether a video stream is an attached image (cover art)."""
    return bool(int(stream.disposition) & _ATTACHED_PICTURE)


def video_of(streams: Iterable[Stream]) -> Stream | None:
    """Return the stream to stylize among the streams of a container, or None if there is no video stream.

    Cover art is excluded. Streams with a known codec are preferred, then streams that are not still images
    (an animated AVIF has both), then default streams, then streams with more pixels per frame.
    """
    videos = [stream for stream in streams if stream.type == "video" and not is_cover(stream)]
    return max(videos, key=_preference, default=None)  # the first of several equal streams


def _preference(stream: Stream) -> tuple[bool, bool, bool, int]:
    context = stream.codec_context
    pixels = context.width * context.height if context is not None else 0
    return context is not None, not is_still(stream), bool(int(stream.disposition) & _DEFAULT), pixels


def others_of(streams: Iterable[Stream], video: Stream) -> list[Stream]:
    """Return the streams whose packets are read to be copied, re-encoded or converted.

    These are all data streams, and all audio, subtitle and video streams with a known codec, except ``video``
    and cover art.
    """
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
    """Return the type of a stream.

    Attachments and cover art both have the type ``attached``, since Matroska stores both as attachments.
    """
    attached = stream.type == "attachment" or (stream.type == "video" and is_cover(stream))
    return "attached" if attached else str(stream.type)


def is_still(stream: Stream) -> bool:
    """Return whether a stream is video with one frame, such as the still image of an animated AVIF."""
    result: bool = stream.type == "video" and stream.frames == 1
    return result


def alpha_of_avif(container: Container) -> list[Stream]:
    """Return the streams of an animated AVIF that are the alpha channel of another stream.

    FFmpeg does not identify these streams. They are the gray streams if there are also color streams. For
    other files, the result is empty.
    """
    videos = [s for s in container.streams if s.type == "video" and s.codec_context is not None]
    gray = [stream for stream in videos if (stream.codec_context.pix_fmt or "").startswith("gray")]
    avif = container.metadata.get("major_brand") in ("avif", "avis")
    return gray if avif and len(gray) < len(videos) else []


def label(stream: Stream) -> str:
    """Return a short name of a stream for messages.

    Examples are ``audio aac (eng)`` and ``attachment font.ttf``.
    """
    if stream.type == "attachment":
        return f"attachment {stream.metadata.get('filename') or 'without a name'}"
    context, known = stream.codec_context, tags(stream.metadata)
    codec = context.codec.canonical_name if context is not None else getattr(stream, "name", None)
    if "timecode" in known and stream.type == "data":
        return "timecode track"
    kind = (
        "cover art" if kind_of(stream) == "attached" else "still image" if is_still(stream) else stream.type
    )
    details = ", ".join(name_of(stream).values())
    return f"{kind} {codec or 'of an unknown codec'}{f' ({details})' if details else ''}"


def name_of(stream: Stream) -> dict[str, str]:
    """Return the ``language`` and ``title`` tags of a stream. A tag that the stream lacks is omitted."""
    known = _named(stream.metadata)
    return {key: known[key] for key in ("language", "title") if key in known}


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that describe the content and are not empty. Keys are in lower case, since Matroska and
    MP4 differ in case.
    """
    found = {key.lower(): value for key, value in metadata.items()}
    return {key: value for key, value in found.items() if value and not _is_technical(key, value)}


def copied(metadata: Mapping[str, str], timecode: bool = True) -> dict[str, str]:
    """Return the tags to copy to an output, without those that describe the file and not its content.

    If ``timecode`` is False, the tag ``timecode`` is omitted too.
    """
    kept = {key: value for key, value in metadata.items() if not _is_technical(key.lower(), value)}
    return {key: value for key, value in kept.items() if timecode or key.lower() != "timecode"}


def _is_technical(key: str, value: str) -> bool:
    usual = key == "handler_name" and _USUAL_HANDLER.search(value)
    return bool(usual) or key.startswith(_TECHNICAL)


def lost(source: Source, sink: Sink) -> list[str]:
    """Return the names of everything in ``source`` that is not in the output of the closed ``sink``.

    These are names of streams, chapters, tags and properties of frames, for messages.
    """
    kept, before = sink.kept, source.chapters
    timecode = tags({**source.metadata, **source.stream_metadata}).get("timecode")
    tracks = [stream for stream in source.streams if label(stream) == "timecode track"]
    rest = [stream for stream in source.streams if stream.index not in kept]
    if source.has_chapters:  # MP4 and MOV store them in a stream too
        stored = next((stream for stream in rest if _may_be_chapters(stream)), None)
        rest = [stream for stream in rest if stream is not stored]
    found = [label(stream) for stream in rest if not _as_timecode(stream, sink, timecode)]
    if (missing := len(before) - len(sink.chapters)) > 0:
        found.append(f"{missing} chapter{'s' * (missing != 1)}")
    else:
        pairs = zip(before, sink.chapters, strict=False)
        names = [key for old, new in pairs for key in _missing(old["metadata"], new["metadata"])]
        found += [f"tag {key} of chapters" for key in dict.fromkeys(names)]
    wanted = [*tags(source.metadata)]
    if "timecode" in tags(source.stream_metadata) and not tracks:
        wanted.append("timecode")
    found += [f"tag {key}" for key in wanted if key not in sink.tags]
    found += [
        f"{key} of the video" for key in _missing_of_stream(source.stream_metadata, sink.stream_metadata)
    ]
    if source.aspect not in (None, 1) and not sink.keeps_aspect:
        found.append(f"pixel aspect ratio ({source.aspect.numerator}:{source.aspect.denominator})")
    stereo = {key.lower() for key in sink.stream_metadata} & {"stereo_mode"}  # kept by Matroska
    return [
        *found,
        *dict.fromkeys(name for name in [*source.lost, *sink.lost] if name != STEREO or not stereo),
    ]


def lost_of_stream(stream: Stream, made: Stream) -> list[str]:
    """Return the names of the tags and roles (see `_ROLES`) of a stream that its copy ``made`` lacks."""
    missing = _missing_of_stream(stream.metadata, made.metadata)
    roles = int(stream.disposition) & ~int(made.disposition)
    missing += [f"mark {name!r}" for bit, name in _ROLES.items() if roles & bit]
    return [f"{name} of {label(stream)}" for name in missing]


def _missing_of_stream(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of the stream tags in ``before`` that are not in ``after``, except `_NAMED_ELSEWHERE`.

    The names are for messages, such as "title" or "tag comment". "language" is also returned if the languages
    differ.
    """
    wanted, found = _named(before), _named(after)
    missing = [key for key in wanted if key not in found and key not in _NAMED_ELSEWHERE]
    if (
        "language" in wanted
        and "language" in found
        and not languages.same(wanted["language"], found["language"])
    ):
        missing.insert(0, "language")
    return [key if key in ("language", "title") else f"tag {key}" for key in missing]


def _missing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of the tags in ``before`` that are not in ``after``."""
    return [key for key in tags(before) if key not in tags(after)]


def _named(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a stream. The tag ``name`` of MP4 and MOV becomes ``title`` unless the stream has
    another title, and an undetermined language is omitted.
    """
    known = tags(metadata)
    if "name" in known and known.get("title") in (None, known["name"]):
        known["title"] = known.pop("name")
    return {key: value for key, value in known.items() if (key, value) != ("language", "und")}


def _as_timecode(stream: Stream, sink: Sink, timecode: str | None) -> bool:
    """Return whether a stream is a timecode track whose timecode the output contains as a tag.

    ``timecode`` is the timecode among the tags of the source, or None.
    """
    own = tags(stream.metadata).get("timecode") if stream.type == "data" else None
    return own is not None and own == timecode and "timecode" in sink.tags


def _may_be_chapters(stream: Stream) -> bool:
    """Return whether the codec of a stream is that of a chapter track of MP4 or MOV.

    Data tracks of cameras may have the same codec.
    """
    return stream.type == "data" and getattr(stream, "name", None) == "bin_data"
