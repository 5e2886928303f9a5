"""From a torch module to one ONNX file that keeps the frame contract and says what it is."""

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
from fststyle.export.folded import Core, FoldedFrame, around, core_dims
from fststyle.export.frame import MINIMUM_SIDE, Frame
from fststyle.export.graph import exported, write
from fststyle.export.parity import PSNR, check_parity
from fststyle.export.precision import CONVERT
from fststyle.export.quantize import quantise_core


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
    base: str = ""
    """sha256 of the base that the training started from, which makes styles mixable; "" if there was none."""


def export_module(
    net: nn.Module, card: Card, path: Path, precision: str = "fp32", photos: Sequence[RGB] = ()
) -> dict[str, float]:
    """Write `net` as a style file; gives the parity measured.

    Args:
        net: a module on (N, 3, H, W) in [-1, 1] with a ``stride``, or one with a ``core`` on folded pictures.
        card: what the file says of itself.
        path: where to.
        precision: of `fststyle.export.settings.PRECISIONS`.
        photos: uint8 (H, W, 3) each, two or more for what is in integers: int8 measures its ranges on the
            first half, and both are judged on the rest.

    Raises:
        ExportError: the graph does not paint what the network paints, or cannot be had in this precision;
            nothing is written.
        OutputError: `path` cannot be written; an older file there stays as it was.
    """
    folded = hasattr(net, "core")
    frame = (FoldedFrame(net) if folded else Frame(net)).eval()
    if precision == "int8" and not folded:
        raise ExportError(
            "int8 is for live networks: this one has layers that integers would not make faster"
        )
    if precision in PSNR and len(photos) < 2:
        raise ExportError(f"{precision} needs photos to be judged on")
    try:
        model = (
            _folded(frame, precision, photos)
            if isinstance(frame, FoldedFrame)
            else CONVERT[precision](_graph(frame))
        )
    except Exception as error:  # the exporter raises what it likes
        raise ExportError(
            f"the network cannot be written as ONNX: {type(error).__name__}: {error}"
        ) from error
    for key, value in _metadata(card, precision, getattr(net, "noise_period", 0)).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    content = model.SerializeToString()
    parity = check_parity(frame, content, precision, photos[len(photos) // 2 :])
    write(path, content)
    return parity


def _graph(frame: Frame) -> onnx.ModelProto:
    sides = {"min": MINIMUM_SIDE, "max": 1 << 16}
    shapes = {
        "frame": {
            0: torch.export.Dim("N", min=1, max=1 << 16),
            1: torch.export.Dim("H", **sides),
            2: torch.export.Dim("W", **sides),
        }
    }
    # nothing equal, nothing a multiple: no dimension gets fixed by chance
    example = torch.zeros((2, 37, 50, 3), dtype=torch.uint8)
    return exported(frame, example, shapes, "frame", ["styled"])


def _folded(frame: FoldedFrame, precision: str, photos: Sequence[RGB]) -> onnx.ModelProto:
    multiple = frame.stride // frame.fold
    example = torch.zeros((2, 3 * frame.fold**2, 5 * multiple, 7 * multiple))
    core = exported(Core(frame.net).eval(), example, core_dims(multiple), "folded", ["painted"])
    if precision == "int8":
        # The noise is one picture for the whole batch; its projections are too small to be worth int8.
        noise = [node.name for node in core.graph.node if any("noise" in name for name in node.input)]
        core = quantise_core(core, photos[: len(photos) // 2], frame.fold, frame.stride, noise)
    return CONVERT[precision](around(core, frame))


def _metadata(card: Card, precision: str, noise_period: int) -> dict[str, str]:
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
        "base": card.base,
        "noise_period": str(noise_period),
        "contract": "frame uint8 (N, H, W, 3) RGB -> styled uint8 (N, H, W, 3)",
        "version": version("fststyle"),
    }
