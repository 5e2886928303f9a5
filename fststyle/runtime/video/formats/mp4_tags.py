"""Select how tags are stored in MP4 and MOV files.

FFmpeg writes either tags with fixed names (in MP4, the iTunes metadata list) or QuickTime metadata with
arbitrary tag names, not both.
"""

from fststyle.runtime.video.formats.base import Source
from fststyle.runtime.video.formats.contents import is_cover

_ITUNES = frozenset(
    {
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
        "creation_time",
        "compilation",
        "episode_sort",
        "season_number",
        "media_type",
        "hd_video",
        "gapless_playback",
    }
)
"""Tags that FFmpeg writes to the iTunes list of MP4 files."""

_QUICKTIME = frozenset(
    {
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
        "creation_time",
        "keywords",
        "comment",
    }
)
"""Tags that FFmpeg writes to MOV files if arbitrary tag names are not enabled."""


def movflags(container: str, source: Source, metadata: dict[str, str]) -> str:
    """Return the value of ``movflags``, an option of FFmpeg's MP4 and MOV muxer.

    ``container`` is "mp4" or "mov", and ``metadata`` contains the tags to write. Arbitrary tag names are
    enabled if FFmpeg would otherwise drop one of the tags. They are not enabled if ``source`` has cover art,
    since FFmpeg would then drop the cover art.
    """
    known = _ITUNES if container == "mp4" else _QUICKTIME
    others = [key for key in metadata if key.lower() not in known]
    cover = any(stream.type == "video" and is_cover(stream) for stream in source.streams)
    return "+faststart+use_metadata_tags" if others and not cover else "+faststart"
