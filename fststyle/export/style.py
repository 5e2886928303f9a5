"""Export a stylization network to one ONNX file with metadata.

The input and output of the file follow the frame contract (`fststyle.export.frame`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from fststyle.arrays import RGB
from fststyle.errors import ExportError
from fststyle.export.folded import Core, FoldedFrame, core_dims, wrap_core
from fststyle.export.frame import MINIMUM_SIDE, Frame
from fststyle.export.graph import export_graph, write
from fststyle.export.parity import PSNR, check_parity
from fststyle.export.precision import CONVERT
from fststyle.export.quantize import quantize_core
from fststyle.settings import accepts_former_names


@accepts_former_names
@dataclass(frozen=True)
class Card:
    """Metadata of a style file, stored in its ``metadata_props``. Unknown fields are empty.

    ``name`` is the name of the style, and ``network`` that of the architecture. ``network_settings`` are its
    keyword arguments, and ``trained_with`` the settings of the training run. ``style_sha256`` is the
    SHA-256 of the file of the style image. ``title``, ``artist``, ``year`` and ``license`` are those of the
    painting.
    """

    name: str
    network: str
    network_settings: dict[str, Any] = field(default_factory=dict)
    trained_with: dict[str, Any] = field(default_factory=dict)
    style_sha256: str = ""
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = field(default="", metadata={"former": "licence"})
    base: str = ""
    """SHA-256 of the base network that training started from. Styles with the same base can be mixed."""


def traced(net: nn.Module) -> onnx.ModelProto:
    """Trace a network as a float32 ONNX graph without metadata. Several calls of `export_module` can use the
    same graph.

    For a network with a method ``core`` (a live network), the graph contains only this method, which works on
    folded images (`fststyle.export.folded`). The graph of any other network follows the frame contract
    (`fststyle.export.frame`). ``net`` is set to evaluation mode.

    Raises:
        ExportError: the network cannot be exported.
    """
    try:
        if not hasattr(net, "core"):
            return _trace_frame(Frame(net).eval())
        return _trace_core(FoldedFrame(net).eval())
    except Exception as error:  # the exporter raises many exception types
        raise _not_exportable(error) from error


def export_module(
    net: nn.Module,
    card: Card,
    path: Path,
    precision: str = "fp32",
    photos: Sequence[RGB] = (),
    graph: onnx.ModelProto | None = None,
) -> dict[str, float]:
    """Export a network as a style file. Returns the result of `check_parity`.

    Args:
        net: a module on the CPU that maps (N, 3, H, W) in [-1, 1] to the same shape, for H and W that are
            multiples of its attribute ``stride``. A live network also has a method ``core``, which maps
            folded images (`fststyle.export.folded`). The module is set to evaluation mode.
        card: the metadata.
        path: the file to write. An existing file is replaced.
        precision: one of `fststyle.export.settings.PRECISIONS`.
        photos: uint8 (H, W, 3) RGB each, with sides of at least 16 pixels; int8 and int8-weights need at
            least two. int8 is calibrated on the first half of them. The second half is used for the parity
            check. Other precisions ignore the photos.
        graph: the result of `traced` for this network with these weights; None traces the network.

    Raises:
        ExportError: the network cannot be exported or does not support this precision, there are too few
            photos, or the graph fails the parity check; nothing is written.
        OutputError: ``path`` cannot be written; an existing file is kept.
    """
    folded = hasattr(net, "core")
    frame = (FoldedFrame(net) if folded else Frame(net)).eval()
    if precision == "int8" and not folded:
        raise ExportError("int8 supports only live networks, since it does not make other networks faster")
    if precision in PSNR and len(photos) < 2:
        raise ExportError(f"{precision} needs at least two photos, not {len(photos)}")
    graph = graph or traced(net)
    try:
        model = (
            _folded(graph, frame, precision, photos)
            if isinstance(frame, FoldedFrame)
            else CONVERT[precision](graph)
        )
    except Exception as error:  # ONNX Runtime's quantizer and converter raise many exception types
        raise _not_exportable(error) from error
    for key, value in _metadata(card, precision, getattr(net, "noise_period", 0)).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    content = model.SerializeToString()
    parity = check_parity(frame, content, precision, photos[len(photos) // 2 :])
    write({path: content})
    return parity


def _not_exportable(error: Exception) -> ExportError:
    return ExportError(f"the network cannot be exported to ONNX: {type(error).__name__}: {error}")


def _trace_frame(frame: Frame) -> onnx.ModelProto:
    sides = {"min": MINIMUM_SIDE, "max": 1 << 16}
    shapes = {
        "frame": {
            0: torch.export.Dim("N", min=1, max=1 << 16),
            1: torch.export.Dim("H", **sides),
            2: torch.export.Dim("W", **sides),
        }
    }
    # All sizes differ and none is 1, so that the exporter does not specialize or merge dimensions.
    example = torch.zeros((2, 37, 50, 3), dtype=torch.uint8)
    return export_graph(frame, example, shapes, "frame", ["styled"])


def _trace_core(frame: FoldedFrame) -> onnx.ModelProto:
    multiple = frame.stride // frame.fold
    example = torch.zeros((2, 3 * frame.fold**2, 5 * multiple, 7 * multiple))
    return export_graph(Core(frame.net).eval(), example, core_dims(multiple), "folded", ["painted"])


def _folded(
    core: onnx.ModelProto, frame: FoldedFrame, precision: str, photos: Sequence[RGB]
) -> onnx.ModelProto:
    """Return the complete graph of a live network in the given precision. ``core`` is the graph of its
    `Core`.
    """
    if precision == "int8":
        # The noise has batch size 1, and its projections are too small to benefit from int8.
        noise = [node.name for node in core.graph.node if any("noise" in name for name in node.input)]
        core = quantize_core(core, photos[: len(photos) // 2], frame.fold, frame.stride, noise)
    return CONVERT[precision](wrap_core(core, frame))


def _metadata(card: Card, precision: str, noise_period: int) -> dict[str, str]:
    return {
        "name": card.name,
        "title": card.title,
        "artist": card.artist,
        "year": card.year,
        "license": card.license,
        "network": card.network,
        "network_settings": json.dumps(card.network_settings),
        "precision": precision,
        "trained_with": json.dumps(card.trained_with),
        "style_sha256": card.style_sha256,
        "base": card.base,
        "noise_period": str(noise_period),
        "contract": "frame uint8 (N, H, W, 3) RGB -> styled uint8 (N, H, W, 3)",
        "version": version("fststyle"),
    }
