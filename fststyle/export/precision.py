"""Convert an exported graph: smaller weights with float32 computation, or float16 computation."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fststyle.arrays import Floats
from fststyle.runtime.weights import STEP

_WIDE = ("InstanceNormalization", "ReduceMean", "QuantizeLinear", "DequantizeLinear")
"""Operators that `half` keeps in float32, in addition to those that ONNX Runtime's converter keeps."""

_SMALL = 256
"""Tensors with fewer elements, such as biases, stay in float32, since they are sensitive to rounding."""


_MAX_WEIGHT = 64
"""Largest absolute value of an integer in a kernel."""


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model in which weights with at least `_SMALL` elements are stored as float16 and
    cast to float32 by the graph.

    The file has about half the size. The weights keep their names, so training can start from the file.
    """
    model = _copy(model)
    nodes = [_halve(model, tensor) for tensor in _large(model)]
    _set_nodes(model, [*nodes, *model.graph.node])
    return model


def int_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model in which kernels with at least `_SMALL` elements are stored as int8, from -64
    to 64, and dequantized by the graph.

    The file has about a quarter of the size. The int8 kernels are byte-identical to those of the int8 file
    (`fststyle.export.quantize`), which can therefore refer to this file (`fststyle.external_data`). The last
    kernel, where rounding errors would cause a grid in flat regions, and other large weights are stored as
    float16. The weights keep their names, so training can start from the file.
    """
    model = _copy(model)
    large = _large(model)
    kernels = [tensor.name for tensor in large if len(tensor.dims) == 4]
    nodes = []
    for tensor in large:
        name = tensor.name
        if name not in kernels[:-1]:
            nodes.append(_halve(model, tensor))
            continue
        integers, scale = seven_bits(numpy_helper.to_array(tensor))
        tensor.CopyFrom(numpy_helper.from_array(integers, name))
        model.graph.initializer.append(numpy_helper.from_array(scale, name + STEP))
        wide = _renamed(model, name)
        nodes.append(helper.make_node("Cast", [name], [f"{name}.steps"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.steps", name + STEP], [wide]))
    _set_nodes(model, [*nodes, *model.graph.node])
    return model


def seven_bits(kernel: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Quantize a kernel, (O, I, h, w), per output channel.

    Returns integers from -64 to 64, int8 (O, I, h, w), and scales, float32 (O, 1, 1, 1).
    """
    scale = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / np.float32(_MAX_WEIGHT)
    scale[scale < np.finfo(np.float32).tiny] = 1
    return (kernel / scale).round().astype(np.int8), scale.astype(np.float32)


def _halve(model: onnx.ModelProto, tensor: TensorProto) -> onnx.NodeProto:
    """Convert an initializer to float16 in place. Returns a new node that casts it to float32."""
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float16"), name))
    return helper.make_node("Cast", [name], [_renamed(model, name)], to=TensorProto.FLOAT)


def _renamed(model: onnx.ModelProto, name: str) -> str:
    """Make all nodes that read the tensor ``name`` read its float32 version instead.

    Returns the name of the float32 version.
    """
    wide = f"{name}.float32"
    for node in model.graph.node:
        for i, used in enumerate(node.input):
            if used == name:
                node.input[i] = wide
    return wide


def _large(model: onnx.ModelProto) -> list[TensorProto]:
    return [
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and _count(tensor) >= _SMALL
    ]


def _set_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model, converted to compute in float16. Inputs and outputs keep their types.

    Operators such as resampling and instance norm stay in float32. In float16, the sums of instance norm over
    an image would overflow.
    """
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    model = convert_float_to_float16(
        _copy(model), keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_WIDE]
    )
    # If two nodes share a constant, the converter adds two casts with one output name, which is invalid.
    once = {node.output[0]: node for node in reversed(model.graph.node)}
    _set_nodes(model, [node for node in model.graph.node if once[node.output[0]] is node])
    return model


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _count(tensor: TensorProto) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count


CONVERT = {
    "fp32": _copy,
    "fp16-weights": half_weights,
    "int8-weights": int_weights,
    "fp16": half,
    "int8": _copy,
}
"""Precision -> function that returns a converted copy of a complete float32 graph.

For int8, the graph is already quantized (`fststyle.export.quantize`).
"""
