"""Networks other than styles as ONNX files: bytes in and numbers out, or a latent vector in and bytes out.

* `Reads`: input ``frame``, uint8 (N, S, S, 3) RGB, S fixed; the outputs are what the network gives, float32.
* `Draws`: input ``latent``, float32 (N, Z); output ``picture``, uint8 (N, S, S, 3) RGB.

N is free. As for styles every file is compared with its network before it is kept, and says in its metadata
what it is.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from fststyle.errors import ExportError
from fststyle.export.graph import exported, write
from fststyle.export.precision import CONVERT

PRECISIONS = ("fp32", "fp16-weights")
_BOUNDS = {"fp32": (1, 1e-3), "fp16-weights": (2, 1e-2)}
"""Largest difference between file and network: of a pixel in levels of 0..255 (rounding a tie the other way
gives 1), and of any other output relative to the output's largest number.
"""


class Reads(nn.Module):
    """A network on (N, C, S, S) in [-1, 1], C = 1 or 3, made to take frames.

    Grey is ITU-R BT.601's luma, as Pillow has it.
    """

    weights: Tensor

    def __init__(self, net: nn.Module, channels: int):
        super().__init__()
        self.net, self.channels = net, channels
        self.register_buffer(
            "weights", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1), persistent=False
        )

    def forward(self, frame: Tensor) -> Any:
        """uint8 (N, S, S, 3) -> what the network gives."""
        x = frame.permute(0, 3, 1, 2).float()
        if self.channels == 1:
            x = (x * self.weights).sum(1, keepdim=True)
        return self.net(x / 127.5 - 1)


class Draws(nn.Module):
    """A network from (N, Z) to (N, C, S, S) in [-1, 1], C = 1 or 3, made to give frames."""

    def __init__(self, net: nn.Module, channels: int):
        super().__init__()
        self.net, self.channels = net, channels

    def forward(self, latent: Tensor) -> Tensor:
        """float32 (N, Z) -> uint8 (N, S, S, 3)."""
        x = ((self.net(latent).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        if self.channels == 1:
            x = x.expand(-1, 3, -1, -1)
        return x.permute(0, 2, 3, 1)


def export_model(
    module: nn.Module,
    example: Tensor,
    made: list[str],
    about: Mapping[str, Any],
    path: Path,
    precision: str = "fp32",
) -> float:
    """Write a `Reads` or `Draws` and give the largest difference found (levels of pixels, or relative).

    Args:
        module: on the CPU.
        example: an input, to trace and to compare with.
        made: names of the outputs.
        about: metadata; what is no string is written as JSON.
        path: where to.
        precision: fp32 or fp16-weights, which is half the size.

    Raises:
        ExportError: the graph does not do what the network does; nothing is written.
        OutputError: `path` cannot be written.
    """
    module = module.eval()
    given = "frame" if isinstance(module, Reads) else "latent"
    if len(example) == 1:
        example = torch.cat([example, example])  # the exporter takes a side of one for fixed
    rows = torch.export.Dim("N", min=1, max=1 << 16)
    try:
        model = CONVERT[precision](exported(module, example, {given: {0: rows}}, given, made))
    except Exception as error:  # the exporter raises what it likes
        raise ExportError(
            f"the network cannot be written as ONNX: {type(error).__name__}: {error}"
        ) from error
    for key, value in {**about, "precision": precision, "version": version("fststyle")}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    content = model.SerializeToString()
    worst = max(
        _difference(module, content, rows_of, given, made, _BOUNDS[precision])
        for rows_of in (example, example[:1])
    )
    write(path, content)
    return worst


def _difference(
    module: nn.Module, content: bytes, given: Tensor, name: str, made: list[str], bounds: tuple[float, float]
) -> float:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        results = module(given)
    wanted = [result.numpy() for result in (results if isinstance(results, tuple) else (results,))]
    worst = 0.0
    for output, want, got in zip(made, wanted, session.run(made, {name: given.numpy()}), strict=True):
        if got.shape != want.shape or got.dtype != want.dtype:
            raise ExportError(
                f"the exported graph gives {got.dtype} {got.shape} as {output}, the network {want.dtype}"
                f" {want.shape}; nothing was written"
            )
        difference = float(np.abs(got.astype(np.float64) - want).max())
        pixels = want.dtype == np.uint8
        difference = difference if pixels else difference / max(1e-6, float(np.abs(want).max()))
        if not difference <= bounds[0 if pixels else 1]:
            raise ExportError(
                f"the exported graph differs from the network by {difference:.3g} in {output}; nothing was"
                " written"
            )
        worst = max(worst, difference)
    return worst
