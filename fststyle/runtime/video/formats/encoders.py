"""Select the video encoder of a file, its pixel format, and its options."""

from dataclasses import dataclass

from fststyle.errors import OutputError
from fststyle.runtime.video.formats.pyav import av

WITH_PRESET = ("libx264", "libx265")
"""Encoders that take a preset."""

WITH_CRF = (*WITH_PRESET, "libvpx-vp9", "libsvtav1")
"""Encoders that take a constant rate factor."""

ALPHA = {
    "libvpx-vp9": ("yuva420p", ("webm", "matroska")),
    "libvpx": ("yuva420p", ("webm", "matroska")),
    "prores_ks": ("yuva444p10le", ("mov", "matroska")),
    "ffv1": ("yuva444p", ("matroska",)),
}
"""Pixel format with alpha of each encoder that has one, and FFmpeg names of the containers that keep it."""

_SEMI_PLANAR = ("nv12", "p010le")
"""4:2:0 pixel formats with 8 and 10 bits in two planes, which hardware encoders use."""

_HARDWARE = ("_nvenc", "_qsv", "_vaapi", "_amf", "_videotoolbox", "_v4l2m2m", "_mf", "_vulkan")
"""Suffixes of the names of hardware encoders."""


@dataclass(frozen=True)
class Encoding:
    """Options of the video encoder, and handling of audio.

    Attributes:
        codec: FFmpeg name of the encoder, or auto (see `encoder`).
        crf: constant rate factor of x264, x265, VP9 and SVT-AV1; lower means better quality and larger files.
        pix_fmt: FFmpeg pixel format, such as yuv420p10le. None selects a format with alpha for transparent
            frames if the encoder and the container support one. Otherwise, it selects yuv420p, or the first
            opaque yuv format of an encoder without yuv420p.
        preset: preset of x264 and x265; slower means smaller files.
        audio: auto re-encodes audio that some players do not play from MP4; copy copies all audio that the
            container supports.
        repeatable: whether every run must produce the same packets. x264 then uses one thread, since the
            packets may differ between runs with several threads.
    """

    codec: str = "auto"
    crf: int = 18
    pix_fmt: str | None = None
    preset: str = "veryfast"
    audio: str = "auto"
    repeatable: bool = False


def encoder(codec: str, suffix: str, transparent: bool = False) -> str:
    """Return the FFmpeg name of the encoder for the ``codec`` of an `Encoding` and the suffix of the output.

    "auto" means libvpx-vp9 for .webm, prores_ks for .mov if ``transparent``, and otherwise libx264. An alias
    is resolved, such as h264 to libx264; an unknown name is returned unchanged.
    """
    if codec == "auto":
        known = {".webm": "libvpx-vp9", ".mov": "prores_ks"} if transparent else {".webm": "libvpx-vp9"}
        return known.get(suffix.lower(), "libx264")
    try:
        return str(av().Codec(codec, "w").name)
    except (ValueError, av().codec.codec.UnknownCodecError):
        return codec


def is_hardware(codec: str) -> bool:
    """Return whether an encoder is a hardware encoder, on a GPU or other dedicated hardware."""
    return codec.endswith(_HARDWARE)


def options(codec: str, encoding: Encoding) -> dict[str, str]:
    """Return the FFmpeg options of the encoder ``codec``; empty unless it is one of `WITH_CRF`."""
    if codec not in WITH_CRF:
        return {}
    # libvpx-vp9 encodes with constant quality only if the bit rate is 0.
    found = {
        "crf": str(encoding.crf),
        **({"preset": encoding.preset} if codec in WITH_PRESET else {"b": "0"}),
    }
    if codec == "libx264" and encoding.repeatable:
        found["threads"] = "1"
    return {**found, "x265-params": "log-level=none"} if codec == "libx265" else found


def keeps_alpha(codec: str, container: str, encoding: Encoding) -> bool:
    """Return whether an encoder that uses ``encoding.pix_fmt`` keeps transparency in a container.

    ``codec`` and ``container`` are the FFmpeg names of the encoder and of the container.
    """
    pixels, containers = ALPHA.get(codec, ("", ()))
    return container in containers and encoding.pix_fmt in (None, pixels)


def pixel_format(codec: str, wanted: str | None) -> str:
    """Return the FFmpeg pixel format for opaque frames: ``wanted``, or the default if it is None.

    The format is opaque yuv of limited range, unless the encoder does not list its formats. Raises
    `OutputError` if the encoder supports no such format, or does not support ``wanted``.
    """
    known = [form.name for form in av().Codec(codec, "w").video_formats or []]
    usable = [name for name in known if _is_yuv(name)]
    if known and not usable:
        raise OutputError(
            f"cannot be written with {codec}: it supports {', '.join(known[:5])}, but no opaque yuv format of"
            " limited range (--codec)"
        )
    if wanted is None:
        return "yuv420p" if not usable or "yuv420p" in usable else usable[0]
    if not (wanted.startswith("yuv") or wanted in _SEMI_PLANAR) or (known and wanted not in usable):
        supported = f"one of {', '.join(usable)}" if usable else "an opaque yuv format of limited range"
        raise OutputError(f"--pix-fmt: {wanted} is not supported with {codec}; use {supported}")
    return wanted


def _is_yuv(pixels: str) -> bool:
    """Return whether a pixel format is yuv without alpha and of limited range."""
    return pixels in _SEMI_PLANAR or (pixels.startswith("yuv") and not pixels.startswith(("yuvj", "yuva")))
