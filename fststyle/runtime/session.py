"""Open and run ONNX Runtime sessions, and convert their exceptions to those of fststyle."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np

from fststyle.arrays import Array
from fststyle.errors import DeviceError, InputError, StyleError
from fststyle.io.pixels import MIN_SIDE
from fststyle.runtime import devices
from fststyle.signals import deferred_interrupts

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


INTERRUPTIBLE_BYTES = 1 << 20
"""Size of the inputs in bytes at or above which a run can be stopped by Ctrl-C, since it may take long."""


def open_session(model: bytes, device: str, threads: int | None, name: str) -> "tuple[InferenceSession, str]":
    """Open an ONNX Runtime session for a model. Returns the session and the device that it runs on.

    Args:
        model: bytes of the ONNX file.
        device: a device such as "cpu" or "cuda:1"; "auto" selects CUDA if it works, and otherwise the CPU.
        threads: number of CPU threads; None uses one per core.
        name: name of the model for error messages.

    Raises:
        StyleError: the model cannot be loaded.
        DeviceError: the device is unknown, or was requested by name and does not work.
        DependencyError: ONNX Runtime cannot be imported.
    """
    wanted, index = devices.split(device)
    if wanted == "auto":
        if devices.available()["cuda"]:
            # CUDA may be available but fail, because libraries are missing or do not support the GPU.
            try:
                session = _session(model, "cuda", 0, threads, name)
                _try_out(session)
                return session, "cuda"
            except Exception:
                pass
        return _session(model, "cpu", 0, threads, name), "cpu"
    devices.require(wanted, index)
    return _session(model, wanted, index, threads, name), device


def run(
    session: "InferenceSession", feeds: dict[str, Array], name: str, outputs: list[str] | None = None
) -> list[Array]:
    """Run a session, and return its outputs as a list.

    Args:
        session: the session.
        feeds: the inputs, a dict from input name to array.
        name: name of the model for error messages.
        outputs: names of the outputs to return, in this order; None returns all outputs.

    Raises:
        InputError: memory is insufficient.
        StyleError: the run fails for another reason.
    """
    try:
        return _interruptible(session, feeds, outputs)
    except MemoryError as error:
        raise _too_large(feeds, name) from error
    except Exception as error:  # the exceptions of ONNX Runtime have no common base class
        if any(sign in str(error).lower() for sign in ("allocat", "out of memory", "bad_alloc")):
            raise _too_large(feeds, name) from error
        raise StyleError(f"{name} failed to run: {_short(error)}") from error


def _interruptible(
    session: "InferenceSession", feeds: dict[str, Array], outputs: list[str] | None
) -> list[Array]:
    """Run a session so that Ctrl-C can stop it.

    Python handles signals only between bytecode instructions of the main thread, so the run is done in
    another thread. Runs outside the main thread, or on inputs of less than `INTERRUPTIBLE_BYTES`, are done in
    the calling thread and cannot be stopped.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or sum(array.nbytes for array in feeds.values()) < INTERRUPTIBLE_BYTES
    ):
        found: list[Array] = session.run(outputs, feeds)
        return found
    options = devices.runtime().RunOptions()
    with deferred_interrupts() as interrupted, ThreadPoolExecutor(1, "fststyle-run") as pool:
        running = pool.submit(session.run, outputs, feeds, options)
        while wait([running], timeout=0.1).not_done:
            if interrupted():
                options.terminate = True  # takes effect after the current layer
        found = running.result()
        return found


def _session(model: bytes, device: str, index: int, threads: int | None, name: str) -> "InferenceSession":
    ort = devices.runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    # The threads do not spin between two frames, which would waste CPU time with a webcam.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    provider = devices.PROVIDERS[device]
    try:
        # With bytes instead of a path, ONNX Runtime refuses models whose weights are in other files.
        session = ort.InferenceSession(model, options, providers=_providers(device, index), enable_fallback=0)
    except Exception as error:
        if device != "cpu" and _loads_on_cpu(model):
            raise DeviceError(
                f"device {device} cannot be used: {_short(error)}; {devices.INSTALL[device]}"
            ) from error
        raise StyleError(f"{name} cannot be used: {_short(error)}") from error
    if session.get_providers()[0] != provider:
        raise DeviceError(
            f"device {device} cannot be used: ONNX Runtime could not load the libraries for this device;"
            f" {devices.INSTALL[device]}"
        )
    session.disable_fallback()
    return session


def _providers(device: str, index: int) -> list[tuple[str, dict[str, str | int]]]:
    """Return the execution providers for a device, each with its options.

    The provider of the device comes first. The CPU provider follows, for operators that the device does not
    support.
    """
    settings: dict[str, str | int] = {}
    if device in ("cuda", "tensorrt"):
        devices.preload_cuda()
    if device in devices.INDEXED:
        settings["device_id"] = index
    if device == "cuda":
        # The default search tries all algorithms for each new frame size, which is slow.
        settings["cudnn_conv_algo_search"] = "HEURISTIC"
    wanted = [(devices.PROVIDERS[device], settings)]
    return wanted if device == "cpu" else [*wanted, (devices.PROVIDERS["cpu"], {})]


def _loads_on_cpu(model: bytes) -> bool:
    try:
        _session(model, "cpu", 0, 1, "")
    except StyleError:
        return False
    return True


def _try_out(session: "InferenceSession") -> None:
    """Run a style (a model with the input ``frame``) on a small frame. Do nothing for other models.

    Raises the exceptions of ONNX Runtime.
    """
    if [value.name for value in session.get_inputs()] == ["frame"]:
        session.run(None, {"frame": np.zeros((1, MIN_SIDE, MIN_SIDE, 3), np.uint8)})


def _too_large(feeds: dict[str, Array], name: str) -> InputError:
    frames = feeds.get("frame")
    if frames is None:  # the input is not a batch of frames
        return InputError(f"{name} needs more memory than is available")
    count, height, width = frames.shape[:3]
    what = f"{width}x{height} pixels" + (f" x {count} frames" if count > 1 else "")
    return InputError(
        f"{what} need more memory than is available; use smaller tiles (--tile 512) or a smaller --size"
    )


def _short(error: Exception) -> str:
    """Return the message of an ONNX Runtime exception, without error codes and source locations.

    It has at most 200 characters. The message for a file that is not a valid model is replaced by a clearer
    one.
    """
    text = " ".join(str(error).split()).rpartition("[ONNXRuntimeError] : ")[2]
    if "INVALID_PROTOBUF" in text or "No graph was found" in text:
        return "it is damaged or not an ONNX file"
    return (
        re.sub(r"^\d+ : \w+ : |\S*\.(cc|h):\d+ \S+\([^)]*\)( const)? ", "", text)[:200]
        or type(error).__name__
    )
