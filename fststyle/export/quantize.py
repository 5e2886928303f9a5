"""Static int8 quantization of the graph of a live network (`fststyle.export.folded.Core`).

Weights are quantized per channel, and activation ranges are calibrated on photos, as in Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(arXiv:1712.05877). The graph has the QDQ format of ONNX Runtime: convolutions and ReLUs are between
QuantizeLinear and DequantizeLinear, and norms and sums are computed in float. Activations are uint8. Weights
have 7 bits, since with 8 bits the 16-bit sums of the AVX2 instruction VPMADDUBSW may saturate.
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
"""Largest absolute value of a rounded weight of the last layer. The corrections of `_even` may reach -64."""


def quantize_core(
    core: onnx.ModelProto, photos: Sequence[RGB], fold: int, stride: int, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """Return a copy of a graph with convolutions quantized to int8.

    Exceptions of ONNX Runtime's quantizer are not converted.

    Args:
        core: float32 graph of a `fststyle.export.folded.Core`, with the input ``folded``.
        photos: calibration photos, uint8 (H, W, 3) RGB each, with H and W of at least ``stride``.
        fold: side in pixels of the squares that are folded into channels.
        stride: the photos are cropped to multiples of this.
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
    """Move each QuantizeLinear node that follows a Pad node with edge padding in front of the Pad node.

    The result is the same, but the Pad copies uint8 instead of float32, and the ReLU can be fused with the
    quantization. The quantizer writes Relu, Pad, QuantizeLinear. Where it has fused the ReLU with a
    convolution, it writes DequantizeLinear, Pad, QuantizeLinear instead, with equal scales; then both
    quantization nodes are dropped.
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
    """Return the nodes that contribute to the tensors ``outputs``."""
    while unused := [
        node
        for node in nodes
        if node.output[0] not in outputs and not any(node.output[0] in other.input for other in nodes)
    ]:
        nodes = [node for node in nodes if node not in unused]
    return nodes


def _turn_bytes(graph: onnx.GraphProto) -> None:
    """Insert reshapes where the quantized output of a convolution is added to floats.

    ONNX Runtime computes int8 convolutions in NHWC and float nodes in NCHW. It would move the transpose from
    NHWC to NCHW after the dequantization and add another quantize-dequantize pair, which costs additional
    passes over float data. A Reshape that merges H and W copies no data and keeps the transpose on uint8.
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
    """Return whether two lists of initializers have equal values.

    The lists contain names, and ``known`` is a dict from the names to the values.
    """
    return len(ones) == len(others) and all(
        np.array_equal(known[one], known[other]) for one, other in zip(ones, others, strict=True)
    )


def _even(model: onnx.ModelProto, core: onnx.ModelProto) -> None:
    """Round the weights of the last layer of ``model`` so that flat regions stay flat.

    `fststyle.train.networks.live.Live.constrain` does the same in float. ``core`` is the float32 graph.

    With ordinary rounding, the output of the int8 network would contain a grid. The response of a kernel to a
    flat region is the sum of its taps. All output channels, which are the pixels of a block, share one scale.
    Where the sum of the rounded taps differs from the rounded sum of the taps, the taps with the largest
    rounding errors are changed by one. Kernels with equal sums in float thus have equal sums in int8. If the
    last layer is kept in float, nothing changes.
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
        return
    image, kernel, offset = (made_by[name] for name in last.input)
    floats = {tensor.name: tensor for tensor in core.graph.initializer}
    name = kernel.input[0].removesuffix("_quantized")
    weight = numpy_helper.to_array(floats[name]).astype(np.float64)
    scale = np.abs(weight).max() / _MAX_WEIGHT
    rounded = np.clip(np.round(weight / scale), -_MAX_WEIGHT, _MAX_WEIGHT)
    taps = rounded.reshape(*weight.shape[:2], -1)
    missed = (weight / scale - rounded).reshape(taps.shape)
    # Sums that should be equal may differ in the last digits, which must not change the rounding.
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
    """Convert photos to inputs of a live network by folding squares of pixels into channels.

    ``photos`` are uint8 (H, W, 3) RGB each, and are first cropped at the bottom and right to multiples of
    ``stride``. ``fold`` is the side of the squares in pixels. The results are float32
    (1, 3 * fold**2, H / fold, W / fold) each.
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
    """Context manager that disables log messages up to WARNING.

    ONNX Runtime recommends preprocessing that the torch exporter has already done.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reader(inputs: Sequence[Floats]) -> Any:
    """Return a `CalibrationDataReader` that supplies each element of ``inputs`` as the input ``folded``."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(inputs)

        def get_next(self) -> dict[str, Floats] | None:
            x = next(self.rest, None)
            return None if x is None else {"folded": x}

    return Reader()
