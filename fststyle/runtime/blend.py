"""Interpolate network weights, to mix styles or to change their strength at the cost of one network.

The method is equation 1 of Wang et al. 2019, "Deep Network Interpolation for Continuous Imagery Effect
Transition" (arXiv:1811.10515): the weights of networks that were fine-tuned from the same base network can be
interpolated, and the result is a working network. The base network approximately reproduces its input.
Interpolating between the base network and a style therefore changes the strength of the strokes, whereas a
cross-fade of the source image and the stylized image only changes their opacity.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fststyle.errors import DependencyError, StyleError
from fststyle.runtime.weights import learned, replace

if TYPE_CHECKING:
    from onnx import ModelProto


def weight_share(strength: float) -> float:
    """Return the share of the style in the interpolated weights for a style strength of at least 0.

    The rest is the share of the base network. Below strength 1, the share is ``1 - (1 - strength)^1.5``,
    since strokes are hardly visible at a share of 0.5. With this exponent, equal steps of the strength change
    the stylized image by about equal amounts. At strength 1 and above, the share is equal to the strength.
    """
    return 1 - (1 - strength) ** 1.5 if strength < 1 else strength


def interpolate(models: Sequence[tuple[bytes, float]], names: Sequence[str]) -> bytes:
    """Return a style file with the weighted sum of the weights of several style files.

    Args:
        models: at least one pair of the bytes of a style file and the factor of its weights. The factors
            should sum to 1, and may be negative. The result has the graph and the metadata of the first file.
        names: names of the styles for error messages, one per file.

    Raises:
        StyleError: a file is damaged, or the files do not contain the same network in float precision.
        DependencyError: onnx is not installed.
    """
    graphs = [_graph(model, name) for (model, _), name in zip(models, names, strict=True)]
    weights = [learned(graph) for graph in graphs]
    for name, found in zip(names[1:], weights[1:], strict=True):
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in weights[0].items()} or not found:
            raise StyleError(
                f"the weights of {names[0]} and {name} cannot be combined: both must be float files of the"
                " same network"
            )
    factors = np.array([factor for _, factor in models], np.float32)
    replace(
        graphs[0], {name: np.tensordot(factors, [found[name] for found in weights], 1) for name in weights[0]}
    )
    content: bytes = graphs[0].SerializeToString()
    return content


def missing_onnx(error: ImportError) -> DependencyError:
    """Return the error for the failure of ``import onnx``, which interpolation needs."""
    return DependencyError(
        f"a mixture of styles, or a strength other than 1, needs onnx: pip install onnx [{error}]"
    )


def _graph(model: bytes, name: str) -> "ModelProto":
    try:
        import onnx
    except ImportError as error:
        raise missing_onnx(error) from error
    try:
        return onnx.load_model_from_string(model)
    except Exception as error:  # protobuf raises various exceptions
        raise StyleError(
            f"{name} cannot be used: it is damaged or not an ONNX file ({type(error).__name__})"
        ) from error
