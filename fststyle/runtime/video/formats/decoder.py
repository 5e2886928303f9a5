"""Select the decoder of a video stream. VP8 and VP9 with transparency need the decoders of libvpx."""

from collections.abc import Callable
from dataclasses import dataclass

from fststyle.runtime.video.formats.colorimetry import has_alpha
from fststyle.runtime.video.formats.pyav import DecodedFrame, Packet, Stream, av

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg decoder that reads the alpha channel, by codec. FFmpeg's native VP8 and VP9 decoders ignore it."""


@dataclass(frozen=True)
class Decoder:
    """Decoder of a video stream.

    ``decode`` returns the frames of a packet, and raises the errors of FFmpeg. ``transparent``: True if the
    frames may have an alpha channel. ``problem`` is a message for the user if transparency is ignored, and
    otherwise "".
    """

    decode: Callable[[Packet], list[DecodedFrame]]
    transparent: bool
    problem: str = ""


def decoder_of(stream: Stream) -> Decoder:
    """Return the decoder to use for a PyAV video stream.

    VP8 and VP9 with transparency are decoded with libvpx if it is available. Everything else is decoded with
    FFmpeg's default decoder.
    """
    library, context = av(), stream.codec_context
    wanted = _LIBVPX.get(context.codec.canonical_name)
    usual = Decoder(_decode, has_alpha(context.pix_fmt))
    if wanted is None or stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) != "1":
        return usual
    try:
        libvpx = library.CodecContext.create(wanted, "r")
    except (library.codec.codec.UnknownCodecError, ValueError):
        problem = f"its transparency is ignored, since this build of FFmpeg lacks the decoder {wanted}"
        return Decoder(_decode, usual.transparent, problem)
    return Decoder(lambda packet: libvpx.decode(packet if packet.size else None), True)


def _decode(packet: Packet) -> list[DecodedFrame]:
    frames: list[DecodedFrame] = packet.decode()
    return frames
