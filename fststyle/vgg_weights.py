"""Weights of the included loss network: the first ten convolutions of VGG-16, in a compact format.

The kernels of the first two blocks and all biases are float16. The larger kernels are 10-bit integers with
one float32 scale per output channel: ``features.N.weight`` holds the upper 8 bits, int8 (O, I, 3, 3),
``features.N.weight.low`` the lower two bits, packed, and ``features.N.weight.scale`` the scales, (O,).
Compressed in a wheel, they take a third less space than float16.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import Array, Floats
from fststyle.errors import DependencyError

PATH = Path(__file__).parent / "weights" / "vgg16_features.safetensors"
LOW, SCALE = ".low", ".scale"
MAX_WEIGHT = 510
"""Absolute integer value to which the largest weight of a channel is scaled. `_round` may add one, and 10
bits hold -512 to 511.
"""
FIRST = 10
"""Index in torchvision's ``vgg16().features`` of the first convolution with integer weights."""


def load() -> dict[str, Floats]:
    """Load the weights of the included VGG-16 layers as float32 arrays, keyed by torchvision's parameter
    names.

    Raises `DependencyError` if safetensors is not installed.
    """
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise DependencyError(
            f"the loss network needs safetensors: pip install safetensors [{error}]"
        ) from error
    return unpacked(load_file(PATH))


def unpacked(stored: Mapping[str, Array]) -> dict[str, Floats]:
    """Convert tensors in the stored format (see the module docstring) to float32 weights, keyed by
    torchvision's parameter names.

    This reverses `packed`, except for its rounding.
    """
    found = {}
    for name, value in stored.items():
        if name.endswith((LOW, SCALE)):
            continue
        if name + LOW in stored:
            bits = np.unpackbits(stored[name + LOW], count=2 * value.size).reshape(*value.shape, 2)
            low = 2 * bits[..., 0] + bits[..., 1]
            value = (4 * value.astype(np.float32) + low) * stored[name + SCALE].reshape(-1, 1, 1, 1)
        found[name] = value.astype(np.float32)
    return found


def packed(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Convert weights, keyed by torchvision's parameter names, to tensors in the stored format (see the
    module docstring).
    """
    stored: dict[str, Array] = {}
    for name, value in weights.items():
        if value.ndim == 4 and int(name.split(".")[1]) >= FIRST:
            steps, scale = _round(value.astype(np.float32))
            bits = np.stack([steps >> 1 & 1, steps & 1], -1)
            stored |= {name: (steps >> 2).astype(np.int8), name + LOW: np.packbits(bits)}
            stored[name + SCALE] = scale
        else:
            stored[name] = value.astype(np.float16)
    return stored


def _round(kernel: Floats) -> tuple[NDArray[np.int16], Floats]:
    """Scale a kernel (O, I, h, w) and round it to integers.

    Returns the integers, (O, I, h, w), and the scale of each output channel, (O,), by which they must be
    multiplied. The sum of the h * w taps of each pair of channels is preserved to within rounding: if the
    rounded taps have a different sum, those with the largest rounding errors are adjusted by one. Activations
    vary little over three pixels, so the error of the response is mainly the error of this sum.
    """
    scale = np.abs(kernel).max(axis=(1, 2, 3)) / np.float32(MAX_WEIGHT)
    exact = (kernel / scale.reshape(-1, 1, 1, 1)).reshape(*kernel.shape[:2], -1)
    steps = np.round(exact)
    missed = exact - steps
    gap = np.round(missed.sum(2, keepdims=True))
    rank = np.argsort(np.argsort(-np.sign(gap) * missed, axis=2, kind="stable"), axis=2, kind="stable")
    steps += np.sign(gap) * (rank < np.abs(gap))
    return steps.reshape(kernel.shape).astype(np.int16), scale.astype(np.float32)
