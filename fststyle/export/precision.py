"""Half precision for a finished graph: of the weights alone, or of the arithmetic."""

import onnx
from onnx import TensorProto, helper, numpy_helper

_WIDE = ("InstanceNormalization", "ReduceMean", "QuantizeLinear", "DequantizeLinear")

_SMALL = 256
"""Tensors below this many numbers stay in float32: biases and norms, which weigh nothing and matter most."""


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with the large weights stored in float16 and cast back when the file is loaded: half the size, the speed of float32.

    The names of the weights stay, so the file can still be trained from.
    """
    model = _copy(model)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or _count(tensor) < _SMALL:
            continue
        name, wide = tensor.name, f"{tensor.name}.float32"
        half = numpy_helper.to_array(tensor).astype("float16")
        tensor.CopyFrom(numpy_helper.from_array(half, name))
        for node in model.graph.node:
            for i, used in enumerate(node.input):
                if used == name:
                    node.input[i] = wide
        casts.append(helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that computes in float16, except instance norm, whose sums over a whole picture overflow there, and resampling."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    model = convert_float_to_float16(_copy(model), keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_WIDE])
    # Where two nodes share a constant the converter casts it twice under one name, which no graph may hold.
    once = {node.output[0]: node for node in reversed(model.graph.node)}
    nodes = [node for node in model.graph.node if once[node.output[0]] is node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


CONVERT = {"fp32": lambda model: model, "fp16-weights": half_weights, "fp16": half, "int8": lambda model: model}
"""What is done to a finished graph; int8 is made before, in its core (`fststyle.export.quantize`)."""


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _count(tensor: TensorProto) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count
