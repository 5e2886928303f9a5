"""Static int8 for the core of a live network: weights per channel, activations by the range they take on photos.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (arXiv:1712.05877), as ONNX
Runtime's tools write it: convolutions between QuantizeLinear and DequantizeLinear, norms and sums in float. Activations are uint8, since signed
ones are slower than float on CPUs, and weights keep to seven bits, since the multiply-add of AVX2 saturates with eight.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fststyle.export.folded import SCALE, ZERO


def quantise_core(core: onnx.ModelProto, photos: Sequence[NDArray[np.uint8]], fold: int, stride: int, leave: Sequence[str] = ()) -> onnx.ModelProto:
    """The core with int8 convolutions.

    Args:
        core: float graph, input ``folded``.
        photos: uint8 (H, W, 3) each, of any sizes from `stride` pixels, whose activations set the ranges; a dozen do.
        leave: names of convolution nodes to leave in float.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "core.onnx", Path(folder) / "int8.onnx"
        onnx.save(core, source)
        with _quiet():
            quantize_static(
                source,
                target,
                _reader(fold_photos(photos, fold, stride)),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["Conv", "Relu"],
                nodes_to_exclude=list(leave),
            )
        return onnx.load(target)


def fold_photos(photos: Iterable[NDArray[np.uint8]], fold: int, stride: int) -> list[NDArray[np.float32]]:
    """Each photo, cut to whole strides, as the core's input: float32 (1, 48, h, w)."""
    found = []
    for photo in photos:
        height, width = (side // stride * stride for side in photo.shape[:2])
        x = (photo[:height, :width].astype(np.float32) - ZERO) * np.float32(SCALE)
        x = x.reshape(height // fold, fold, width // fold, fold * 3).transpose(1, 3, 0, 2)
        found.append(np.ascontiguousarray(x.reshape(1, 3 * fold * fold, height // fold, width // fold)))
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's tools advise preparing steps, on the root logger; torch's exporter has already done them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reader(inputs: Sequence[NDArray[np.float32]]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            x = next(self.rest, None)
            return None if x is None else {"folded": x}

    return Reader()
