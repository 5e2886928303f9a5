"""Interpolation of network weights: a mixture of styles, or a style at partial strength, at the cost of one
network.

Wang et al. 2019, "Deep Network Interpolation for Continuous Imagery Effect Transition" (arXiv:1811.10515),
equation 1: the weights of networks that were fine-tuned from one base network can be interpolated, and each
interpolation is a working network. The base network reproduces its input, so the interpolation from it to a
style is a change of strength, and not a cross-fade of two images.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fststyle.errors import DependencyError, StyleError
from fststyle.runtime.weights import learned, replace

if TYPE_CHECKING:
    from onnx import ModelProto


def interpolate(models: Sequence[tuple[bytes, float]], names: Sequence[str]) -> bytes:
    """The sum of ``factor * weights`` over style files of one network, with the graph and the metadata of the
    first file.

    The factors should sum to 1. ``names`` are for error messages.

    Raises `StyleError` if the files are not the same network in float, and `DependencyError` without onnx.
    """
    graphs = [_graph(model, name) for (model, _), name in zip(models, names, strict=True)]
    weights = [learned(graph) for graph in graphs]
    for name, found in zip(names[1:], weights[1:], strict=True):
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in weights[0].items()} or not found:
            raise StyleError(
                f"{names[0]} and {name} cannot be mixed: they are not the same network in float precision"
            )
    factors = np.array([factor for _, factor in models], np.float32)
    replace(
        graphs[0], {name: np.tensordot(factors, [found[name] for found in weights], 1) for name in weights[0]}
    )
    content: bytes = graphs[0].SerializeToString()
    return content


def _graph(model: bytes, name: str) -> "ModelProto":
    try:
        import onnx
    except ImportError as error:
        raise DependencyError(f"mixing styles needs onnx: pip install onnx [{error}]") from error
    try:
        return onnx.load_model_from_string(model)
    except Exception as error:  # protobuf raises various exceptions
        raise StyleError(f"{name} is not an fststyle style: {type(error).__name__}") from error
