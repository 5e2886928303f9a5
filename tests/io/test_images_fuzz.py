"""Damaged image files are read or refused with an FststyleError. There is no other exception, no warning and
no hang.
"""

import io
import random
import re
import time
from functools import cache

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import FststyleError
from fststyle.io import images

KINDS = [
    "PNG",
    "APNG",
    "PNG16",
    "PNGP",
    "JPEG",
    "CMYK",
    "GIF",
    "GIFS",
    "WEBP",
    "WEBPS",
    "TIFF",
    "TIFFLZW",
    "BMP",
    "TGA",
    "PPM",
]


@cache
def seed(kind: str) -> bytes:
    rng = np.random.default_rng(7)
    smooth = np.kron(rng.integers(0, 256, (4, 5, 3), np.uint8), np.ones((6, 6, 1), np.uint8))
    image, second = Image.fromarray(smooth), Image.fromarray(smooth[::-1].copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {
        "save_all": True,
        "append_images": [second, image.rotate(90)],
        "duration": [50, 60, 70],
        "loop": 0,
    }
    name, still, options = {
        "PNG": (
            "PNG",
            image.convert("RGBA"),
            {"exif": exif, "icc_profile": b"\0" * 16 + b"RGB " + bytes(200)},
        ),
        "APNG": ("PNG", image, several),
        "PNG16": ("PNG", Image.fromarray(rng.integers(0, 65536, (24, 30), np.uint16)), {"transparency": 5}),
        "PNGP": ("PNG", image.quantize(16), {"transparency": 3}),
        "JPEG": ("JPEG", image, {"exif": exif}),
        "CMYK": ("JPEG", image.convert("CMYK"), {"icc_profile": b"\0" * 16 + b"CMYK" + bytes(200)}),
        "GIF": ("GIF", image.quantize(32), {"transparency": 1}),
        "GIFS": ("GIF", image, several),
        "WEBP": ("WEBP", image.convert("RGBA"), {"exif": exif}),
        "WEBPS": ("WEBP", image, several),
        "TIFF": ("TIFF", image, {"exif": exif}),
        "TIFFLZW": ("TIFF", image.convert("RGBA"), {"compression": "tiff_lzw"}),
        "BMP": ("BMP", image.quantize(8), {}),
        "TGA": ("TGA", image, {"compression": "tga_rle"}),
        "PPM": ("PPM", image, {}),
    }[kind]
    buffer = io.BytesIO()
    still.save(buffer, name, **options)
    return buffer.getvalue()


def mutated(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        # Headers and tables are at the start of a file, so half of the mutations are there.
        at = rng.randrange(min(len(data), 120) if rng.random() < 0.5 else len(data))
        what = rng.randrange(6)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.choice((0, 1, 127, 128, 255))
        elif what == 2:
            del data[max(at, 1) :]
        elif what == 3:
            data[at : at + 4] = rng.choice(
                (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\xff\xff")
            )
        elif what == 4:
            length, other = rng.randrange(1, 30), rng.randrange(len(data))
            data[at : at + length], data[other : other + length] = (
                data[other : other + length],
                data[at : at + length],
            )
        else:
            data[at:at] = data[rng.randrange(len(data)) :][: rng.randrange(40)]
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused(kind, capfd):
    assert images.read(seed(kind)).frames  # the seed itself is sound, or the test would test nothing
    rng = random.Random(kind)
    outcomes = {"read": 0, "refused": 0}
    for number in range(60):
        content = mutated(seed(kind), rng)
        start, message = time.monotonic(), "image data: "
        try:
            picture = images.read(content, max_pixels=2_000_000)
        except FststyleError as error:
            outcomes["refused"] += 1
            message = str(error)
        else:
            outcomes["read"] += 1
            assert all(frame.rgb.shape == (*picture.size, 3) for frame in picture.frames)
            assert min(picture.size) >= 16
        assert re.fullmatch("image data: .{0,150}", message)
        assert time.monotonic() - start < 10, f"{kind} number {number} took too long"
    assert outcomes["refused"] >= 3, outcomes
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_files_are_read_or_refused(kind):
    content = seed(kind)
    for end in range(0, len(content), max(1, len(content) // 40)):
        try:
            images.read(content[:end], max_pixels=2_000_000)
        except FststyleError:
            continue


def test_random_bytes_after_every_signature_are_refused():
    rng = random.Random(1)
    others = [
        b"8BPS\0\1",
        b"\0\0\1\0",
        b"icns",
        b"DDS ",
        b"qoif",
        b"\x01\xda\x01\x01",
        b"SIMPLE  =",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"",
    ]
    signatures = [seed(kind)[:12] for kind in KINDS] + others
    for signature in signatures:
        for _ in range(8):
            with pytest.raises(FststyleError):
                images.read(signature + rng.randbytes(rng.randrange(4, 300)), max_pixels=2_000_000)
