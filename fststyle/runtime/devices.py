"""Devices that styles can run on: names, ONNX Runtime execution providers, and availability."""

import contextlib
import ctypes
import importlib
import io
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from fststyle.errors import DependencyError, DeviceError
from fststyle.signals import deferred_interrupts

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "dml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
}
"""Name of the ONNX Runtime execution provider of each device."""

INDEXED = ("cuda", "tensorrt", "rocm", "migraphx", "dml")
"""Devices that accept an index, such as cuda:1."""

INSTALL = {
    "cuda": "it needs an NVIDIA driver and: pip install 'onnxruntime-gpu[cuda,cudnn]'",
    "tensorrt": "it needs an NVIDIA driver, TensorRT and: pip install 'onnxruntime-gpu[cuda,cudnn]' tensorrt",
    "coreml": "it is part of onnxruntime on macOS: pip install onnxruntime",
    "dml": "it needs Windows and, instead of other builds of onnxruntime: pip install onnxruntime-directml",
    "openvino": "it needs, instead of other builds of onnxruntime: pip install onnxruntime-openvino",
    "rocm": "it needs AMD ROCm and a build of onnxruntime for it",
    "migraphx": "it needs AMD ROCm and: pip install onnxruntime-migraphx",
}
"""Hint in error messages on how to install support for each device."""


def runtime() -> ModuleType:
    """Import and return the module `onnxruntime` with logging disabled, since errors are raised as
    exceptions.

    Raises `DependencyError` if it is missing or broken.
    """
    if (loaded := sys.modules.get("onnxruntime")) is not None:
        return loaded
    try:
        # On import, the GPU build searches for GPUs and writes warnings directly to the file descriptor of
        # stderr.
        with deferred_interrupts(), _silent_stderr():
            loaded = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise DependencyError(f"ONNX Runtime cannot be loaded: pip install onnxruntime [{error}]") from error
    loaded.set_default_logger_severity(4)
    return loaded


def split(device: str) -> tuple[str, int]:
    """Split a device such as ``"cuda:1"`` into name and index, ``("cuda", 1)``. The default index is 0.

    Raises `DeviceError` for an unknown device.
    """
    name, _, index = device.partition(":")
    if (name not in PROVIDERS and name != "auto") or (index and not (index.isdecimal() and name in INDEXED)):
        raise DeviceError(f"{device!r} is not a device; use one of auto, {', '.join(PROVIDERS)}")
    return name, int(index or 0)


def available() -> dict[str, bool]:
    """Return whether each device can be requested, as a dict by name.

    ONNX Runtime must be built for the device. NVIDIA devices also need a driver and a GPU.
    """
    built = runtime().get_available_providers()
    nvidia = nvidia_cards() > 0
    return {
        name: provider in built and (nvidia or name not in ("cuda", "tensorrt"))
        for name, provider in PROVIDERS.items()
    }


def require(name: str, index: int = 0) -> None:
    """Raise `DeviceError` unless the device ``name`` (a key of `PROVIDERS`) and its GPU ``index`` are
    available.

    The message tells what to install.
    """
    if PROVIDERS[name] not in runtime().get_available_providers():
        raise DeviceError(
            f"device {name} is not available: this onnxruntime was built without it; {INSTALL[name]}"
        )
    if name in ("cuda", "tensorrt"):
        cards = nvidia_cards()
        if cards <= index:
            found = (
                f"{cards} NVIDIA GPU{'s' if cards > 1 else ''} found"
                if cards
                else "no NVIDIA GPU and driver found"
            )
            raise DeviceError(
                f"device {name}{f':{index}' if index else ''} is not available: {found}; {INSTALL[name]}"
            )


def nvidia_cards() -> int:
    """Return the number of NVIDIA GPUs, or 0 without a driver.

    The driver is queried directly, so the CUDA toolkit is not needed.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value


def preload_cuda() -> None:
    """Load CUDA libraries that pip has installed. ONNX Runtime finds system libraries by itself."""
    preload = getattr(runtime(), "preload_dlls", None)
    if preload is not None:
        # It prints missing libraries, but the error of the session is clearer.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            preload()


def is_cpu(device: str) -> bool:
    """Return whether the device is the CPU, where int8 is faster than float. ``device`` may be "auto"."""
    return device == "cpu" or (device == "auto" and not available()["cuda"])


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
