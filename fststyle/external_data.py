"""Style files that share weights: the int8 file of an included style refers to kernels in the float file.

Both files of a live style hold the same kernel bytes (`fststyle.export.precision.int_weights`), so the int8
file stores them as ONNX external data: location, offset and length in the float file next to it, with the
SHA-1 of that file. ONNX Runtime and `onnx.load` resolve the references if they open the file by its path.
`resolve` resolves them in bytes, with stricter checks, since a style file may be untrusted.
"""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from fststyle.errors import DependencyError, StyleError

if TYPE_CHECKING:
    from onnx import TensorProto

MIN_SHARED_BYTES = 256
"""Minimum size of a shared tensor in bytes.

A reference takes about as much space as a smaller tensor. ONNX Runtime does not infer shapes from external
data, and tensors that define shapes are small.
"""


def share_weights(model: bytes, path: Path) -> bytes:
    """Return a copy of a style file without the tensors that the file at ``path`` also contains.

    ``model`` is the content of the style file. The copy refers to the file at ``path`` for these tensors, and
    must be stored in the same folder as that file. Tensors of fewer than `MIN_SHARED_BYTES` bytes are kept.
    `resolve` reverses this function.
    """
    import onnx

    source = path.read_bytes()
    entries = {"location": path.name, "checksum": hashlib.sha1(source, usedforsecurity=False).hexdigest()}
    copy = onnx.load_model_from_string(model)
    for tensor in copy.graph.initializer:
        place = source.find(tensor.raw_data) if len(tensor.raw_data) >= MIN_SHARED_BYTES else -1
        if place < 0:
            continue
        reference = {**entries, "offset": str(place), "length": str(len(tensor.raw_data))}
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in reference.items():
            tensor.external_data.add(key=key, value=value)
    content: bytes = copy.SerializeToString()
    return content


def is_shared(model: bytes) -> bool:
    """Return whether a style file may refer to tensors in another file, given its content ``model``.

    True may be wrong, since the file is not parsed, but False is certain.
    """
    return b"location" in model  # a key of every reference; does not need onnx


def resolve(model: bytes, path: Path) -> bytes:
    """Return a copy of a style file that contains all its tensors.

    Args:
        model: the content of the file. Bytes that are not an ONNX file are returned unchanged.
        path: the path of the file; references are relative to its folder.

    Raises:
        StyleError: a reference names a file in another folder or without the suffix .onnx; the file is
            missing, cannot be read, or its SHA-1 does not match; or the byte range does not fit the tensor.
        DependencyError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise DependencyError(f"{path.name} needs onnx: pip install onnx [{error}]") from error
    try:
        whole = onnx.load_model_from_string(model)
    except Exception:  # protobuf raises various exceptions; the error is reported when the session is opened
        return model
    external = [
        tensor
        for tensor in whole.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
    ]
    if not external:
        return model
    read: dict[str, bytes] = {}
    for tensor in external:
        reference = {entry.key: entry.value for entry in tensor.external_data}
        name = reference.get("location", "")
        if name not in read:
            read[name] = _neighbor(path, name, reference.get("checksum", ""))
        tensor.raw_data = _slice(tensor, reference, read[name], path)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    content: bytes = whole.SerializeToString()
    return content


def _neighbor(path: Path, name: str, checksum: str) -> bytes:
    """Return the bytes of the file ``name`` in the folder of ``path``.

    Raises `StyleError` if ``name`` is not the name of an .onnx file in that folder, the file cannot be read,
    or its SHA-1 is not ``checksum``.
    """
    if "/" in name or "\\" in name or ":" in name or not name.endswith(".onnx"):
        raise StyleError(
            f"{path}: refers to weights in {name!r}, which is not an .onnx file in the same folder"
        )
    other = path.with_name(name)
    try:
        content = other.read_bytes() if other.is_file() else None
    except OSError as error:
        raise StyleError(f"{other}: cannot be read: {error.strerror}") from error
    if content is None:
        raise StyleError(f"{path}: its weights are in {name}, but the same folder contains no such file")
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != checksum.lower():
        raise StyleError(
            f"{path}: was made for a different version of {name} than the one in the same folder"
            " (its SHA-1 does not match)"
        )
    return content


def _slice(tensor: "TensorProto", reference: dict[str, str], content: bytes, path: Path) -> bytes:
    """Return the bytes of a tensor that is stored in another file.

    ``content`` is the content of that file. ``reference`` contains the "offset" and "length" of the tensor in
    it. ``path`` is the file that contains the reference, for error messages. Raises `StyleError` if the
    reference is incomplete, or if its byte range does not fit the tensor.
    """
    from onnx import helper

    try:
        offset, length = int(reference["offset"]), int(reference["length"])
        size = math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError):
        offset, length, size = 0, 0, -1
    if length != size or not 0 <= offset <= len(content) - length:
        raise StyleError(f"{path}: is damaged (the tensor {tensor.name!r} refers to an invalid byte range)")
    return content[offset : offset + length]
