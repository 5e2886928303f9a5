"""Compare an exported graph with the PyTorch network."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.errors import ExportError

SIZES = ((1, 16, 16), (1, 17, 31), (2, 50, 37), (1, 96, 129))
"""Shapes (N, H, W) to compare: the smallest frame, odd sides, a batch, and a larger frame."""

TOLERANCE = {"fp32": (1, 0.02), "fp16-weights": (8, 0.35), "fp16": (24, 1.5)}
"""Precision -> largest allowed maximum and largest allowed mean of the absolute differences between pixel
values in 0-255, for each shape in `SIZES`.

Rounding ties differently causes a difference of 1.
"""
TINY = 32
"""Shorter side in pixels below which the tolerances of fp16 and fp16-weights double.

Instance norm over few pixels amplifies rounding errors.
"""

PSNR = {"int8": 32.0, "int8-weights": 34.0}
"""Minimum of the mean PSNR over the photos, in dB, for quantized precisions."""


def check_parity(
    frame: nn.Module, model: bytes, precision: str, photos: Sequence[RGB] = ()
) -> dict[str, float]:
    """Compare the exported graph, run by ONNX Runtime on the CPU, with the PyTorch module at several sizes.

    Args:
        frame: the PyTorch module, uint8 (N, H, W, 3) -> uint8 (N, H, W, 3).
        model: the bytes of the ONNX file.
        precision: one of `fststyle.export.settings.PRECISIONS`.
        photos: uint8 (H, W, 3) RGB each, at least one for the precisions in `PSNR`; others ignore them.

    Returns:
        A dict of statistics of the absolute differences between pixel values in 0-255: ``largest`` is the
        maximum over all `SIZES`, and ``mean`` the average over `SIZES` of the mean difference. For the
        precisions in `PSNR`, ``psnr`` is the mean PSNR over the photos in dB.

    Raises:
        ExportError: an output of the graph differs from that of the module in shape or type, a difference is
            above `TOLERANCE` (see also `TINY`), or the PSNR is below `PSNR`.
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
                f"the exported graph returns {got.dtype} {got.shape} for frames uint8 {wanted.shape}; nothing"
                " was written"
            )
        difference = np.abs(got.astype(np.int16) - wanted)
        worst, means = max(worst, float(difference.max())), [*means, float(difference.mean())]
        if precision not in PSNR and (difference.max() > limit or difference.mean() > mean_limit):
            raise ExportError(
                f"the exported graph differs from the network at {width}x{height} pixels by up to"
                f" {difference.max()} of 255 (mean {difference.mean():.3f}); {precision} allows at most"
                f" {limit} (mean {mean_limit}); nothing was written"
            )
    result = {"largest": worst, "mean": float(np.mean(means))}
    if (least := PSNR.get(precision)) is not None:
        result["psnr"] = float(np.mean([_psnr(frame, session, photo) for photo in photos]))
        if result["psnr"] < least:
            raise ExportError(
                f"the PSNR of {precision} relative to the network is {result['psnr']:.1f} dB on photos; at"
                f" least {least:.0f} dB is required; nothing was written"
            )
    return result


def _psnr(frame: nn.Module, session: ort.InferenceSession, photo: RGB) -> float:
    """Return the peak signal-to-noise ratio of the graph relative to the module for one photo, in dB."""
    with torch.inference_mode():
        wanted = frame(torch.from_numpy(photo[None])).numpy().astype(np.float64)
    error = np.square(session.run(["styled"], {"frame": photo[None]})[0] - wanted).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _photo(n: int, height: int, width: int) -> np.ndarray:
    """Return `n` test images of smooth waves, with noise added on the right: uint8 (n, height, width, 3).

    The waves are smooth because the rounding errors of normalization layers are largest in smooth regions.
    """
    rng = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = np.stack([np.sin(3 * x + 2 * y + c) for c in range(3)], -1)
    picture = 128 + 80 * waves + rng.normal(0, 20, (n, height, width, 3)) * (x > 0.4)[..., None]
    result: np.ndarray = picture.clip(0, 255).astype(np.uint8)
    return result
