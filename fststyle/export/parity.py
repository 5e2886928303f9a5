"""Does the file paint what the network paints?"""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.errors import ExportError

SIZES = ((1, 16, 16), (1, 17, 31), (2, 50, 37), (1, 96, 129))
"""(N, H, W) to compare at: the smallest, odd ones, a batch, and one with room for the network's whole view.
"""

TOLERANCE = {"fp32": (1, 0.02), "fp16-weights": (8, 0.35), "fp16": (24, 1.5)}
"""Per precision the largest and the mean difference allowed, in levels of 0..255.

One level is what rounding a tie the other way gives.
"""
TINY = 32
"""Pictures with a side below this may differ twice as much in half precision: an instance norm over a handful
of places magnifies every rounding.
"""

PSNR = {"int8": 32.0, "int8-weights": 34.0}
"""Decibels that such a file must reach on photos, on their mean."""


def check_parity(
    frame: nn.Module, model: bytes, precision: str, photos: Sequence[RGB] = ()
) -> dict[str, float]:
    """Compare the graph in ONNX Runtime on the CPU with the torch module, at several odd sizes.

    Gives the largest and mean difference in levels.

    Integers are judged not by these but on `photos`, uint8 (H, W, 3) each, by the peak signal-to-noise ratio,
    which comes along as ``psnr``.

    Raises:
        ExportError: beyond `TOLERANCE`, or another shape comes out.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    means: list[float] = []
    worst = 0.0
    for n, height, width in SIZES:
        photo = _photo(n, height, width)
        limit, mean_limit = TOLERANCE.get(precision, (255, 255.0))
        if precision.startswith("fp16") and min(height, width) < TINY:
            limit, mean_limit = 2 * limit, 2 * mean_limit
        with torch.inference_mode():
            wanted = frame(torch.from_numpy(photo)).numpy().astype(np.int16)
        got = session.run(["styled"], {"frame": photo})[0]
        if got.shape != wanted.shape or got.dtype != np.uint8:
            raise ExportError(
                f"the exported graph gives {got.dtype} {got.shape} for a frame of {wanted.shape}; nothing was"
                " written"
            )
        difference = np.abs(got.astype(np.int16) - wanted)
        worst, means = max(worst, float(difference.max())), [*means, float(difference.mean())]
        if precision not in PSNR and (difference.max() > limit or difference.mean() > mean_limit):
            raise ExportError(
                f"the exported graph differs from the network at {width}x{height} by up to {difference.max()}"
                f" levels (mean {difference.mean():.3f}); {precision} allows {limit} (mean {mean_limit});"
                " nothing was written"
            )
    result = {"largest": worst, "mean": float(np.mean(means))}
    if (least := PSNR.get(precision)) is not None:
        result["psnr"] = float(np.mean([_psnr(frame, session, photo) for photo in photos]))
        if result["psnr"] < least:
            raise ExportError(
                f"{precision} paints {result['psnr']:.1f} dB from the network on photos, {least:.0f} are"
                " needed; nothing was written"
            )
    return result


def _psnr(frame: nn.Module, session: ort.InferenceSession, photo: RGB) -> float:
    with torch.inference_mode():
        wanted = frame(torch.from_numpy(photo[None])).numpy().astype(np.float64)
    error = np.square(session.run(["styled"], {"frame": photo[None]})[0] - wanted).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _photo(n: int, height: int, width: int) -> np.ndarray:
    """Smooth shapes and noise: both flat parts, where norms are delicate, and detail."""
    rng = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = np.stack([np.sin(3 * x + 2 * y + c) for c in range(3)], -1)
    picture = 128 + 80 * waves + rng.normal(0, 20, (n, height, width, 3)) * (x > 0.4)[..., None]
    return picture.clip(0, 255).astype(np.uint8)
