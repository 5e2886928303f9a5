"""Export a torch module to an ONNX graph without local file paths, and write files atomically."""

import contextlib
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from fststyle.errors import OutputError
from fststyle.io.files import replacing

OPSET = 18


def export_graph(
    module: nn.Module, example: Tensor, shapes: dict[str, Any], input_name: str, output_names: list[str]
) -> onnx.ModelProto:
    """Export a module with one input to an ONNX graph.

    Exceptions of the exporter and of the ONNX checker are not converted.

    Args:
        module: the module, on the CPU and in evaluation mode.
        example: an input for tracing.
        shapes: the ``dynamic_shapes`` of `torch.onnx.export`.
        input_name: name of the input in the graph.
        output_names: names of the outputs in the graph.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[input_name],
                output_names=output_names,
                dynamic_shapes=shapes,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    model = program.model_proto  # type: ignore[union-attr]
    for value in [*model.graph.value_info, *model.graph.node, *model.graph.initializer]:
        del value.metadata_props[:]  # may contain local file paths
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model)
    return model


def write(files: Mapping[Path, bytes]) -> None:
    """Write files atomically, and create their folders if needed.

    Args:
        files: dict from the path of each file to its content. No file is renamed to its path before all
            files are complete.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        with contextlib.ExitStack() as stack:
            for path, content in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(replacing(path))
                file.write(content)
                file.flush()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
