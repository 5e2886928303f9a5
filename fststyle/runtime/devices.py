"""Devices that styles can run on: their names, ONNX Runtime execution providers and availability."""

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
    "cuda": "cuda needs an NVIDIA driver and: pip install 'onnxruntime-gpu[cuda,cudnn]'",
    "tensorrt": "tensorrt needs an NVIDIA driver, TensorRT and:"
    " pip install 'onnxruntime-gpu[cuda,cudnn]' tensorrt",
    "coreml": "coreml is part of onnxruntime on macOS: pip install onnxruntime",
    "dml": "dml needs Windows and, instead of other builds of onnxruntime: pip install onnxruntime-directml",
    "openvino": "openvino needs, instead of other builds of onnxruntime: pip install onnxruntime-openvino",
    "rocm": "rocm needs AMD ROCm and a build of onnxruntime for it",
    "migraphx": "migraphx needs AMD ROCm and: pip install onnxruntime-migraphx",
}
"""What each device except the CPU needs, and the pip command that installs it, for error messages."""


def runtime() -> ModuleType:
    """Import the module `onnxruntime`, limit its logging to fatal errors, and return it.

    Other errors are raised as exceptions, and do not need to be logged. If the module is already imported,
    its logging is not changed. Raises `DependencyError` if it cannot be imported.
    """
    if (loaded := sys.modules.get("onnxruntime")) is not None:
        return loaded
    try:
        # On import, the GPU build searches for GPUs and writes warnings directly to the file descriptor of
        # stderr.
        with deferred_interrupts(), _silent_stderr():
            loaded = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise DependencyError(
            f"ONNX Runtime cannot be loaded ({error}); to install it: pip install onnxruntime"
        ) from error
    loaded.set_default_logger_severity(4)
    return loaded


def split(device: str) -> tuple[str, int]:
    """Split a device such as ``"cuda:1"`` into name and index, ``("cuda", 1)``. The default index is 0.

    The name is a key of `PROVIDERS` or "auto". Raises `DeviceError` for an unknown name, an index that is not
    a number, and an index after a name that is not in `INDEXED`.
    """
    name, _, index = device.partition(":")
    if index and name in INDEXED and not index.isdecimal():
        raise DeviceError(f"{device!r}: the index of the device, {index!r}, is not a number")
    if index and name not in INDEXED and (name in PROVIDERS or name == "auto"):
        raise DeviceError(f"{device!r}: {name} does not accept an index; only {', '.join(INDEXED)} do")
    if name not in PROVIDERS and name != "auto":
        raise DeviceError(
            f"{device!r} is not a device; use one of auto, {', '.join(PROVIDERS)}"
            f" ({', '.join(INDEXED)} accept an index, such as cuda:1)"
        )
    return name, int(index or 0)


def available() -> dict[str, bool]:
    """Return whether each device can be requested, as a dict with the keys of `PROVIDERS`.

    A device is available if ONNX Runtime is built for it. "cuda" and "tensorrt" also need an NVIDIA driver
    and GPU. Other libraries that a device needs are not checked. Raises `DependencyError` if ONNX Runtime
    cannot be imported.
    """
    built = runtime().get_available_providers()
    nvidia = nvidia_cards() > 0
    return {
        name: provider in built and (nvidia or name not in ("cuda", "tensorrt"))
        for name, provider in PROVIDERS.items()
    }


def require(name: str, index: int = 0) -> None:
    """Raise `DeviceError` unless the device ``name`` (a key of `PROVIDERS`) is available.

    ``index`` is the index of the GPU, which is checked only for "cuda" and "tensorrt". The message states
    what to install, unless only the index is too large. Raises `DependencyError` if ONNX Runtime cannot be
    imported.
    """
    if PROVIDERS[name] not in runtime().get_available_providers():
        raise DeviceError(
            f"device {name} is not available: this onnxruntime was built without it; {INSTALL[name]}"
        )
    if name in ("cuda", "tensorrt"):
        cards = nvidia_cards()
        if cards <= index:
            reason = (
                f"{cards} NVIDIA GPU{'s' * (cards != 1)} found, so the largest index is {cards - 1}"
                if cards
                else f"no NVIDIA driver or no NVIDIA GPU was found; {INSTALL[name]}"
            )
            raise DeviceError(f"device {name}{f':{index}' if index else ''} is not available: {reason}")


def nvidia_cards() -> int:
    """Return the number of NVIDIA GPUs that the driver reports, or 0 if there is no driver or it fails.

    The CUDA toolkit is not needed.
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
    """Load the CUDA libraries that are installed as Python packages, so that ONNX Runtime finds them.

    ONNX Runtime finds system libraries by itself. Missing libraries are not reported here, but when a session
    is opened.
    """
    preload = getattr(runtime(), "preload_dlls", None)
    if preload is not None:
        # The function prints the names of missing libraries, but the error of the session is clearer.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            preload()


def is_cpu(device: str) -> bool:
    """Return whether ``device`` selects the CPU: it is "cpu", or it is "auto" and CUDA is not `available`."""
    return device == "cpu" or (device == "auto" and not available()["cuda"])


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Context manager that redirects the file descriptor of stderr to the null device."""
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
