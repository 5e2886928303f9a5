"""Where a style runs: names of devices, what ONNX Runtime calls them, and whether they are really there."""

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from fststyle.errors import DependencyError, DeviceError
from fststyle.signals import postponed

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
"""Device -> ONNX Runtime's name of the execution provider."""

INSTALL = {
    "cuda": "it needs an NVIDIA driver and: pip install 'onnxruntime-gpu[cuda,cudnn]'",
    "tensorrt": "it needs an NVIDIA driver, TensorRT and: pip install 'onnxruntime-gpu[cuda,cudnn]' tensorrt",
    "coreml": "it is part of onnxruntime on macOS: pip install onnxruntime",
    "dml": "it needs Windows and, in place of other builds of onnxruntime: pip install onnxruntime-directml",
    "openvino": "it needs, in place of other builds of onnxruntime: pip install onnxruntime-openvino",
    "rocm": "it needs AMD's ROCm and a build of onnxruntime for it",
    "migraphx": "it needs AMD's ROCm and: pip install onnxruntime-migraphx",
}


def runtime() -> ModuleType:
    """The module `onnxruntime`, loaded without its talk: problems of a session reach the user as exceptions.

    Raises `DependencyError` where it is missing or broken.
    """
    if (loaded := sys.modules.get("onnxruntime")) is not None:
        return loaded
    try:
        # The GPU build looks for graphics cards while it is imported and writes its warnings past Python, to
        # the file descriptor.
        with postponed(), _silent_stderr():
            import onnxruntime
    except ImportError as error:
        raise DependencyError(f"ONNX Runtime cannot be loaded: pip install onnxruntime [{error}]") from error
    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


def split(device: str) -> tuple[str, int]:
    """``"cuda:1"`` -> ``("cuda", 1)``. Raises `DeviceError` for a name that is none."""
    name, _, index = device.partition(":")
    if (name not in PROVIDERS and name != "auto") or (
        index and not (index.isdecimal() and name in ("cuda", "tensorrt", "rocm", "migraphx", "dml"))
    ):
        raise DeviceError(f"{device!r} is no device; use one of auto, {', '.join(PROVIDERS)}")
    return name, int(index or 0)


def available() -> dict[str, bool]:
    """Device -> whether it can be asked for here: ONNX Runtime was built for it and, for NVIDIA's, a driver
    and a card are there.
    """
    built = runtime().get_available_providers()
    nvidia = nvidia_cards() > 0
    return {
        name: provider in built and (nvidia or name not in ("cuda", "tensorrt"))
        for name, provider in PROVIDERS.items()
    }


def require(name: str, index: int = 0) -> None:
    """Raise `DeviceError`, saying what to install, unless ``name`` (a key of `PROVIDERS`) and its card
    ``index`` are there.
    """
    if PROVIDERS[name] not in runtime().get_available_providers():
        raise DeviceError(
            f"device {name} is not there: this onnxruntime was built without it; {INSTALL[name]}"
        )
    if name in ("cuda", "tensorrt"):
        cards = nvidia_cards()
        if cards <= index:
            found = (
                f"{cards} NVIDIA card{'s' if cards > 1 else ''} found"
                if cards
                else "no NVIDIA card and driver found"
            )
            raise DeviceError(
                f"device {name}{f':{index}' if index else ''} is not there: {found}; {INSTALL[name]}"
            )


def nvidia_cards() -> int:
    """How many NVIDIA cards the driver offers; 0 without a driver.

    Asks the driver itself, so no CUDA toolkit is needed.
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
    """Make the CUDA libraries that pip installed known to ONNX Runtime; those of the system need no help."""
    preload = getattr(runtime(), "preload_dlls", None)
    if preload is not None:
        # It prints what it does not find; the session that fails says it better.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            preload()


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all, as in a windowed program
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
