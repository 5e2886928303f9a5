"""Outputs of lossless files are lossless."""

import io

import numpy as np
import pytest
from PIL import Image, features

from fststyle.errors import OutputError
from fststyle.io import images
from fststyle.io.images import Frame, Picture
from fststyle.io.lossless import is_lossless_webp

NOISE = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)


def webp(*arrays: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    first, *others = map(Image.fromarray, arrays)
    first.save(buffer, "WEBP", **({"save_all": True, "append_images": others} if others else {}), **options)
    return buffer.getvalue()


def written(picture: Picture, suffix: str, **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    images.write(picture, buffer, format=suffix, **options)
    return images.read(buffer.getvalue()).frames[-1].rgb


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("options", [{}, {"exif": b"Exif\0\0II*\0" + bytes(8)}], ids=["simple", "extended"])
def test_still_webp(lossless, options):
    picture = images.read(webp(NOISE, lossless=lossless, **options))
    assert picture.lossless is lossless
    assert (
        np.array_equal(written(Picture([Frame(NOISE)], None, "WEBP", lossless=lossless), "webp"), NOISE)
        is lossless
    )


@pytest.mark.parametrize("lossless", [False, True])
def test_animated_webp(lossless):
    picture = images.read(webp(NOISE, NOISE[::-1].copy(), lossless=lossless))
    assert picture.lossless is lossless
    assert len(picture.frames) == 2
    assert np.array_equal(written(picture, "webp"), picture.frames[-1].rgb) is lossless


def test_alpha_without_loss():
    alpha = np.arange(24 * 32, dtype=np.uint32).astype(np.uint8).reshape(24, 32)
    picture = images.read(webp(np.dstack([NOISE, alpha]), lossless=True))
    assert picture.lossless
    assert not images.read(webp(np.dstack([NOISE, alpha]))).lossless
    seen = alpha > 0
    np.testing.assert_array_equal(written(picture, "webp")[seen], NOISE[seen])


def test_lossless_option_takes_precedence():
    assert np.array_equal(written(Picture([Frame(NOISE)]), "webp", lossless=True), NOISE)
    assert not np.array_equal(written(Picture([Frame(NOISE)]), "webp"), NOISE)
    assert not np.array_equal(
        written(Picture([Frame(NOISE)], None, "WEBP", lossless=True), "webp", lossless=False), NOISE
    )
    for suffix in ("png", "tif", "bmp", "ppm", "jp2"):
        assert np.array_equal(written(Picture([Frame(NOISE)]), suffix, lossless=True), NOISE), suffix
    for suffix in ("jpg", "gif", "avif") if features.check("avif") else ("jpg", "gif"):
        with pytest.raises(OutputError, match=r"lossless \w+ output is not supported"):
            written(Picture([Frame(NOISE)]), suffix, lossless=True)


def test_damaged_and_other_files_are_not_lossless_webp():
    content = webp(NOISE, lossless=True)
    for stream in (
        io.BytesIO(b""),
        io.BytesIO(b"RIFF"),
        io.BytesIO(b"\x89PNG" * 20),
        io.BytesIO(content[:14]),
    ):
        assert not is_lossless_webp(stream)
        assert stream.tell() == 0
    endless = content[:12] + b"JUNK\xff\xff\xff\xff"
    assert not is_lossless_webp(io.BytesIO(endless))
