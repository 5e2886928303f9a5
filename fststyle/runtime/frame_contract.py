"""Check the frame contract of style files (docs/onnx-format.md).

A style has the input ``frame`` and the output ``styled``, both uint8 (N, H, W, 3) with dynamic N, H and W.
"""

from typing import TYPE_CHECKING

from fststyle.errors import InputError, StyleError
from fststyle.io.pixels import MIN_SIDE

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg


def check_frame(frame: object) -> None:
    """Raise `InputError` unless ``frame`` is a valid frame or batch of frames.

    A frame is a uint8 array (H, W, 3), and a batch is a uint8 array (N, H, W, 3), with N >= 1 and H and W of
    at least `MIN_SIDE`.
    """
    shape, kind = getattr(frame, "shape", None), getattr(frame, "dtype", None)
    if shape is None or str(kind) != "uint8" or len(shape) not in (3, 4) or shape[-1] != 3:
        found = f"{kind} {tuple(shape)}" if shape is not None else type(frame).__name__
        raise InputError(f"a frame must be a uint8 array (H, W, 3) or (N, H, W, 3), not {found}")
    if len(shape) == 4 and shape[0] == 0:
        raise InputError("the batch contains no frames")
    height, width = shape[-3:-1]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"a frame of {width}x{height} pixels is too small; the minimum is {MIN_SIDE}x{MIN_SIDE}"
        )


def check_model(session: "InferenceSession", name: str) -> None:
    """Raise `StyleError` unless the model of an ONNX Runtime session has the input and output of a style.

    See the module docstring for the contract. ``name`` is the name of the style for error messages.
    """
    kind = session.get_modelmeta().custom_metadata_map.get("kind", "style")
    if kind != "style":
        raise _refused(name, f"it is a model of kind {kind}")
    frame = _tensor("input", "frame", session.get_inputs(), name)
    shape = list(frame.shape or [])
    if len(shape) != 4:
        raise _refused(name, f"the input frame has {len(shape)} dimensions, not 4 (N, H, W, 3)")
    _check_channels("input frame", shape, name)
    if any(isinstance(side, int) for side in shape[:3]):
        raise _refused(name, f"the input frame has shape {tuple(shape)}, but N, H and W must be dynamic")
    styled = _tensor("output", "styled", session.get_outputs(), name)
    # The shape of the output may be unknown.
    if shape := list(styled.shape or []):
        if len(shape) != 4:
            raise _refused(name, f"the output styled has {len(shape)} dimensions, not 4 (N, H, W, 3)")
        _check_channels("output styled", shape, name)


def _tensor(kind: str, wanted: str, tensors: "list[NodeArg]", name: str) -> "NodeArg":
    """Return the only tensor in ``tensors``, the inputs or the outputs of a model.

    Raises `StyleError` unless there is exactly one, its name is ``wanted``, and it is uint8. ``kind``
    ("input" or "output") and ``name``, the name of the style, are for the message.
    """
    if [tensor.name for tensor in tensors] != [wanted]:
        found = ", ".join(tensor.name for tensor in tensors) or "none"
        raise _refused(name, f"it must have one {kind}, {wanted}, but has {found}")
    if tensors[0].type != "tensor(uint8)":
        raise _refused(name, f"the {kind} {wanted} is {tensors[0].type}, not uint8")
    return tensors[0]


def _check_channels(tensor: str, shape: list[int | str | None], name: str) -> None:
    if isinstance(shape[3], int) and shape[3] != 3:
        raise _refused(name, f"the {tensor} has {shape[3]} channels, not 3")


def _refused(name: str, why: str) -> StyleError:
    return StyleError(f"{name} is not an fststyle style: {why}")
