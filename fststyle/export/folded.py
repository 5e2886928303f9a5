"""The uint8 frame interface of the live network, which works on folded images
(`fststyle.train.networks.live`).

The PyTorch exporter writes folding (space-to-depth) as general float transposes, which are slow. Here,
folding works on channels-last uint8, where each run of 12 bytes (four pixels of a row) is copied as a whole.
Scaling to about [-1, 1] becomes one DequantizeLinear; scaling back, rounding and clipping become one
QuantizeLinear. An int8 network uses them as its first and last quantization.
"""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

SCALE, ZERO = 1 / 127.5, 128
"""A byte b represents (b - 128) / 127.5.

This is half a step less than b / 127.5 - 1, so that the zero point is an integer.
"""


class Core(nn.Module):
    """The part of a live network that the PyTorch exporter exports.

    It maps folded images (each block of 4x4 RGB pixels is one position with 48 channels), float32
    (N, 48, h, w), to folded images of the same shape.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, folded: Tensor) -> Tensor:
        painted: Tensor = self.net.core(folded)  # type: ignore[operator]
        return painted


class FoldedFrame(nn.Module):
    """PyTorch equivalent of the complete ONNX file: maps RGB frames, uint8 (N, H, W, 3), to stylized frames
    of the same shape and type.

    ``net`` is a live network, and ``fold`` the side in pixels of the squares that it folds into channels.
    """

    def __init__(self, net: nn.Module, fold: int = 4):
        super().__init__()
        self.net, self.fold = net, fold
        self.stride = int(net.stride)  # type: ignore[arg-type]

    def forward(self, frame: Tensor) -> Tensor:
        height, width = frame.shape[1:3]
        x = (frame.permute(0, 3, 1, 2).float() - ZERO) * SCALE
        x = self.net(F.pad(x, (0, -width % self.stride, 0, -height % self.stride), mode="replicate"))[
            :, :, :height, :width
        ]
        result: Tensor = (x / SCALE).round().add(ZERO).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return result


def core_dims(multiple: int) -> dict[str, Any]:
    """Return the ``dynamic_shapes`` of a `Core` for `torch.onnx.export`.

    N, h and w are dynamic; h and w are multiples of ``multiple``.
    """
    dim = torch.export.Dim
    height, width = (multiple * dim(name, min=2, max=1 << 13) for name in "hw")
    return {"folded": {0: dim("N", min=1, max=1 << 16), 2: height, 3: width}}


def wrap_core(core: onnx.ModelProto, frame: FoldedFrame) -> onnx.ModelProto:
    """Complete the graph of a `Core` with nodes that fold the input frames and unfold the output frames.

    Returns a new graph, with the input ``frame`` and the output ``styled``, both uint8 (N, H, W, 3). ``core``
    has the input ``folded`` and the output ``painted``, and is float32 or int8 (QDQ format). It is not
    changed.
    """
    model = onnx.ModelProto()
    model.CopyFrom(core)
    graph, made = model.graph, _Nodes()
    nodes = list(graph.node)
    before = _before(made, frame)
    middle, last = _join(nodes, made)
    after = _after(made, last, frame)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend([*before, *middle, *after])
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in [*graph.initializer, *made.constants] if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    shape: list[str | int | None] = ["N", "H", "W", 3]
    graph.input.append(helper.make_tensor_value_info("frame", TensorProto.UINT8, shape))
    graph.output.append(helper.make_tensor_value_info("styled", TensorProto.UINT8, shape))
    onnx.checker.check_model(model)
    return model


class _Nodes:
    """Builder for graph nodes and constants. A constant is created once per name."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def ints(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))

    def scale(self) -> list[str]:
        return [
            self._constant("frame_scale", np.array(SCALE, np.float32)),
            self._constant("frame_zero", np.array(ZERO, np.uint8)),
        ]

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}_node", **attributes))
        return output

    def take(self) -> list[NodeProto]:
        taken, self.nodes = self.nodes, []
        return taken

    def _constant(self, name: str, value: np.ndarray) -> str:
        if name not in {tensor.name for tensor in self.constants}:
            self.constants.append(numpy_helper.from_array(value, name))
        return name


def _before(made: _Nodes, frame: FoldedFrame) -> list[NodeProto]:
    """Return nodes that pad the input ``frame`` at the bottom and right to multiples of the stride, and fold
    it.

    Padding is by replication. The output of the nodes is ``frame_folded``, uint8 (N, 48, h, w).
    """
    zero, rest = made.ints("frame_0", 0), made.ints("frame_rest", -1)
    fold, run = made.ints("frame_fold", frame.fold), made.ints("frame_run", 3 * frame.fold)
    for axis, name in ((1, "height"), (2, "width")):
        side = made.add("Shape", ["frame"], f"frame_{name}", start=axis, end=axis + 1)
        made.add(
            "Mod",
            [made.add("Neg", [side], f"frame_minus_{name}"), made.ints("frame_stride", frame.stride)],
            f"frame_missing_{name}",
        )
    pads = made.add(
        "Concat",
        [zero, zero, zero, zero, zero, "frame_missing_height", "frame_missing_width", zero],
        "frame_pads",
        axis=0,
    )
    padded = made.add("Pad", ["frame", pads], "frame_padded", mode="edge")
    height = made.add("Shape", [padded], "frame_padded_height", start=1, end=2)
    rows = made.add("Div", [height, fold], "frame_rows")
    split = made.add(
        "Reshape",
        [padded, made.add("Concat", [zero, rows, fold, rest, run], "frame_split_shape", axis=0)],
        "frame_split",
    )
    squares = made.add("Transpose", [split], "frame_squares", perm=[0, 1, 3, 2, 4])
    shape = made.add(
        "Concat",
        [zero, rows, rest, made.ints("frame_channels", 3 * frame.fold**2)],
        "frame_folded_shape",
        axis=0,
    )
    made.add(
        "Transpose", [made.add("Reshape", [squares, shape], "frame_last")], "frame_folded", perm=[0, 3, 1, 2]
    )
    return made.take()


def _join(nodes: list[NodeProto], made: _Nodes) -> tuple[list[NodeProto], str]:
    """Connect the nodes of a `Core` to uint8 input and output. Returns the changed nodes and the name of the
    uint8 output.

    An int8 graph starts and ends with quantization nodes, whose scales are calibrated on photos. These scales
    are replaced by the exact scale of a frame (`SCALE`, `ZERO`), so that the first layer reads the bytes of
    the frame and the last layer writes bytes.
    """
    scale = made.scale()
    return _write_bytes(_read_bytes(nodes, scale), scale)


def _read_bytes(nodes: list[NodeProto], scale: list[str]) -> list[NodeProto]:
    """Connect the nodes of a `Core` to the uint8 input ``frame_folded``. Returns the changed nodes."""
    first = [node for node in nodes if node.op_type == "QuantizeLinear" and node.input[0] == "folded"]
    bytes_of = {node.output[0]: "frame_folded" for node in first}
    for node in nodes:  # in topological order
        if node.input and node.input[0] in bytes_of:
            if node.op_type == "DequantizeLinear":
                node.input[1:] = scale
            else:  # Pad keeps uint8
                bytes_of[node.output[0]] = node.output[0]
            node.input[0] = bytes_of[node.input[0]]
    nodes = [node for node in nodes if node not in first]
    if any("folded" in node.input for node in nodes):
        return [
            helper.make_node("DequantizeLinear", ["frame_folded", *scale], ["folded"], name="folded_node"),
            *nodes,
        ]
    return nodes


def _write_bytes(nodes: list[NodeProto], scale: list[str]) -> tuple[list[NodeProto], str]:
    """Add a uint8 output to the nodes of a `Core`. Returns the changed nodes and the name of the output."""
    last = next(
        (node for node in nodes if node.op_type == "DequantizeLinear" and node.output[0] == "painted"), None
    )
    if last is None:
        return [
            *nodes,
            helper.make_node(
                "QuantizeLinear", ["painted", *scale], ["painted_bytes"], name="painted_bytes_node"
            ),
        ], "painted_bytes"
    for node in nodes:
        if node.output[0] == last.input[0]:
            node.input[1:] = scale
    return [node for node in nodes if node is not last], last.input[0]


def _after(made: _Nodes, last: str, frame: FoldedFrame) -> list[NodeProto]:
    """Return nodes that unfold ``last``, the folded uint8 output, and crop it to the frame size.

    Their output is ``styled``, uint8 (N, H, W, 3).
    """
    zero, rest = "frame_0", "frame_rest"
    runs = made.add("Transpose", [last], "frame_painted", perm=[0, 2, 3, 1])
    shape = made.add(
        "Concat", [zero, "frame_rows", rest, "frame_fold", "frame_run"], "frame_runs_shape", axis=0
    )
    rows = made.add(
        "Transpose",
        [made.add("Reshape", [runs, shape], "frame_runs")],
        "frame_row_runs",
        perm=[0, 1, 3, 2, 4],
    )
    shape = made.add(
        "Concat", [zero, "frame_padded_height", rest, made.ints("frame_3", 3)], "frame_pixels_shape", axis=0
    )
    pixels = made.add("Reshape", [rows, shape], "frame_pixels")
    end = made.add("Concat", ["frame_height", "frame_width"], "frame_cut_end", axis=0)
    made.add(
        "Slice", [pixels, made.ints("frame_cut_start", 0, 0), end, made.ints("frame_sides", 1, 2)], "styled"
    )
    return made.take()
