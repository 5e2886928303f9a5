"""Convert decoded frames to 8-bit RGB with the matrix and range of the file, and tone-map HDR.

Styles are trained on SDR photos, so PQ and HLG (ITU-R BT.2100) are mapped to BT.709. Reference white is
203 cd/m2 (ITU-R BT.2408). In linear light, colors with components of up to 0.6 of reference white are
unchanged. Higher values are compressed by the extended operator of Reinhard et al. 2002 (equation 4), which
maps 1000 cd/m2 to white.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Floats, Gray, Pixels
from fststyle.runtime.video.formats.pyav import DecodedFrame, PixelFormat

HDR = {16: "PQ", 18: "HLG"}
"""Names of HDR transfer characteristics by ITU-T H.273 code point."""

REFERENCE_WHITE, PEAK, KNEE = 203.0, 1000.0, 0.6
"""Reference white and peak in cd/m2, and the fraction of reference white above which tone mapping
compresses.
"""

# Values of ITU-T H.273 for primaries, and for SDR transfer characteristics.
_PRIMARIES = {1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22}
_SDR_TRANSFERS = {1, 4, 5, 6, 7, 11, 12, 13, 14, 15}

# Matrix from linear BT.2020 to linear BT.709 RGB (BT.2087), rows for R, G, B.
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
_LUMINANCE = (0.2627, 0.6780, 0.0593)


def sdr_colors(primaries: int, transfer: int) -> tuple[int, int]:
    """Return the color primaries and transfer characteristic that a stream has after conversion to SDR.

    The arguments are those of the stream. Arguments and results are ITU-T H.273 code points. For an HDR
    stream, the results are those of BT.709. Otherwise, the arguments are returned, except that a value that
    is not in `_PRIMARIES` or `_SDR_TRANSFERS`, such as 2 (unspecified), is replaced by that of BT.709.
    """
    if transfer in HDR:
        return 1, 1
    return primaries if primaries in _PRIMARIES else 1, transfer if transfer in _SDR_TRANSFERS else 1


def rgb_of(frame: DecodedFrame, transfer: int) -> RGB:
    """Convert a PyAV frame to RGB, uint8 (H, W, 3). HDR frames are tone-mapped to SDR.

    ``transfer`` is the transfer characteristic of the video stream as an ITU-T H.273 code point.
    """
    # If the matrix is not specified, players use BT.709 for HD heights and BT.601 below.
    unstated = int(frame.colorspace) not in (1, 4, 5, 6, 7, 9, 10)
    source = (
        "BT2020"
        if int(frame.colorspace) == 10
        else ("ITU709" if frame.height >= 720 else "ITU601")
        if unstated
        else None
    )
    if transfer in HDR:
        return tone_mapped(
            frame.reformat(
                format="rgb48le", src_colorspace="BT2020" if unstated else source, dst_color_range="JPEG"
            ).to_ndarray(),
            transfer,
        )
    result: RGB = frame.reformat(format="rgb24", src_colorspace=source, dst_color_range="JPEG").to_ndarray()
    return result


_ALPHA = ("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16")
"""Prefixes of FFmpeg pixel formats with alpha."""


def has_alpha(pixels: str | None) -> bool:
    """Return whether a pixel format, given by its FFmpeg name, has alpha."""
    return (pixels or "").startswith(_ALPHA)


def finer_chroma(pixels: PixelFormat | None) -> str | None:
    """Return the chroma subsampling of a PyAV pixel format if it is finer than 4:2:0, otherwise None.

    The result is "4:2:2", "4:4:0" or "4:4:4", which is also returned for RGB. It is None for other
    subsampling, for gray formats, and if ``pixels`` is None.
    """
    if pixels is None or (not pixels.is_rgb and len(pixels.components) < 3):
        return None
    sides = (16, 16) if pixels.is_rgb else (pixels.chroma_width(16), pixels.chroma_height(16))
    return {(16, 16): "4:4:4", (16, 8): "4:4:0", (8, 16): "4:2:2"}.get(sides)


def alpha_of(frame: DecodedFrame) -> Gray | None:
    """Return the alpha channel of a PyAV frame, uint8 (H, W), or None if its pixel format has no alpha."""
    if not has_alpha(frame.format.name):
        return None
    return np.ascontiguousarray(frame.reformat(format="rgba").to_ndarray()[..., 3])


def tone_mapped(coded: NDArray[np.uint16], transfer: int) -> RGB:
    """Tone-map an HDR frame to BT.709.

    ``coded`` is full-range RGB, uint16 (H, W, 3), with BT.2020 primaries. ``transfer`` is its transfer
    characteristic: 16 for PQ, or 18 for HLG. The result is RGB, uint8 (H, W, 3).
    """
    light = _light(transfer)[coded]
    if transfer == 18:
        # The OOTF of BT.2100 for a display of 1000 cd/m2: scene light times its luminance to the power 0.2.
        scene = light @ np.array(_LUMINANCE, np.float32)
        light *= (PEAK / REFERENCE_WHITE) * np.maximum(scene, 1e-6)[..., None] ** np.float32(0.2)
    light = light @ np.array(_TO_709, np.float32).T
    brightest = light.max(axis=2, keepdims=True)
    over, peak = (
        (np.maximum(brightest, KNEE) - KNEE) / (1 - KNEE),
        (PEAK / REFERENCE_WHITE - KNEE) / (1 - KNEE),
    )
    pressed = KNEE + (1 - KNEE) * over * (1 + over / peak**2) / (1 + over)
    light *= np.where(brightest > KNEE, pressed / np.maximum(brightest, KNEE), 1)
    steps = (np.clip(light, 0, 1) * 4095 + 0.5).astype(np.uint16)
    result: RGB = _code()[steps]
    return result


@functools.lru_cache(maxsize=2)
def _light(transfer: int) -> Floats:
    """Return a lookup table from 16-bit codes to linear light, float32 (65536,).

    If ``transfer`` is 16 (PQ), the values are display light relative to reference white. Otherwise, they are
    the scene light of HLG, from 0 to 1.
    """
    code = np.arange(65536) / 65535
    if transfer == 16:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = code ** (1 / m2)
        return (10000 / REFERENCE_WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)).astype(
            np.float32
        )
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _code() -> Pixels:
    """Return a lookup table from linear light, scaled to 0..4095, to 8-bit BT.709 codes, uint8 (4096,).

    The codes are for a BT.1886 display (gamma 2.4).
    """
    return np.rint(255 * (np.arange(4096) / 4095) ** (1 / 2.4)).astype(np.uint8)
