"""Export classifiers, encoders and generators to ONNX.

* `FrameInput`: input ``frame``, uint8 (N, S, S, 3) RGB with a fixed S; float32 outputs of the network.
* `PictureOutput`: input ``latent``, float32 (N, Z); output ``picture``, uint8 (N, S, S, 3) RGB.

N is dynamic, and Z is the number of latent dimensions. As with styles, the exported graph is compared with
the network, and the metadata of the file describes the model.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from fststyle.colors import LUMA
from fststyle.errors import ExportError
from fststyle.export.graph import export_graph
from fststyle.export.precision import CONVERT

PRECISIONS = ("fp32", "fp16-weights")
_BOUNDS = {"fp32": (1, 1e-3), "fp16-weights": (2, 1e-2)}
"""Largest allowed differences between graph and network, by precision.

The first is for pixels, absolute (0-255); rounding ties differently causes a difference of 1. The second is
for other outputs, relative to their largest absolute value.
"""


class FrameInput(nn.Module):
    """Wrapper that converts uint8 frames to the input of a network.

    ``net`` takes (N, C, S, S) in [-1, 1], where C = ``channels`` is 1 or 3. For one channel, RGB is converted
    to ITU-R BT.601 luma.
    """

    weights: Tensor

    def __init__(self, net: nn.Module, channels: int):
        super().__init__()
        self.net, self.channels = net, channels
        self.register_buffer("weights", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, frame: Tensor) -> Any:
        """Return the outputs of the network for frames, uint8 (N, S, S, 3) RGB."""
        x = frame.permute(0, 3, 1, 2).float()
        if self.channels == 1:
            x = (x * self.weights).sum(1, keepdim=True)
        return self.net(x / 127.5 - 1)


class PictureOutput(nn.Module):
    """Wrapper that converts the output of a generator to uint8 images.

    ``net`` maps latent vectors (N, Z) to (N, C, S, S) in [-1, 1], where C = ``channels`` is 1 or 3. Grayscale
    output is repeated to three channels.
    """

    def __init__(self, net: nn.Module, channels: int):
        super().__init__()
        self.net, self.channels = net, channels

    def forward(self, latent: Tensor) -> Tensor:
        """Generate images: float32 (N, Z) -> uint8 (N, S, S, 3) RGB."""
        x = ((self.net(latent).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        if self.channels == 1:
            x = x.expand(-1, 3, -1, -1)
        result: Tensor = x.permute(0, 2, 3, 1)
        return result


def export_model(
    module: nn.Module,
    example: Tensor,
    output_names: list[str],
    about: Mapping[str, Any],
    precision: str = "fp32",
) -> tuple[bytes, float]:
    """Export a `FrameInput` or `PictureOutput` to ONNX, and compare the graph with the module.

    Args:
        module: the module, on the CPU. It is set to evaluation mode.
        example: a batch of inputs for tracing. The outputs are compared for this batch and for its first
            input alone.
        output_names: names of the outputs in the file.
        about: metadata of the file; values that are not strings are stored as JSON.
        precision: one of `PRECISIONS`.

    Returns:
        The content of the file, and the largest difference between graph and module: absolute (0-255) for
        pixels, and for other outputs relative to their largest absolute value.

    Raises:
        ExportError: the export fails, or the graph differs too much from the module.
    """
    module = module.eval()
    input_name = "frame" if isinstance(module, FrameInput) else "latent"
    if len(example) == 1:
        example = torch.cat([example, example])  # the exporter specializes dimensions of size 1
    rows = torch.export.Dim("N", min=1, max=1 << 16)
    try:
        model = CONVERT[precision](
            export_graph(module, example, {input_name: {0: rows}}, input_name, output_names)
        )
    except Exception as error:  # the exporter raises many exception types
        raise ExportError(
            f"the network cannot be exported to ONNX: {type(error).__name__}: {error}"
        ) from error
    for key, value in {**about, "precision": precision, "version": version("fststyle")}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    content = model.SerializeToString()
    worst = max(
        _difference(module, content, rows_of, input_name, output_names, _BOUNDS[precision])
        for rows_of in (example, example[:1])
    )
    return content, worst


def _difference(
    module: nn.Module,
    content: bytes,
    given: Tensor,
    name: str,
    output_names: list[str],
    bounds: tuple[float, float],
) -> float:
    """Return the largest difference between the outputs of an ONNX file and of a module for one batch.

    The difference is measured as in `export_model`. ``content`` is the content of the file, ``given`` the
    batch, and ``name`` the name of the input in the file. Raises `ExportError` if an output has a different
    shape or type, or if a difference is above ``bounds`` (an element of `_BOUNDS`).
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        results = module(given)
    wanted = [result.numpy() for result in (results if isinstance(results, tuple) else (results,))]
    worst = 0.0
    for output, want, got in zip(
        output_names, wanted, session.run(output_names, {name: given.numpy()}), strict=True
    ):
        if got.shape != want.shape or got.dtype != want.dtype:
            raise ExportError(
                f"the output {output} is {got.dtype} {got.shape} in the exported graph, but"
                f" {want.dtype} {want.shape} in the network; nothing was written"
            )
        difference = float(np.abs(got.astype(np.float64) - want).max())
        pixels = want.dtype == np.uint8
        difference = difference if pixels else difference / max(1e-6, float(np.abs(want).max()))
        bound = bounds[0 if pixels else 1]
        if not difference <= bound:  # also for NaN
            unit = "of 255" if pixels else "of its largest value"
            raise ExportError(
                f"the output {output} of the exported graph differs from that of the network by"
                f" {difference:.3g} {unit}; at most {bound:g} is allowed; nothing was written"
            )
        worst = max(worst, difference)
    return worst
