"""EXIF, XMP, IPTC, texts and resolution are converted between formats."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from fststyle.io import exif, images
from fststyle.io.images import Frame, Picture
from fststyle.io.metadata import Metadata

H, W = 24, 32
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"><dc:subject>sea</dc:subject></x:xmpmeta>'
IPTC = b"\x1c\x02\x78\x00\x05hello"
THUMBNAIL = b"\xff\xd8" + b"thumbnail" * 20 + b"\xff\xd9"
DATE, LENS, MAKER = "2024:01:02 03:04:05", "50mm f/1.8", b"maker note" * 3


def camera(order: str = "<", thumbnail: bool = True) -> bytes:
    """EXIF data of a photo of 4000x3000 pixels that is stored rotated."""
    data = Image.Exif()
    data.endian = order
    data[0x0112], data[0x010F], data[0x0110], data[0x0132] = 6, "Nikon", "D750", DATE
    data[0x8769] = {0x9003: DATE, 0xA434: LENS, 0x829A: 0.005, 0xA002: 4000, 0xA003: 3000, 0x927C: MAKER}
    data[0x8825] = {1: "N", 2: (48.0, 8.0, 1.5), 3: "E", 4: (11.0, 34.0, 0.0)}
    content = bytearray(data.tobytes()[6:])
    if thumbnail:
        second = len(content)
        entries = [(0x0103, 3, 6), (0x0201, 4, second + 2 + 3 * 12 + 4), (0x0202, 4, len(THUMBNAIL))]
        content += struct.pack(order + "H", 3)
        for tag, kind, value in entries:
            content += struct.pack(order + "HHI", tag, kind, 1)
            content += struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        content += bytes(4) + THUMBNAIL
        first = struct.unpack_from(order + "I", content, 4)[0]
        count = struct.unpack_from(order + "H", content, first)[0]
        struct.pack_into(order + "I", content, first + 2 + 12 * count, second)
    return bytes(content)


def parsed(content: bytes) -> Image.Exif:
    data = Image.Exif()
    data.load(content)
    return data


def written(metadata: Metadata, suffix: str, frames: int = 1, **options: object) -> tuple[Picture, list[str]]:
    rgb = np.full((H, W, 3), 90, np.uint8)
    buffer = io.BytesIO()
    picture = Picture([Frame(rgb + np.uint8(i), None, 50) for i in range(frames)], metadata=metadata)
    lost = images.write(picture, buffer, format=suffix, **options)
    return images.read(buffer.getvalue()), lost


@pytest.mark.parametrize("order", ["<", ">"])
def test_adapted_exif_has_the_new_size_and_no_thumbnail(order):
    before = exif.PREFIX + camera(order)
    assert THUMBNAIL in before
    after = exif.adapted(before, (H, W))
    assert b"thumbnail" not in after
    data = parsed(after)
    assert (data[0x0112], data[0x010F]) == (1, "Nikon")
    below = data.get_ifd(0x8769)
    assert (below[0xA002], below[0xA003], below[0xA434], below[0x927C]) == (W, H, LENS, MAKER)
    assert data.get_ifd(0x8825)[2] == (48.0, 8.0, 1.5)
    assert not data.get_ifd(0x0201)
    # Only the changed values differ, so the offsets in maker notes are still valid.
    assert len(after) == len(camera(order, thumbnail=False))
    assert after.index(MAKER) == before.index(MAKER) - len(exif.PREFIX)


def test_thumbnail_between_other_values_is_cleared():
    data = bytearray(camera())
    start = data.index(THUMBNAIL)
    first = struct.unpack_from("<I", data, 4)[0]
    # The value of the model tag is moved after the thumbnail.
    at = next(at for at in range(first + 2, first + 200, 12) if data[at : at + 2] == b"\x10\x01")
    data += b"elsewhere\x00"
    struct.pack_into("<II", data, at + 4, 10, start + len(THUMBNAIL))
    after = exif.adapted(bytes(data), (H, W))
    assert b"thumbnail" not in after
    assert parsed(after)[0x0110] == "elsewhere"


@pytest.mark.parametrize("content", [b"", b"rubbish", b"II*\x00", b"II*\x00\xff\xff\xff\xff", camera()[:9]])
def test_damaged_exif_is_none(content):
    assert exif.adapted(content, (H, W)) is None


def test_cut_and_changed_exif_never_raises():
    content, random = camera(), np.random.default_rng(0)
    for end in range(0, len(content), 7):
        exif.adapted(content[:end], (H, W))
    for _ in range(300):
        data = bytearray(content)
        for at in random.integers(0, len(data), 3):
            data[at] = random.integers(0, 256)
        exif.adapted(bytes(data), (H, W))
        written(Metadata(bytes(data)), "tif")


@pytest.mark.parametrize(
    ("suffix", "dpi", "expected"),
    [
        ("gif", (300.0, 300.0), ["resolution (300 dpi)"]),
        ("ppm", (204.0, 98.0), ["resolution (204x98 dpi)"]),
        ("ppm", (72.0, 72.0), []),
        ("bmp", (300.0, 300.0), []),
    ],
)
def test_resolution_is_named_where_the_format_does_not_hold_it(suffix, dpi, expected):
    assert written(Metadata(dpi=dpi), suffix)[1] == expected


def test_resolution_is_in_the_exif_data_of_webp():
    picture, lost = written(Metadata(dpi=(300.0, 150.0)), "webp")
    data = parsed(picture.metadata.exif)
    assert (lost, data[0x011A], data[0x011B], data[0x0128]) == ([], 300, 150, 2)
    assert written(Metadata(picture.metadata.exif, dpi=(300.0, 150.0)), "webp")[1] == []


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_round_trip(suffix, order):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    picture, lost = written(Metadata(camera(order), XMP, dpi=(300.0, 300.0)), suffix)
    assert lost == (["resolution (300 dpi)"] if suffix in ("webp", "avif") else [])
    data = parsed(picture.metadata.exif)
    assert data.get(0x0112, 1) == 1
    assert (data[0x010F], data[0x0110], data[0x0132]) == ("Nikon", "D750", DATE)
    below = data.get_ifd(0x8769)
    assert (below[0x9003], below[0xA434], float(below[0x829A]), below[0xA002]) == (DATE, LENS, 0.005, W)
    assert tuple(map(float, data.get_ifd(0x8825)[2])) == (48.0, 8.0, 1.5)
    assert picture.metadata.xmp == XMP.replace(b'="6"', b'="1"')
    if suffix in ("jpg", "png", "tif"):
        assert picture.metadata.dpi == pytest.approx((300, 300), rel=1e-4)
    # The same for a file that already has the format.
    again, lost = written(picture.metadata, suffix)
    assert lost == []
    assert parsed(again.metadata.exif).get_ifd(0x8769)[0xA434] == LENS


@pytest.mark.parametrize("suffix", ["webp", "png", "avif"])
def test_animations_keep_metadata(suffix):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    picture, lost = written(Metadata(camera(), XMP), suffix, frames=3)
    assert (len(picture.frames), lost) == (3, [])
    assert parsed(picture.metadata.exif)[0x010F] == "Nikon"
    assert picture.metadata.xmp == XMP.replace(b'="6"', b'="1"')


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_iptc(suffix):
    picture, lost = written(Metadata(iptc=IPTC), suffix)
    assert (picture.metadata.iptc, lost) == (IPTC, [])


def test_texts_of_png_and_comments():
    picture, lost = written(Metadata(text={"Title": "The sea", "Comment": "näher"}), "png")
    assert (picture.metadata.text, lost) == ({"Title": "The sea", "Comment": "näher"}, [])
    picture, lost = written(picture.metadata, "jpg")
    assert (picture.metadata.text, lost) == ({"Comment": "näher"}, ["text 'Title'"])


@pytest.mark.parametrize("suffix", ["bmp", "gif", "jp2", "ppm"])
def test_unsupported_metadata_is_named(suffix):
    _, lost = written(Metadata(camera(), XMP, IPTC, {"Comment": "hi"}), suffix)
    assert lost == ["EXIF data", "XMP data", "IPTC data", "text 'Comment'"]
    assert written(Metadata(camera(), XMP, IPTC, {"Comment": "hi"}), suffix, strip_metadata=True)[1] == []


def test_large_or_damaged_metadata_is_named():
    picture, lost = written(Metadata(b"rubbish", b"x" * 70_000), "jpg")
    assert lost == ["EXIF data (damaged)", "XMP data (too large for JPEG)"]
    assert picture.metadata.exif is None


def test_xmp_of_a_motion_photo_and_its_thumbnail():
    xmp = (
        b'<x GCamera:MotionPhoto="1" xmpNote:HasExtendedXMP="AB"><xmp:Thumbnails>base64</xmp:Thumbnails></x>'
    )
    buffer = io.BytesIO()
    Image.new("RGB", (W, H)).save(buffer, "WEBP", xmp=xmp)
    picture = images.read(buffer.getvalue())
    assert picture.lost == ("video of a motion photo",)
    after, lost = written(picture.metadata, "webp")
    assert after.metadata.xmp == b'<x GCamera:MotionPhoto="0"></x>'
    assert (after.lost, lost) == ((), ["extended XMP data"])


def test_unreadable_metadata_is_named():
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n 4\nno hex")
    buffer = io.BytesIO()
    Image.new("RGB", (H, W)).save(buffer, "PNG", pnginfo=text)
    picture = images.read(buffer.getvalue())
    assert images.write(picture, io.BytesIO(), format="png") == ["EXIF data (damaged)"]
    assert images.write(picture, io.BytesIO(), format="png", strip_metadata=True) == []


def test_exif_in_a_text_of_png():
    text = PngImagePlugin.PngInfo()
    content = exif.PREFIX + camera()
    text.add_text("Raw profile type exif", f"\nexif\n{len(content):8}\n{content.hex()}\n", zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (H, W)).save(buffer, "PNG", pnginfo=text)
    picture = images.read(buffer.getvalue())
    assert parsed(picture.metadata.exif)[0x010F] == "Nikon"
    assert picture.metadata.text == {}


@pytest.mark.parametrize(
    ("suffix", "alpha", "expected"),
    [
        ("jpg", 0, ["transparency"]),
        ("jpg", 255, []),
        ("gif", 100, ["partial transparency"]),
        ("gif", 0, []),
        ("png", 9, []),
    ],
)
def test_lost_transparency_is_named(suffix, alpha, expected):
    picture = Picture([Frame(np.zeros((H, W, 3), np.uint8), np.full((H, W), alpha, np.uint8))])
    assert images.write(picture, io.BytesIO(), format=suffix) == expected


def test_further_images_are_named():
    first, second = Image.new("RGB", (W, H)), Image.new("RGB", (W, H), "red")
    for kind, expected in (("TIFF", "2 further pages"), ("MPO", "2 further images")):
        buffer = io.BytesIO()
        first.save(buffer, kind, save_all=True, append_images=[second, first])
        assert images.read(buffer.getvalue()).lost == (expected,)
