"""Static int8 quantization of the core of a live network.

Weights are quantized per channel, and activation ranges are calibrated on photos, as in Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(arXiv:1712.05877). The graph has the QDQ format of ONNX Runtime: convolutions between QuantizeLinear and
DequantizeLinear, and norms and sums in float. Activations are uint8, since int8 activations are slower than
float on CPUs. Weights have 7 bits, since the multiply-add instruction of AVX2 saturates with 8 bits.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from fststyle.arrays import RGB, Array, Floats
from fststyle.export.folded import SCALE, ZERO

_MAX_WEIGHT = 63
"""Largest absolute value of a 7-bit weight."""


def quantize_core(
    core: onnx.ModelProto, photos: Sequence[RGB], fold: int, stride: int, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """Return a copy of the core whose convolutions are quantized to int8.

    Args:
        core: float graph with the input ``folded``.
        photos: calibration photos, uint8 (H, W, 3) each, H and W at least `stride`; a dozen is enough.
        fold: side of the square of pixels that is folded into channels.
        stride: the sides of an input frame are multiples of this.
        leave: names of convolution nodes to keep in float.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "core.onnx", Path(folder) / "int8.onnx"
        onnx.save(core, source)
        with _quiet():
            quantize_static(
                source,
                target,
                _reader(fold_photos(photos, fold, stride)),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["Conv", "Relu"],
                nodes_to_exclude=list(leave),
            )
        quantized = onnx.load(target)
    _pad_bytes(quantized.graph)
    _turn_bytes(quantized.graph)
    _even(quantized, core)
    return quantized


def _pad_bytes(graph: onnx.GraphProto) -> None:
    """Move each QuantizeLinear that follows a Pad to before the Pad.

    The result is the same with a quarter of the memory traffic, and the ReLU can be fused with the
    quantization. The quantizer writes Relu, Pad, QuantizeLinear in this order. After a convolution that is
    fused with its ReLU, it also inserts a DequantizeLinear before the Pad, which the QuantizeLinear then
    reverts with the same scale.
    """
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = list(graph.node)
    made_by = {node.output[0]: node for node in nodes}
    for rounding in [node for node in nodes if node.op_type == "QuantizeLinear"]:
        pad = made_by.get(rounding.input[0])
        if pad is None or pad.op_type != "Pad" or sum(pad.output[0] in node.input for node in nodes) > 1:
            continue
        before = made_by.get(pad.input[0])
        padded = rounding.output[0]
        nodes.remove(rounding)
        if (
            before is not None
            and before.op_type == "DequantizeLinear"
            and _same(before.input[1:], rounding.input[1:], known)
        ):
            unpadded = before.input[0]
        else:
            unpadded = rounding.output[0] = f"{padded}_unpadded"
            rounding.input[0] = pad.input[0]
            nodes.insert(nodes.index(pad), rounding)
        # drops the float pad value, which edge padding does not use
        pad.input[:] = [unpadded, pad.input[1]]
        pad.output[0] = padded
    used = _without_unused(nodes, {value.name for value in graph.output})
    del graph.node[:]
    graph.node.extend(used)


def _without_unused(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """Return the nodes that contribute to the ``outputs`` of the graph."""
    while unused := [
        node
        for node in nodes
        if node.output[0] not in outputs and not any(node.output[0] in other.input for other in nodes)
    ]:
        nodes = [node for node in nodes if node not in unused]
    return nodes


def _turn_bytes(graph: onnx.GraphProto) -> None:
    """Insert reshapes where the int8 output of a convolution is added to floats.

    ONNX Runtime computes int8 convolutions in NHWC and float nodes in NCHW. It moves the transpose behind the
    dequantization and adds another quantize-dequantize pair, which costs three passes over four times the
    memory. A Reshape that merges the rows moves no memory and keeps the transpose on uint8.
    """
    made_by = {node.output[0]: node for node in graph.node}
    nodes = list(graph.node)
    for place, (add, side) in enumerate(
        [(node, side) for node in nodes if node.op_type == "Add" for side in (0, 1)]
    ):
        back, other = made_by.get(add.input[side]), add.input[1 - side]
        if (
            back is None
            or back.op_type != "DequantizeLinear"
            or (made_by.get(other) or back).op_type == "DequantizeLinear"
        ):
            continue
        name = f"turned_{place}"
        graph.initializer.append(numpy_helper.from_array(np.array([0, 0, -1], np.int64), f"{name}_rows"))
        nodes[nodes.index(add) : nodes.index(add)] = [
            onnx.helper.make_node(
                "Reshape", [back.input[0], f"{name}_rows"], [f"{name}_bytes"], name=f"{name}_bytes_node"
            ),
            onnx.helper.make_node(
                "DequantizeLinear",
                [f"{name}_bytes", *back.input[1:]],
                [f"{name}_floats"],
                name=f"{name}_floats_node",
            ),
            onnx.helper.make_node("Shape", [other], [f"{name}_shape"], name=f"{name}_shape_node"),
            onnx.helper.make_node(
                "Reshape", [f"{name}_floats", f"{name}_shape"], [name], name=f"{name}_node"
            ),
        ]
        add.input[side] = name
        if not any(back.output[0] in node.input for node in nodes):
            nodes.remove(back)
    del graph.node[:]
    graph.node.extend(nodes)


def _same(ones: Sequence[str], others: Sequence[str], known: dict[str, Array]) -> bool:
    return len(ones) == len(others) and all(
        np.array_equal(known[one], known[other]) for one, other in zip(ones, others, strict=True)
    )


def _even(model: onnx.ModelProto, core: onnx.ModelProto) -> None:
    """Round the weights of the last layer so that flat regions stay flat, as `Live.constrain` does in float.

    Otherwise the int8 network draws a grid. The response of a kernel to a flat region is the sum of its taps.
    All output channels, which are the pixels of a block, share one scale. Where the sum of the rounded taps
    differs from the rounded sum, the taps with the largest rounding errors are changed by one, so that equal
    sums stay equal.
    """
    graph, found = model.graph, {tensor.name: tensor for tensor in model.graph.initializer}
    made_by = {node.output[0]: node for node in graph.node}
    last = next(
        (
            made_by.get(node.input[0])
            for node in graph.node
            if node.op_type == "QuantizeLinear" and _gives(graph, node.output[0], "painted")
        ),
        None,
    )
    if last is None or last.op_type != "Conv":
        return  # kept in float
    image, kernel, offset = (made_by[name] for name in last.input)
    floats = {tensor.name: tensor for tensor in core.graph.initializer}
    name = kernel.input[0].removesuffix("_quantized")
    weight = numpy_helper.to_array(floats[name]).astype(np.float64)
    scale = np.abs(weight).max() / _MAX_WEIGHT
    rounded = np.clip(np.round(weight / scale), -_MAX_WEIGHT, _MAX_WEIGHT)
    taps = rounded.reshape(*weight.shape[:2], -1)
    missed = (weight / scale - rounded).reshape(taps.shape)
    # Equal sums may differ in the last digits, which must not change the rounding.
    wanted = np.round(np.round(weight.sum((2, 3)) / scale, 3))
    for place, channel in np.argwhere(taps.sum(2) != wanted):
        gap = int(wanted[place, channel] - taps[place, channel].sum())
        for tap in np.argsort(-np.sign(gap) * missed[place, channel])[: abs(gap)]:
            taps[place, channel, tap] += np.sign(gap)
    bias = numpy_helper.to_array(floats[offset.input[0].removesuffix("_quantized")]).astype(np.float64)
    step = float(numpy_helper.to_array(found[image.input[1]])) * scale
    scales = np.full(len(weight), scale, np.float32)
    values = {
        kernel.input[0]: np.clip(taps, -_MAX_WEIGHT - 1, _MAX_WEIGHT).reshape(weight.shape).astype(np.int8),
        kernel.input[1]: scales,
        offset.input[0]: np.round(bias / step).astype(np.int32),
        offset.input[1]: np.full(len(weight), step, np.float32),
    }
    for tensor, value in values.items():
        found[tensor].CopyFrom(numpy_helper.from_array(value, tensor))


def _gives(graph: onnx.GraphProto, name: str, output: str) -> bool:
    return any(
        node.op_type == "DequantizeLinear" and node.input[0] == name and node.output[0] == output
        for node in graph.node
    )


def fold_photos(photos: Iterable[RGB], fold: int, stride: int) -> list[Floats]:
    """Return the photos as inputs of the core, float32 (1, 48, h, w) each, cropped to multiples of the
    stride.
    """
    found = []
    for photo in photos:
        height, width = (side // stride * stride for side in photo.shape[:2])
        x = (photo[:height, :width].astype(np.float32) - ZERO) * np.float32(SCALE)
        x = x.reshape(height // fold, fold, width // fold, fold * 3).transpose(1, 3, 0, 2)
        found.append(np.ascontiguousarray(x.reshape(1, 3 * fold * fold, height // fold, width // fold)))
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence logging: ONNX Runtime recommends preprocessing that the torch exporter has already done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reader(inputs: Sequence[Floats]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(inputs)

        def get_next(self) -> dict[str, Floats] | None:
            x = next(self.rest, None)
            return None if x is None else {"folded": x}

    return Reader()
