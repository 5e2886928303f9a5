"""A style file as a function: uint8 frames in, painted uint8 frames out."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fststyle import catalogue
from fststyle.arrays import RGB
from fststyle.errors import DeviceError, InputError, StyleError
from fststyle.mixture import parse as parse_mixture
from fststyle.runtime import blend, devices
from fststyle.runtime.settings import PRECISIONS

MIN_SIDE = 16
"""The frame contract begins at 16x16 pixels."""
LONG = 1 << 20
"""Bytes from which a picture may take so long that Ctrl-C should not wait for it."""


class Style:
    """A style, loaded and ready to paint; made by `load_style`. It may be called from several threads.

    ``name``; ``metadata``: what the file says of itself; ``device``: where it runs ("cpu", "cuda" ...);
    ``model``: the bytes of the file; ``strength``: how much of the painting is in it.
    """

    def __init__(
        self, name: str, model: bytes, device: str = "auto", threads: int | None = None, strength: float = 1.0
    ):
        self.name, self.model, self.threads, self.strength = name, model, threads, strength
        self._other: Style | None = None
        self._session, self.device = open_session(model, device, threads, name)
        _check_contract(self._session, name)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the execution provider in use."""
        return devices.PROVIDERS[devices.split(self.device)[0]]

    def __call__(self, frame: RGB) -> RGB:
        """Paint one frame (H, W, 3) or a batch (N, H, W, 3), RGB uint8 0..255, into a new array of the same
        shape.

        Raises `InputError` for another shape or type, a side below 16, and for a frame that does not fit in
        memory.
        """
        check_frame(frame)
        batch = frame[None] if frame.ndim == 3 else frame
        painted = run(self._session, {"frame": batch}, self.name)[0]
        if painted.shape != batch.shape:
            raise StyleError(f"{self.name} is not a fststyle style: it made {painted.shape} of {batch.shape}")
        return painted[0] if frame.ndim == 3 else painted

    def at(self, strength: float) -> "Style | None":
        """This style at another strength, on the same device, or None if it has no base to go back to
        (`fststyle.runtime.blend`).

        Strength 0 gives the photo back, 1 is the painting, above 1 exaggerates it. The last one made is kept.
        Raises `StyleError` for a file in integers.
        """
        if strength == self.strength:
            return self
        base = catalogue.base(self.metadata.get("base", ""))
        if base is None or self.strength == 0:
            return None
        if self._other is None or self._other.strength != strength:
            part = strength / self.strength
            try:
                model = blend.interpolate(
                    [(self.model, part), (catalogue.load(base), 1 - part)], [self.name, base.name]
                )
            except StyleError as error:
                raise StyleError(
                    f"{self.name} is in integers, which have one strength, 1; the file in floats has all"
                ) from error
            self._other = Style(self.name, model, self.device, self.threads, strength)
        return self._other

    def __repr__(self) -> str:
        return f"Style({self.name!r}, device={self.device!r})"


def load_style(
    style: str | Path,
    device: str = "auto",
    threads: int | None = None,
    strength: float = 1.0,
    precision: str = "auto",
) -> Style:
    """Load a style by its name in the catalogue or by the path of an .onnx file, or a mixture of several:
    ``"udnie-live:0.6,great-wave:0.4"``.

    ``device``: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm, migraphx; auto takes CUDA
    where it works, else the CPU.
    ``threads``: of the CPU, for one frame; None takes one per core.
    ``strength``: 0 gives the photo back, 1 is the painting, up to 2 exaggerates it; the weights of the
    network are mixed, not pictures. ``precision``: float, int8, or auto, which takes int8 on a CPU where the
    style has it (`fststyle.catalogue.Entry.int8`) and is neither mixed nor at another strength, and float
    elsewhere.
    Raises `StyleError` for an unknown name, for a precision that the style does not have, for a file that
    does not keep the frame contract, for styles that cannot be mixed, and for a strength other than 1 of a
    style without a base; `DeviceError` for a device that is not there.
    """
    devices.split(device)
    if threads is not None and threads < 1:
        raise InputError(f"threads: {threads} is below 1")
    if not 0 <= strength <= 2:
        raise InputError(f"strength: {strength} is not between 0 and 2")
    if precision not in PRECISIONS:
        raise InputError(f"precision: {precision!r} is none of {', '.join(PRECISIONS)}")
    if precision == "int8" and strength != 1:
        raise InputError("int8 has one strength: weights are mixed in float")
    loaded = _whole(style, device, threads, precision if strength == 1 else "float")
    changed = loaded.at(strength)
    if changed is None:
        raise StyleError(
            f"{loaded.name} has no strength of its own: it was not trained from a base that fststyle knows"
        )
    return changed


def _whole(style: str | Path, device: str, threads: int | None, precision: str) -> Style:
    one_file = isinstance(style, Path) or os.path.isfile(style)
    parts = [(style, 1.0)] if one_file else parse_mixture(str(style))
    entries = [catalogue.locate(name) for name, _ in parts]
    if len(entries) == 1:
        return _single(entries[0], device, threads, precision)
    if precision == "int8":
        raise InputError("a mixture of styles has no int8: weights are mixed in float")
    return mixture(
        [(entry, share) for entry, (_, share) in zip(entries, parts, strict=True)], device, threads
    )


def mixture(
    parts: list[tuple[catalogue.Entry, float]], device: str, threads: int | None, strength: float = 1.0
) -> Style:
    """Styles mixed by their weights, in float; ``parts``: the styles with their shares, which sum to 1.
    ``strength``: as of `load_style`.

    Raises `StyleError` for styles of different networks or bases, and for a strength other than 1 without a
    base; otherwise as `load_style`.
    """
    names = [entry.name for entry, _ in parts]
    models = [(catalogue.load(entry), share * strength) for entry, share in parts]
    bases = {catalogue.metadata(model).get("base", "") for model, _ in models}
    base = catalogue.base(next(iter(bases))) if strength != 1 and len(bases) == 1 else None
    if base is not None:
        models.append((catalogue.load(base), 1 - strength))
    mixed = blend.interpolate(models, [*names, *([base.name] if base is not None else [])])
    if len(bases) > 1:
        raise StyleError(f"{' and '.join(names)} cannot be mixed: they were not trained from one base")
    if strength != 1 and base is None:
        raise StyleError(
            f"{' and '.join(names)} have no strength of their own: they were not trained from a base that"
            " fststyle knows"
        )
    return Style("+".join(names), mixed, device, threads, strength)


def _single(entry: catalogue.Entry, device: str, threads: int | None, precision: str) -> Style:
    if precision == "int8" and entry.int8 is None:
        raise StyleError(f"{entry.name} has no int8 file")
    if entry.int8 is None or precision == "float" or (precision == "auto" and not on_cpu(device)):
        return _opened(entry, device, threads)
    return Style(entry.name, catalogue.load(entry.int8), device, threads)


def _opened(entry: catalogue.Entry, device: str, threads: int | None) -> Style:
    """The style of the entry; where a file of the user's own is none, its path is said too: the name alone
    may be that of several.
    """
    model = catalogue.load(entry)
    try:
        return Style(entry.name, model, device, threads)
    except StyleError as error:
        raise error if entry.shipped else StyleError(f"{entry.path}: {error}") from error


def on_cpu(device: str) -> bool:
    """Where integers are the faster arithmetic."""
    return device == "cpu" or (device == "auto" and not devices.available()["cuda"])


def check_frame(frame: Any) -> None:
    """Raise `InputError` unless ``frame`` is a uint8 array (H, W, 3) or (N, H, W, 3) with N >= 1 and sides of
    at least 16.
    """
    shape, kind = getattr(frame, "shape", None), getattr(frame, "dtype", None)
    if shape is None or str(kind) != "uint8" or len(shape) not in (3, 4) or shape[-1] != 3:
        found = f"{kind} {tuple(shape)}" if shape is not None else type(frame).__name__
        raise InputError(f"a frame is a uint8 array (H, W, 3) or (N, H, W, 3), not {found}")
    if len(shape) == 4 and shape[0] == 0:
        raise InputError("a batch of no frames")
    height, width = shape[-3:-1]
    if min(height, width) < MIN_SIDE:
        raise InputError(f"{width}x{height} pixels is too small, the minimum is {MIN_SIDE}x{MIN_SIDE}")


def open_session(model: bytes, device: str, threads: int | None, name: str) -> tuple[Any, str]:
    """An ONNX Runtime session on ``model`` and the device it really runs on.

    Raises `StyleError` for a model that cannot be loaded, `DeviceError` for a device asked for that does not
    work.
    """
    wanted, index = devices.split(device)
    if wanted == "auto":
        if devices.available()["cuda"]:
            # A card without CUDA's libraries, or one too old for them, still leaves the CPU.
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
    session: Any, feeds: dict[str, NDArray[Any]], name: str, outputs: list[str] | None = None
) -> list[NDArray[Any]]:
    """Run a session.

    Raises `InputError` where memory does not suffice, `StyleError` for any other failure of the graph.
    """
    try:
        return _stoppable(session, feeds, outputs)
    except MemoryError as error:
        raise _too_large(feeds) from error
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        if any(sign in str(error).lower() for sign in ("allocat", "out of memory", "bad_alloc")):
            raise _too_large(feeds) from error
        raise StyleError(f"{name} failed to paint: {_short(error)}") from error


def _stoppable(session: Any, feeds: dict[str, NDArray[Any]], outputs: list[str] | None) -> list[NDArray[Any]]:
    """Run a session.

    Python hears Ctrl-C between its own instructions only, so what takes long runs in a thread beside, which
    is told to end.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or sum(array.nbytes for array in feeds.values()) < LONG
    ):
        return session.run(outputs, feeds)
    options = devices.runtime().RunOptions()
    with ThreadPoolExecutor(1, thread_name_prefix="fststyle-paint") as pool:
        running = pool.submit(session.run, outputs, feeds, options)
        try:
            return running.result()
        except BaseException:
            options.terminate = True  # heard after the layer that is computed now
            raise


def _session(model: bytes, device: str, index: int, threads: int | None, name: str) -> Any:
    ort = devices.runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    # Between two frames the threads rest, instead of asking again and again for work: of a webcam that is
    # half of the processor's time, and its heat.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    provider = devices.PROVIDERS[device]
    settings: dict[str, Any] = {}
    if device in ("cuda", "tensorrt"):
        devices.preload_cuda()
    if device in ("cuda", "tensorrt", "rocm", "migraphx", "dml"):
        settings["device_id"] = index
    if device == "cuda":
        # The default search tries every algorithm again for each new picture size, which takes seconds.
        settings["cudnn_conv_algo_search"] = "HEURISTIC"
    wanted = (
        [(provider, settings)] if device == "cpu" else [(provider, settings), (devices.PROVIDERS["cpu"], {})]
    )
    try:
        # From bytes, not from the path: ONNX Runtime then refuses weights that the file asks to be read from
        # other files of this machine.
        session = ort.InferenceSession(model, options, providers=wanted, enable_fallback=0)
    except Exception as error:
        if device != "cpu" and _loadson_cpu(model):
            raise DeviceError(
                f"device {device} does not work: {_short(error)}; {devices.INSTALL[device]}"
            ) from error
        raise StyleError(f"{name} cannot be used: {_short(error)}") from error
    if session.get_providers()[0] != provider:
        raise DeviceError(
            f"device {device} does not work: ONNX Runtime could not load its libraries;"
            f" {devices.INSTALL[device]}"
        )
    session.disable_fallback()
    return session


def _loadson_cpu(model: bytes) -> bool:
    try:
        _session(model, "cpu", 0, 1, "")
    except StyleError:
        return False
    return True


def _try_out(session: Any) -> None:
    if [value.name for value in session.get_inputs()] == ["frame"]:
        session.run(None, {"frame": np.zeros((1, MIN_SIDE, MIN_SIDE, 3), np.uint8)})


def _check_contract(session: Any, name: str) -> None:
    if (told := session.get_modelmeta().custom_metadata_map.get("kind", "style")) != "style":
        raise StyleError(f"{name} is not a fststyle style: it is a model of kind {told}")
    for kind, wanted, values in (
        ("input", "frame", session.get_inputs()),
        ("output", "styled", session.get_outputs()),
    ):
        if [value.name for value in values] != [wanted]:
            raise StyleError(
                f"{name} is not a fststyle style: its {kind}s are"
                f" {', '.join(v.name for v in values) or 'none'}, not {wanted}"
            )
        value = values[0]
        if value.type != "tensor(uint8)":
            raise StyleError(f"{name} is not a fststyle style: {wanted} is {value.type}, not uint8")
        shape = list(value.shape or [])
        # A graph may leave the sizes of its output open, or not say them at all; only its input has to
        # promise.
        if (kind == "input" or shape) and len(shape) != 4:
            raise StyleError(
                f"{name} is not a fststyle style: {wanted} has {len(shape)} dimensions, not (N, H, W, 3)"
            )
        if shape and isinstance(shape[3], int) and shape[3] != 3:
            raise StyleError(f"{name} is not a fststyle style: {wanted} has {shape[3]} channels last, not 3")
        if kind == "input" and any(isinstance(side, int) for side in shape[:3]):
            raise StyleError(
                f"{name} is not a fststyle style: {wanted} is fixed to {tuple(shape)}; N, H and W must be"
                " dynamic"
            )


def _too_large(feeds: dict[str, NDArray[Any]]) -> InputError:
    count, height, width = next(value.shape for value in feeds.values() if value.ndim == 4)[:3]
    what = f"{width}x{height} pixels" + (f" x {count} frames" if count > 1 else "")
    return InputError(
        f"{what} need more memory than there is; paint in smaller tiles (--tile 512) or smaller (--size)"
    )


def _short(error: Exception) -> str:
    """The reason in ONNX Runtime's message, without its codes and the places in its sources."""
    text = " ".join(str(error).split()).rpartition("[ONNXRuntimeError] : ")[2]
    if "INVALID_PROTOBUF" in text or "No graph was found" in text:
        return "it is damaged or no ONNX file at all"
    return (
        re.sub(r"^\d+ : \w+ : |\S*\.(cc|h):\d+ \S+\([^)]*\)( const)? ", "", text)[:200]
        or type(error).__name__
    )
