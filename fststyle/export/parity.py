"""Does the file paint what the network paints?"""

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from fststyle.errors import ExportError

SIZES = ((1, 16, 16), (1, 17, 31), (2, 50, 37), (1, 96, 129))
"""(N, H, W) to compare at: the smallest, odd ones, a batch, and one with room for the network's whole view."""

TOLERANCE = {"fp32": (1, 0.02), "fp16-weights": (8, 0.35), "fp16": (24, 1.5)}
"""Per precision the largest and the mean difference allowed, in levels of 0..255. One level is what rounding a tie the other way gives."""


def check_parity(frame: nn.Module, model: bytes, precision: str) -> dict[str, float]:
    """Compare the graph in ONNX Runtime on the CPU with the torch module, at several odd sizes. Gives the largest and mean difference in levels.

    Raises:
        ExportError: beyond `TOLERANCE`, or another shape comes out.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    limit, mean_limit = TOLERANCE[precision]
    means: list[float] = []
    worst = 0.0
    for n, height, width in SIZES:
        photo = _photo(n, height, width)
        with torch.inference_mode():
            wanted = frame(torch.from_numpy(photo)).numpy().astype(np.int16)
        got = session.run(["styled"], {"frame": photo})[0]
        if got.shape != wanted.shape or got.dtype != np.uint8:
            raise ExportError(f"the exported graph gives {got.dtype} {got.shape} for a frame of {wanted.shape}; nothing was written")
        difference = np.abs(got.astype(np.int16) - wanted)
        worst, means = max(worst, float(difference.max())), [*means, float(difference.mean())]
        if difference.max() > limit or difference.mean() > mean_limit:
            raise ExportError(
                f"the exported graph differs from the network at {width}x{height} by up to {difference.max()} levels (mean {difference.mean():.3f}); "
                f"{precision} allows {limit} (mean {mean_limit}); nothing was written"
            )
    return {"largest": worst, "mean": float(np.mean(means))}


def _photo(n: int, height: int, width: int) -> np.ndarray:
    """Smooth shapes and noise: both flat parts, where norms are delicate, and detail."""
    rng = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = np.stack([np.sin(3 * x + 2 * y + c) for c in range(3)], -1)
    picture = 128 + 80 * waves + rng.normal(0, 20, (n, height, width, 3)) * (x > 0.4)[..., None]
    return picture.clip(0, 255).astype(np.uint8)
