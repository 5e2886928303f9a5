"""Decoded frames as RGB in eight bits: matrix and range as the file says, high dynamic range brought down to
what a network has learned on.

Styles are trained on ordinary photos, so PQ and HLG (ITU-R BT.2100) are mapped to BT.709: light up to 0.6 of
reference white, 203 cd/m2 (BT.2408), stays as it is, what is above is pressed into the rest by the extended
curve of Reinhard et al. 2002 (equation 4), which sends 1000 cd/m2 to white.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Gray

HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristic (ITU-T H.273) -> its name."""

REFERENCE_WHITE, PEAK, KNEE = 203.0, 1000.0, 0.6

# Linear light of BT.2020 primaries in those of BT.709 (BT.2087), rows for R, G, B.
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
_LUMINANCE = (0.2627, 0.6780, 0.0593)


def rgb_of(frame: Any, transfer: int) -> RGB:
    """A frame of PyAV as uint8 (H, W, 3); ``transfer`` is that of its stream."""
    # Where the file does not say, players take BT.709 for what is as high as HD, BT.601 below.
    unsaid = int(frame.colorspace) not in (1, 4, 5, 6, 7, 9, 10)
    source = (
        "BT2020"
        if int(frame.colorspace) == 10
        else ("ITU709" if frame.height >= 720 else "ITU601")
        if unsaid
        else None
    )
    if transfer in HDR:
        return tone_mapped(
            frame.reformat(
                format="rgb48le", src_colorspace="BT2020" if unsaid else source, dst_color_range="JPEG"
            ).to_ndarray(),
            transfer,
        )
    return frame.reformat(format="rgb24", src_colorspace=source, dst_color_range="JPEG").to_ndarray()


_SEE_THROUGH = ("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16")
"""How FFmpeg's names of pixel formats with alpha begin."""


def see_through(pixels: str | None) -> bool:
    """Whether a pixel format, by FFmpeg's name, has alpha."""
    return (pixels or "").startswith(_SEE_THROUGH)


def alpha_of(frame: Any) -> Gray | None:
    """Alpha of a frame of PyAV, uint8 (H, W), 255 opaque; None where its format has none."""
    if not see_through(frame.format.name):
        return None
    return np.ascontiguousarray(frame.reformat(format="rgba").to_ndarray()[..., 3])


def tone_mapped(coded: NDArray[np.uint16], transfer: int) -> RGB:
    """uint16 (H, W, 3) of BT.2020 primaries, coded by PQ (16) or HLG (18) -> uint8 (H, W, 3) of BT.709."""
    light = _light(transfer)[coded]  # of reference white
    if transfer == 18:
        # BT.2100's OOTF for a display of 1000 cd/m2: the scene's light is raised by its luminance to the
        # power 1.2 - 1.
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
def _light(transfer: int) -> NDArray[np.float32]:
    """Linear light of each of the 65,536 codes: PQ's in units of reference white, HLG's of the scene,
    0..1.
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
def _code() -> NDArray[np.uint8]:
    """Linear light 0..4095 -> code of BT.709 as screens show it (BT.1886, gamma 2.4)."""
    return np.rint(255 * (np.arange(4096) / 4095) ** (1 / 2.4)).astype(np.uint8)
