"""From a torch module to one ONNX file that keeps the frame contract and says what it is."""

import json
import logging
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from fststyle.atomic import replacing
from fststyle.errors import ExportError, OutputError
from fststyle.export.frame import MINIMUM_SIDE, Frame
from fststyle.export.parity import check_parity
from fststyle.export.precision import CONVERT

OPSET = 18


@dataclass(frozen=True)
class Card:
    """What a style file says of itself, in its ``metadata_props``."""

    name: str
    network: str
    network_settings: dict[str, Any] = field(default_factory=dict)
    trained_with: dict[str, Any] = field(default_factory=dict)
    style_sha256: str = ""
    title: str = ""
    artist: str = ""
    year: str = ""
    licence: str = ""


def export_module(net: nn.Module, card: Card, path: Path, precision: str = "fp32") -> dict[str, float]:
    """Write `net`, a module on (N, 3, H, W) in [-1, 1] with a ``stride``, as a style file; gives the parity measured.

    Raises:
        ExportError: the graph does not paint what the network paints; nothing is written.
        OutputError: `path` cannot be written; an older file there stays as it was.
    """
    frame = Frame(net).eval()
    try:
        model = CONVERT[precision](_graph(frame))
    except Exception as error:  # the exporter raises what it likes
        raise ExportError(f"the network cannot be written as ONNX: {type(error).__name__}: {error}") from error
    for key, value in _metadata(card, precision).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    content = model.SerializeToString()
    parity = check_parity(frame, content, precision)
    _write(path, content)
    return parity


def _graph(frame: Frame) -> onnx.ModelProto:
    sides = {"min": MINIMUM_SIDE, "max": 1 << 16}
    shapes = {"frame": {0: torch.export.Dim("N", min=1, max=1 << 16), 1: torch.export.Dim("H", **sides), 2: torch.export.Dim("W", **sides)}}
    example = torch.zeros((2, 37, 50, 3), dtype=torch.uint8)  # nothing equal, nothing a multiple: no dimension gets fixed by chance
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                frame,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["frame"],
                output_names=["styled"],
                dynamic_shapes=shapes,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    model = program.model_proto  # type: ignore[union-attr]
    for value in [*model.graph.value_info, *model.graph.node, *model.graph.initializer]:
        del value.metadata_props[:]  # the exporter's notes hold file paths of this machine
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model)
    return model


def _metadata(card: Card, precision: str) -> dict[str, str]:
    return {
        "name": card.name,
        "title": card.title,
        "artist": card.artist,
        "year": card.year,
        "licence": card.licence,
        "network": card.network,
        "network_settings": json.dumps(card.network_settings),
        "precision": precision,
        "trained_with": json.dumps(card.trained_with),
        "style_sha256": card.style_sha256,
        "contract": "frame uint8 (N, H, W, 3) RGB -> styled uint8 (N, H, W, 3)",
        "version": version("fststyle"),
    }


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
