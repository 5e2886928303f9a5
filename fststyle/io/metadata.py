"""Metadata of images: EXIF, XMP, IPTC, texts and resolution, converted between formats."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, PngImagePlugin, TiffImagePlugin

from fststyle.io import exif as exif_data

_SEGMENT = 65533
"""Maximum size in bytes of the content of a JPEG segment."""
_XMP_HEAD, _IPTC_HEAD = b"http://ns.adobe.com/xap/1.0/\x00", b"Photoshop 3.0\x00"
_IPTC_RESOURCE = 0x0404
_XMP_TAG, _IPTC_TAG = 700, 33723
_DESCRIPTIVE = (
    *(0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298, 0x8769, 0x8825),
    *range(0x9C9B, 0x9CA0),
)
"""Tags of a TIFF file that describe the image and not its storage."""
TIFF_TAGS = frozenset((*_DESCRIPTIVE, _XMP_TAG, _IPTC_TAG))
"""Tags of a TIFF file that are copied to the output."""
_TEXT_ELSEWHERE = ("XML:com.adobe.xmp", "Raw profile type exif")
"""Keys of texts in a PNG file that hold XMP or EXIF data."""
_RESOLUTION_TAG = 0x011A
_COMMENT = "Comment"
_ENCODERS = (b"Created by OpenJPEG", b"Kakadu-")
"""Beginnings of comments in JPEG 2000 files that name the encoder."""
_MOTION = rb'(:(?:MotionPhoto|MicroVideo)=["\'])1(["\'])'

_LABELS = {"exif": "EXIF data", "xmp": "XMP data", "iptc": "IPTC data", "text": "texts"}

HOLDS = {
    "JPEG": {"exif", "xmp", "iptc", "comment"},
    "PNG": {"exif", "xmp", "comment", "text"},
    "WEBP": {"exif", "xmp"},
    "AVIF": {"exif", "xmp"},
    "HEIF": {"exif", "xmp"},
    "JXL": {"exif", "xmp"},
    "TIFF": {"exif", "xmp", "iptc"},
}
"""Pillow's name for a format -> the metadata that is written to it."""

_RESOLUTION = ("JPEG", "PNG", "TIFF", "BMP")
"""Formats that store the resolution outside of EXIF data."""
_USUAL_DPI = (72, 96)
"""Resolutions that programs write by default."""


@dataclass(frozen=True)
class Metadata:
    """Metadata of an image. Fields are None or empty if the file does not contain such metadata.

    ``exif``, ``xmp`` and ``iptc`` are the encoded data. For a PNG file, ``text`` maps the keys of the texts
    to their values; for other formats, it maps "Comment" to the comment in the file. ``dpi`` is the
    horizontal and vertical resolution in dots per inch. ``damaged`` lists, for use in messages, the names of
    the kinds of metadata that could not be read.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    damaged: tuple[str, ...] = ()


def of(image: Image.Image) -> Metadata:
    """Return the metadata of an open Pillow image.

    The kinds of metadata that cannot be read are listed in ``damaged``, except for the resolution, which is
    then None.
    """
    found: dict[str, Any] = {}
    damaged = []
    for name, read in (("exif", _exif), ("xmp", _xmp), ("iptc", _iptc), ("text", _text), ("dpi", _dpi)):
        try:
            found[name] = read(image)
        except Exception:  # Pillow's parsers raise any exception for damaged metadata
            damaged += [] if name == "dpi" else [f"{_LABELS[name]} (damaged)"]
    return Metadata(**found, damaged=tuple(damaged))


def is_motion_photo(image: Image.Image) -> bool:
    """Return whether the XMP data of an image states that the file also contains a video."""
    xmp = image.info.get("xmp")
    return isinstance(xmp, bytes) and re.search(_MOTION, xmp) is not None


def names(metadata: Metadata) -> list[str]:
    """Return at most ten names of the data in ``metadata``, such as "EXIF data", for use in messages."""
    parts = [_LABELS[name] for name in ("exif", "xmp", "iptc") if getattr(metadata, name)]
    return [*parts, *(f"text {key!r}" for key in metadata.text), *_resolution(metadata)][:10]


def _resolution(metadata: Metadata) -> list[str]:
    """Return a list that contains a description of the resolution, such as "resolution (300 dpi)".

    The description is used in messages. The list is empty if the resolution is unknown or a default
    (`_USUAL_DPI`).
    """
    if metadata.dpi is None or {round(value) for value in metadata.dpi} <= {*_USUAL_DPI}:
        return []
    across, down = (f"{value:.4g}" for value in metadata.dpi)
    return [f"resolution ({across if across == down else f'{across}x{down}'} dpi)"]


def _exif_of_resolution(dpi: tuple[float, float] | None) -> bytes:
    """Return EXIF data that contains only the resolution ``dpi``, or 72 dpi if it is None.

    The data starts with a TIFF header.
    """
    exif = Image.Exif()
    exif[_RESOLUTION_TAG], exif[0x011B], exif[0x0128] = *(dpi or (72.0, 72.0)), 2  # per inch
    return exif.tobytes().removeprefix(exif_data.PREFIX)


def options(metadata: Metadata, kind: str, size: tuple[int, int]) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments with which Pillow's ``save`` writes the metadata, and a list of what is lost.

    The list contains, for use in messages, the names of the metadata that is damaged or that the format
    cannot store. The orientation is set to 1, and thumbnails are removed. For TIFF, the caller must remove
    the argument ``exif`` and add its value to the written file with `with_exif`.

    Args:
        metadata: the metadata.
        kind: Pillow's name for the format of the output.
        size: the size (H, W) of the upright image.
    """
    parts: dict[str, bytes] = {}
    lost = list(metadata.damaged)
    held = HOLDS.get(kind, set())
    for name in ("exif", "xmp", "iptc"):
        content: bytes | None = getattr(metadata, name)
        if not content:
            continue
        adapted: bytes | None = content
        if name == "exif":
            adapted = exif_data.adapted(content, size)
        elif name == "xmp":
            adapted = _upright_xmp(content)
        label = _LABELS[name]
        if adapted is None:
            lost.append(f"{label} (damaged)")
        elif name not in held:
            lost.append(label)
        elif kind == "JPEG" and len(adapted) + 64 > _SEGMENT:
            lost.append(f"{label} (too large for JPEG)")
        else:
            parts[name] = adapted
    if metadata.xmp and b"HasExtendedXMP" in metadata.xmp:
        lost.append("extended XMP data")
    text = {
        key: value
        for key, value in metadata.text.items()
        if "text" in held or (key == _COMMENT and "comment" in held)
    }
    lost += [f"text {key!r}" for key in metadata.text if key not in text][:10]
    if kind not in _RESOLUTION and (missing := _resolution(metadata)):
        if "exif" in held and "exif" not in parts:
            parts["exif"] = _exif_of_resolution(metadata.dpi)
        elif "exif" not in held or not exif_data.states_resolution(parts["exif"]):
            lost += missing
    return _saved(kind, parts, text, metadata.dpi), lost


def _saved(
    kind: str, parts: dict[str, bytes], text: Mapping[str, str], dpi: tuple[float, float] | None
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if dpi and kind in _RESOLUTION:
        options["dpi"] = dpi
    exif, xmp, iptc = (parts.get(name) for name in ("exif", "xmp", "iptc"))
    if kind == "JPEG":
        if exif:
            options["exif"] = exif_data.PREFIX + exif
        segments = [b"\xff\xe1" + _sized(_XMP_HEAD + xmp)] if xmp else []
        segments += [b"\xff\xed" + _sized(_IPTC_HEAD + _resource(iptc))] if iptc else []
        if segments:
            options["extra"] = b"".join(segments)
        if _COMMENT in text:
            options["comment"] = text[_COMMENT].encode("utf-8", "replace")[:_SEGMENT]
    elif kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        if xmp:
            chunks.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        for key, value in text.items():
            chunks.add_text(key, value)
        options["pnginfo"] = chunks
        if exif:
            options["exif"] = exif
    elif kind == "TIFF":
        options["tiffinfo"] = _tags(xmp, iptc)
        if exif:
            options["exif"] = exif
    else:
        options.update({name: content for name, content in (("exif", exif), ("xmp", xmp)) if content})
    return options


def with_exif(tiff: bytes, exif: bytes) -> bytes:
    """Return the TIFF file ``tiff`` with the descriptive tags (`_DESCRIPTIVE`) of ``exif`` added. If the EXIF
    data is damaged, return the file unchanged.

    Pillow itself writes the subdirectories of EXIF data only to uncompressed TIFF files.
    """
    try:
        parsed = Image.Exif()
        parsed.load(exif)
        return exif_data.appended(tiff, _descriptive(parsed, "<" if tiff.startswith(b"II") else ">"))
    except Exception:  # Pillow's parser raises any exception for damaged data
        return tiff


def _tags(xmp: bytes | None, iptc: bytes | None) -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, content in ((_XMP_TAG, xmp), (_IPTC_TAG, iptc)):
        if content:
            tags.tagtype[tag] = 7 if tag == _IPTC_TAG else 1
            tags[tag] = content
    return tags


def _descriptive(exif: Image.Exif, order: str = "<") -> bytes:
    """Return EXIF data with only the tags in `_DESCRIPTIVE`, or b"" if there are none.

    ``order`` is the byte order, "<" (little-endian) or ">".
    """
    kept = Image.Exif()
    kept.endian = order
    for tag in _DESCRIPTIVE:
        if tag in exif:
            kept[tag] = dict(exif.get_ifd(tag)) if tag in (0x8769, 0x8825) else exif[tag]
    return kept.tobytes().removeprefix(exif_data.PREFIX) if len(kept) else b""


def _exif(image: Image.Image) -> bytes | None:
    if image.format == "TIFF":
        return _descriptive(image.getexif()) or None
    if (text := image.info.get("Raw profile type exif")) and "exif" not in image.info:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    return image.info.get("exif") or None


def _xmp(image: Image.Image) -> bytes | None:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if xmp is None and image.format == "TIFF":
        xmp = image.tag_v2.get(_XMP_TAG)  # type: ignore[attr-defined]
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp or b"")
    return xmp.strip(b"\x00") or None


def _iptc(image: Image.Image) -> bytes | None:
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        iptc = tags.get(_IPTC_TAG)
        if isinstance(iptc, tuple):  # some programs write the bytes as 32-bit numbers
            iptc = struct.pack(f"{tags._endian}{len(iptc)}I", *iptc)
        return iptc.encode("latin-1") if isinstance(iptc, str) else iptc or None
    iptc = image.info.get("photoshop", {}).get(_IPTC_RESOURCE)
    return iptc if isinstance(iptc, bytes) and iptc else None


def _text(image: Image.Image) -> dict[str, str]:
    found = dict(image.text) if image.format == "PNG" else {}  # type: ignore[attr-defined]
    comment = image.info.get("comment")
    if comments := [content for name, content in getattr(image, "applist", ()) if name == "COM"]:
        comment = b"\n".join(comments)  # a JPEG file may have several
    if comment and not (image.format == "JPEG2000" and comment.startswith(_ENCODERS)):
        found[_COMMENT] = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    return {key: value for key, value in found.items() if key not in _TEXT_ELSEWHERE and value}


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    if image.format == "TIFF" and _RESOLUTION_TAG not in image.tag_v2:  # type: ignore[attr-defined]
        return None  # Pillow states 1
    across, down = (float(value) for value in image.info["dpi"])
    return (across, down) if 1 <= across <= 65535 and 1 <= down <= 65535 else None


def _upright_xmp(xmp: bytes) -> bytes:
    """Return the XMP data with orientation 1 and without thumbnails. The result does not declare that the
    file contains a gain map, a video or extended XMP data.
    """
    xmp = re.sub(rb'(tiff:Orientation=["\'])\d+(["\'])', rb"\g<1>1\g<2>", xmp)
    xmp = re.sub(rb"(<tiff:Orientation>)\d+(</tiff:Orientation>)", rb"\g<1>1\g<2>", xmp)
    xmp = re.sub(_MOTION, rb"\g<1>0\g<2>", xmp)
    xmp = re.sub(rb'\s*hdrgm:Version=["\'][^"\']*["\']', b"", xmp)
    xmp = re.sub(rb'\s*xmpNote:HasExtendedXMP=["\'][^"\']*["\']', b"", xmp)
    start, end = xmp.find(b"<xmp:Thumbnails"), xmp.rfind(b"</xmp:Thumbnails>")
    return xmp if start < 0 or end < start else xmp[:start] + xmp[end + len(b"</xmp:Thumbnails>") :]


def _resource(iptc: bytes) -> bytes:
    """Return the IPTC data as a Photoshop image resource block."""
    return b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + b"\x00" * (len(iptc) % 2)


def _sized(content: bytes) -> bytes:
    """Return the content of a JPEG segment, preceded by its length field."""
    return struct.pack(">H", len(content) + 2) + content
