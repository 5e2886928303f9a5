"""Weights to start from: a checkpoint, or any style file of ours, since an ONNX file keeps the weights under their own names."""

from pathlib import Path

import torch
from torch import Tensor

from fststyle import catalogue
from fststyle.errors import CheckpointError
from fststyle.train import checkpoint


def starting_weights(source: str) -> dict[str, Tensor]:
    """`source` is a .pt checkpoint, a .onnx file, or the name of a style in the catalogue; gives the weights by name, in float32.

    Raises:
        StyleError: no style of that name.
        CheckpointError: the file holds no weights of ours.
    """
    if source.endswith(".pt"):
        return dict(checkpoint.load(Path(source))["model"])
    path = Path(source) if source.endswith(".onnx") else catalogue.find(source).path
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(path, load_external_data=False)
        found = {
            tensor.name.removeprefix("net."): torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
            for tensor in model.graph.initializer
            if tensor.name.startswith("net.")
        }
    except Exception as error:  # protobuf and onnx raise what they like for a damaged file
        raise CheckpointError(f"{source}: cannot be read as a style ({type(error).__name__})") from error
    if not found:
        raise CheckpointError(f"{source}: holds no weights that a training could start from")
    return found
