"""The gAMA chunk of PNG files."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from fststyle.io import images

GRAY = np.full((16, 16, 3), 128, np.uint8)


def shown(gamma: int, *, srgb: bool = False, array: np.ndarray = GRAY, **options: object) -> np.ndarray:
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", struct.pack(">I", gamma))
    if srgb:
        chunks.add(b"sRGB", b"\0")
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", pnginfo=chunks, **options)
    frame = images.read(buffer.getvalue()).frames[0]
    return frame.rgb[0, 0] if frame.alpha is None else np.append(frame.rgb[0, 0], frame.alpha[0, 0])


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (45455, 128),
        (46000, 128),
        (100000, 188),
        (55556, 147),
        (30000, 89),
        (0, 128),
        (1, 128),
        (2**31 - 1, 128),
    ],
)
def test_gamma_is_applied(gamma, expected):
    """A file with gamma 1 stores linear light, of which half is 188 in sRGB. 1/1.8 is the gamma of early
    Macintosh computers.
    """
    assert np.abs(shown(gamma).astype(int) - expected).max() <= 1


def test_black_white_alpha_and_gray():
    for value in (0, 255):
        assert (shown(100000, array=np.full((16, 16, 3), value, np.uint8)) == value).all()
    assert shown(100000, array=np.full((16, 16, 4), 128, np.uint8)).tolist() == [188, 188, 188, 128]
    assert shown(100000, array=np.full((16, 16), 128, np.uint8)).tolist() == [188] * 3


def test_profile_and_srgb_chunk_take_precedence():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (shown(100000, srgb=True) == 128).all()
    assert (shown(100000, icc_profile=profile) == 128).all()
