"""Styles mixed by their weights: two paintings in one network, or a painting at half force, at the speed of
one.

Wang et al. 2019, "Deep Network Interpolation for Continuous Imagery Effect Transition" (arXiv:1811.10515),
equation 1: networks fine-tuned from one base can be interpolated weight by weight, and every point between is
a working network. With a base that gives the photo back, the way from it to a style is the strength of the
painting, not a cross-fade of two pictures.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fststyle.errors import DependencyError, StyleError
from fststyle.runtime.weights import learned, replace

if TYPE_CHECKING:
    from onnx import ModelProto


def interpolate(models: Sequence[tuple[bytes, float]], names: Sequence[str]) -> bytes:
    """The sum of ``factor * weights`` over style files of one network, in the graph and with the metadata of
    the first.

    The factors should sum to 1. ``names`` are for error messages.

    Raises `StyleError` where the files do not hold the same network in float, `DependencyError` without onnx.
    """
    graphs = [_graph(model, name) for (model, _), name in zip(models, names, strict=True)]
    weights = [learned(graph) for graph in graphs]
    for name, found in zip(names[1:], weights[1:], strict=True):
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in weights[0].items()} or not found:
            raise StyleError(
                f"{names[0]} and {name} cannot be mixed: they are not the same network in float precision;"
                " styles of the live network can, if they are of one version"
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
    except Exception as error:  # protobuf raises what it likes
        raise StyleError(f"{name} is not a fststyle style: {type(error).__name__}") from error
