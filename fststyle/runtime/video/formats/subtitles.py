"""Convert text subtitles to the text format of another container."""

from collections.abc import Iterator
from fractions import Fraction

from fststyle.runtime.video.formats.pyav import Container, Packet, Stream

_FORMATS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""FFmpeg encoder of the text subtitle format of each container."""

_TICK = Fraction(1, 1000)
"""Time base in seconds of converted subtitles, which is that of Matroska files from FFmpeg."""


class SubtitleConverter:
    """Converts a stream of text subtitles to the subtitle format of an output container.

    The constructor adds a stream for the converted subtitles to the open output ``container``. Its argument
    ``stream`` is the input stream, and ``kind`` is the FFmpeg name of the container. FFmpeg decodes each text
    to ASS markup and encodes it again. Italics, bold and line breaks are kept, and so are fonts and positions
    if the format supports them. The attribute ``format`` is the name of the FFmpeg encoder, and the attribute
    ``stream`` is the new stream. Raises `ValueError` for subtitles that are images and for a container that
    is not in `_FORMATS`, and the errors of FFmpeg.
    """

    def __init__(self, container: Container, kind: str, stream: Stream):
        context = stream.codec_context
        if not context.codec.text_sub:
            raise ValueError("subtitles that are images cannot be converted")
        if kind not in _FORMATS:
            raise ValueError(f"no format of text subtitles is known for {kind}")
        self.format = _FORMATS[kind]
        if not context.is_open:
            context.open()
        header = context.subtitle_header
        made = self.stream = container.add_stream(self.format)
        made.codec_context.subtitle_header = header  # the styles, which encoders need
        made.time_base = _TICK

    def packets(self, packet: Packet) -> Iterator[Packet]:
        """Yield the converted packet of ``packet``, or nothing if it contains no text.

        Raises the errors of FFmpeg.
        """
        decoded = packet.stream.decode2(packet)
        if decoded is None or not len(decoded):
            return
        made = self.stream.codec_context.encode_subtitle(decoded)
        start = packet.pts if packet.pts is not None else packet.dts
        made.time_base = _TICK
        made.pts = made.dts = round(start * packet.time_base / _TICK)
        shown = packet.duration * packet.time_base if packet.duration else 0
        made.duration = round(shown / _TICK) or decoded.end_display_time - decoded.start_display_time
        yield made
