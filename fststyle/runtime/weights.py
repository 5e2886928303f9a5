"""Read and replace the weights of a style file. Needs onnx."""

from typing import TYPE_CHECKING

import numpy as np

from fststyle.arrays import Floats

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "net."
"""Prefix of the names of weight tensors."""

STEP = ".step"
"""Suffix that turns the name of an int8 kernel into the name of its scales.

The scales are (O, 1, 1, 1) for O output channels.
"""


def learned(model: "ModelProto") -> dict[str, Floats]:
    """Return the weights of a model as a dict from tensor name to float32 array.

    These are the initializers whose name begins with `PREFIX`. Kernels that are stored as int8 are multiplied
    by their scales. The result is empty for a quantized model, which also computes in int8, since its weights
    cannot be mixed or trained.
    """
    from onnx import TensorProto, numpy_helper

    found = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name.startswith(PREFIX)}
    if any(name.endswith("_quantized") for name in found):
        return {}
    weights = {}
    for name, tensor in found.items():
        if name + STEP in found:
            weights[name] = numpy_helper.to_array(tensor).astype(np.float32) * numpy_helper.to_array(
                found[name + STEP]
            )
        elif tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16) and not name.endswith(STEP):
            weights[name] = numpy_helper.to_array(tensor).astype(np.float32)
    return weights


def replace(model: "ModelProto", weights: dict[str, Floats]) -> None:
    """Replace weights of ``model`` in place with the arrays of the same names in ``weights`` (see `learned`).

    Kernels that are stored as int8 become float32, with scales of 1. Other weights keep their type. Names
    that the model does not contain are ignored.
    """
    from onnx import helper, numpy_helper

    names = {tensor.name for tensor in model.graph.initializer}
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            kind = (
                np.float32
                if tensor.name + STEP in names
                else helper.tensor_dtype_to_np_dtype(tensor.data_type)
            )
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name].astype(kind), tensor.name))
        elif tensor.name.removesuffix(STEP) in weights:
            tensor.CopyFrom(numpy_helper.from_array(np.ones(tuple(tensor.dims), np.float32), tensor.name))
