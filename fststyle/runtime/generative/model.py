"""Load ONNX models that are not styles: classifiers, generators and encoders. Does not need PyTorch."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fststyle import catalogue
from fststyle.arrays import RGB, Array
from fststyle.errors import InputError, StyleError
from fststyle.io.dataset import square
from fststyle.runtime.session import open_session, run

BATCH = 64
"""Maximum batch size, which limits the memory use."""


class Model:
    """Loaded model with one input. Calling it runs the network.

    Args:
        model: name of an included model, or path of an .onnx file.
        kinds: accepted values of the metadata entry ``kind``, such as "gan".
        input_name: required name of the input. An input called "frame" must take uint8 images; any other
            input must take float32 vectors.
        output_names: names of the outputs to return, in this order. The model may have more outputs.
        device: see `fststyle.runtime.style.load_style`.

    Attributes:
        name: name of the model.
        path: path of the ONNX file.
        device: device that the model runs on.
        metadata: metadata of the ONNX file.
        shape: shape of one input sample: (H, W, 3) for the input "frame", and otherwise (Z,).

    Raises:
        StyleError: the model does not exist or is damaged, its kind is not in ``kinds``, or its input or
            outputs differ from those required.
        DeviceError, DependencyError: see `fststyle.runtime.session.open_session`.
    """

    def __init__(
        self,
        model: str | Path,
        kinds: Sequence[str],
        input_name: str,
        output_names: Sequence[str],
        device: str = "auto",
    ):
        entry = catalogue.model(model, kinds)
        self.name, self.path = entry.name, entry.path
        self.input_name, self.output_names = input_name, list(output_names)
        self._session, self.device = open_session(catalogue.load(entry), device, None, str(model))
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        inputs = self._session.get_inputs()
        kind = self.metadata.get("kind") or (
            "style" if [value.name for value in inputs] == ["frame"] else "unknown"
        )
        if kind not in kinds:
            raise StyleError(f"{model}: is a model of kind {kind}, not {' or '.join(kinds)}")
        outputs = {value.name for value in self._session.get_outputs()}
        wanted = "tensor(uint8)" if input_name == "frame" else "tensor(float)"
        sides = list(inputs[0].shape or [])[1:] if len(inputs) == 1 else []
        good = (
            bool(sides)
            and all(isinstance(side, int) for side in sides)
            and len(sides) == (3 if input_name == "frame" else 1)
        )
        if (
            [value.name for value in inputs] != [input_name]
            or inputs[0].type != wanted
            or not good
            or not set(output_names) <= outputs
        ):
            raise StyleError(
                f"{model}: a model of kind {kind} must have one input, {input_name}, a {wanted} of"
                f" shape {'(N, H, W, 3)' if input_name == 'frame' else '(N, Z)'} whose sizes except for N are"
                f" fixed, and these outputs: {', '.join(output_names)}"
            )
        self.shape = tuple(sides)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of a classifier, from the metadata; empty if they are missing or damaged."""
        try:
            return tuple(map(str, json.loads(self.metadata.get("classes", "[]"))))
        except (ValueError, TypeError):
            return ()

    def __call__(self, rows: Array) -> list[Array]:
        """Run the network on N >= 1 samples, (N, *shape). Returns one array, (N, ...), per output name.

        Raises `InputError` if there are no samples, their shape is not ``shape`` or memory is insufficient,
        and `StyleError` if the network fails.
        """
        if rows.ndim and not len(rows):
            raise InputError(f"{self.name}: there are no samples")
        if rows.ndim != len(self.shape) + 1 or rows.shape[1:] != self.shape:
            raise InputError(f"{self.name} takes samples of shape {self.shape}, not {rows.shape[1:]}")
        parts = [
            run(self._session, {self.input_name: rows[i : i + BATCH]}, self.name, self.output_names)
            for i in range(0, len(rows), BATCH)
        ]
        return [np.concatenate(output) for output in zip(*parts, strict=True)]


def center_square(rgb: RGB, model: Model) -> RGB:
    """Crop an image, uint8 (H, W, 3), to its center square, and resize it to the input size of ``model``.

    Returns uint8 (1, S, S, 3). Raises `StyleError` if the input of the model is not a square RGB image.
    """
    if len(model.shape) != 3 or model.shape[0] != model.shape[1] or model.shape[2] != 3:
        raise StyleError(f"{model.name}: its input has shape {model.shape}, not (S, S, 3)")
    return square(rgb, model.shape[0])[None]
