"""Styles mixed by their weights: two paintings in one network, or a painting at half force, at the speed of one.

Wang et al. 2019, "Deep Network Interpolation for Continuous Imagery Effect Transition" (arXiv:1811.10515), equation 1: networks fine-tuned from one
base can be interpolated weight by weight, and every point between is a working network. With a base that gives the photo back, the way from it
to a style is the strength of the painting, not a cross-fade of two pictures.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fststyle.errors import DependencyError, StyleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto


def interpolate(models: Sequence[tuple[bytes, float]], names: Sequence[str]) -> bytes:
    """The sum of ``factor * weights`` over style files of one network, in the graph and with the metadata of the first.

    The factors should sum to 1. ``names`` are for error messages.

    Raises `StyleError` where the files do not hold the same network in float, `DependencyError` without onnx.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise DependencyError(f"mixing styles needs onnx: pip install onnx [{error}]") from error
    import numpy as np

    graphs = [_graph(model, name) for (model, _), name in zip(models, names, strict=True)]
    weights = [_weights(graph) for graph in graphs]
    for name, found in zip(names[1:], weights[1:], strict=True):
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in weights[0].items()} or not found:
            raise StyleError(f"{names[0]} and {name} cannot be mixed: they are not the same network in float precision")
    for tensor in graphs[0].graph.initializer:
        if tensor.name in weights[0]:
            mixed = sum(factor * found[tensor.name] for (_, factor), found in zip(models, weights, strict=True))
            kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(mixed).astype(kind), tensor.name))
    content: bytes = graphs[0].SerializeToString()
    return content


def _graph(model: bytes, name: str) -> "ModelProto":
    import onnx

    try:
        return onnx.load_model_from_string(model)
    except Exception as error:  # protobuf raises what it likes
        raise StyleError(f"{name} is not a fststyle style: {type(error).__name__}") from error


def _weights(model: "ModelProto") -> "dict[str, NDArray[np.float32]]":
    import numpy as np
    from onnx import TensorProto, numpy_helper

    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16)
    learned = [tensor for tensor in model.graph.initializer if tensor.name.startswith("net.") and tensor.data_type in kinds]
    return {tensor.name: numpy_helper.to_array(tensor).astype(np.float32) for tensor in learned}
