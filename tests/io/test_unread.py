"""Contents of image files that are not in the output are reported."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from fststyle.io import decode, images, unread

RESOURCE = b"8BIM\x07\xd0\0\0" + struct.pack(">I", 4) + b"path"
RESOLUTION = b"8BIM\x03\xed\0\0" + struct.pack(">I", 4) + b"\0\0\0\0"

WIDE = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
"""The white and the primaries of Display P3, in 1/100000."""


def content(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), "red").save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(marker, segment):
    plain = content("JPEG", icc_profile=None, comment=b"a comment", xmp=b"<x/>")
    return plain[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def png(name, chunk):
    plain = content("PNG")
    added = struct.pack(">I", len(chunk)) + name + chunk + struct.pack(">I", zlib.crc32(name + chunk))
    return plain[:33] + added + plain[33:]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (jpeg(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumbc2pa"), ("content credentials (C2PA)",)),
        (jpeg(0xE1, b"FLIR\0temperatures"), ("application data (APP1)",)),
        (jpeg(0xED, b"Photoshop 3.0\0" + RESOURCE), ("Photoshop resources",)),
        (jpeg(0xED, b"Photoshop 3.0\0" + RESOLUTION), ()),
        (jpeg(0xEC, b"Ducky\0\1\0\4\0\0\0\x3c\0\0"), ()),
        (jpeg(0xEC, b"Ducky\0\1\0\4\0\0\0\x3c\0\3\0\2me\0\0"), ("comment of Photoshop (APP12)",)),
        (png(b"caBX", b"jumb"), ("content credentials (C2PA)",)),
        (png(b"cICP", bytes((9, 16, 0, 1))), ("color description (cICP)",)),
        (png(b"cICP", bytes((1, 13, 0, 1))), ()),
        (png(b"bKGD", bytes(6)), ("background color (bKGD)",)),
        (png(b"tIME", bytes((7, 232, 1, 2, 3, 4, 5))), ("modification time (tIME)",)),
        (png(b"sBIT", bytes((5, 6, 5))), ("significant bits (sBIT)",)),
        (png(b"sBIT", bytes((8, 8, 8))), ()),
        (png(b"vpAg", bytes(9)), ("PNG chunk vpAg",)),
        (png(b"cHRM", WIDE), ("color primaries (cHRM)",)),
        (png(b"gAMA", struct.pack(">I", 45455)), ()),
        (png(b"iDOT", bytes(28)), ()),
    ],
    ids=[
        *("C2PA", "thermal", "path", "resolution", "quality", "comment", "C2PA of PNG", "PQ", "sRGB"),
        *("bKGD", "tIME", "sBIT", "sBIT of 8", "vpAg", "cHRM", "gAMA", "iDOT"),
    ],
)
def test_other_contents_of_jpeg_and_png_are_named(file, expected):
    assert images.read(file).lost == expected


def test_chunks_after_the_image_data_are_named():
    plain = content("PNG")
    chunk = b"tIME" + bytes((7, 232, 1, 2, 3, 4, 5))
    added = struct.pack(">I", 7) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert images.read(plain[:-12] + added + plain[-12:]).lost == ("modification time (tIME)",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_data_after_the_image_are_named(kind):
    plain = content(kind)
    assert images.read(plain).lost == images.read(plain + bytes(100)).lost == ()
    assert images.read(plain + b"PK\3\4 an archive").lost == ("data after the image",)


@pytest.mark.parametrize("options", [{"progressive": True}, {"exif": b"Exif\0\0MM\0*\xff\xd9\xff\xd9"}])
def test_end_of_a_jpeg_is_its_last_marker(options):
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=98, **options)
    assert "data after the image" not in images.read(buffer.getvalue()).lost
    assert "data after the image" in images.read(buffer.getvalue() + b"more").lost


def test_gif_without_its_end_is_named():
    plain = content("GIF")
    assert images.read(plain).lost == ()
    assert images.read(plain[:-1]).lost == ("end of the file",)


def test_tiff_without_a_resolution_has_none():
    assert images.read(content("TIFF")).metadata.dpi is None


def test_tags_of_a_tiff_that_are_not_copied_are_named():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[33550], tags.tagtype[34735] = 12, 3
    tags[33550], tags[34735], tags[270] = (1.0, 1.0, 0.0), (1, 1, 0, 1), "a map"
    picture = images.read(content("TIFF", tiffinfo=tags))
    assert picture.lost == ("TIFF tags 33550, 34735",)


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "raw"])
def test_tags_on_the_storage_of_a_tiff_are_not_named(compression):
    assert images.read(content("TIFF", compression=compression, dpi=(300, 300))).lost == ()


def test_xmp_of_a_photo_with_a_gain_map_states_none_afterwards():
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description a="1" hdrgm:Version="1.0" b="2"/></x:xmpmeta>'
    )
    buffer = io.BytesIO()
    images.write(images.read(content("JPEG", xmp=xmp)), buffer, format="jpg")
    written = images.read(buffer.getvalue()).metadata.xmp
    assert b"hdrgm:Version" not in written
    assert b'a="1" b="2"' in written


def test_xmp_data_and_profile_of_a_gif_are_named():
    plain = content("GIF", comment=b"a comment")
    at = 13 + 3 * (2 << (plain[10] & 7)) if plain[10] & 0x80 else 13
    xmp = b"!\xff\x0bXMP DataXMP<x/>" + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    profile = b"!\xff\x0bICCRGBG1012\x03icc\0"
    other = b"!\xff\x0bImageMagick\x02ab\0"
    repetitions = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    picture = images.read(plain[:at] + profile + repetitions + other + xmp + plain[at:])
    assert picture.lost == ("color profile", "application data (ImageMagick)", "XMP data")
    assert images.read(plain).lost == ()


def test_all_comments_of_a_jpeg_are_read():
    picture = images.read(jpeg(0xFE, b"first"))
    assert picture.metadata.text == {"Comment": "first\na comment"}


def test_name_of_the_encoder_in_jpeg_2000_is_no_comment():
    assert images.read(content("JPEG2000")).metadata.text == {}
    assert images.read(content("JPEG2000", comment="mine")).metadata.text == {"Comment": "mine"}


class Failing(io.BytesIO):
    def read(self, size=-1):
        raise OSError("failed")


@pytest.mark.parametrize("names", [unread.names, decode._video_after])
def test_position_of_the_stream_is_restored_if_reading_fails(names):
    data = content("JPEG")
    stream = Failing(data)
    stream.seek(7)
    with pytest.raises(OSError, match="failed"):
        list(names(Image.open(io.BytesIO(data)), stream, 0))
    assert stream.tell() == 7
