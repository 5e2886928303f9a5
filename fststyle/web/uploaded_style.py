"""Validate uploaded style files, which are untrusted.

`check_style` refuses features that a style does not need (loops, operators outside the ONNX standard, weights
in other files). Then it stylizes test frames in a process with limits on time and memory:
`python -m fststyle.web.uploaded_style < style.onnx`.
"""

import subprocess
import sys
from typing import TYPE_CHECKING

from fststyle.errors import StyleError

if TYPE_CHECKING:
    from onnx import NodeProto

MAX_BYTES = 64_000_000
"""Maximum size of a style file in bytes."""
SECONDS = 60
"""Time limit in seconds for the process that stylizes the test frames."""
MEMORY = 4_000_000_000
"""Maximum size of the process's data segment in bytes, on systems that support this limit."""
FRAMES = ((48, 64), (33, 97), (512, 512))
"""Sizes of the test frames, (height, width)."""
_DOMAINS = ("", "ai.onnx")
"""Names of the domain of the standard operators."""
_REFUSED = {"Loop", "If", "Scan", "SequenceMap"}
"""Operators with subgraphs, which are refused since a loop might never terminate."""


def check_style(content: bytes) -> None:
    """Raise `StyleError` unless ``content`` is a style file that is safe to load.

    It must pass `check_graph` and stylize the test frames within the limits on time and memory.
    """
    check_graph(content)
    command = [sys.executable, "-m", "fststyle.web.uploaded_style"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise StyleError(
            f"the style is too slow: a test with three frames took more than {SECONDS} seconds"
        ) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        message = lines[-1] if lines and done.returncode == StyleError.exit_code else ""
        raise StyleError(message or "the style crashed or ran out of memory in a test with three frames")


def check_graph(content: bytes) -> None:
    """Raise `StyleError` if the file is too large, is damaged, or has features that a style does not need.

    These features are local functions, operators outside the ONNX standard, operators with subgraphs such as
    loops, and weights in other files.
    """
    if len(content) > MAX_BYTES:
        raise StyleError(f"the style file is larger than {MAX_BYTES // 1_000_000} MB")
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf raises many exception types
        raise StyleError("the file is damaged or not an ONNX file") from error
    if not model.graph.node:
        raise StyleError("the file is damaged or not an ONNX file")
    if model.functions:
        raise StyleError("the model has local functions, which a style may not contain")
    for node in model.graph.node:
        if node.domain not in _DOMAINS or node.op_type in _REFUSED or _subgraphs(node):
            operator = f"{node.domain} {node.op_type}".strip()[:80]
            raise StyleError(f"the model has the operator {operator}, which a style may not contain")
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise StyleError("the weights are in a separate file; save the model as one .onnx file")


def _subgraphs(node: "NodeProto") -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _main() -> None:
    """Stylize the test frames with the style file on stdin, with limited memory where this is supported.

    After an error, print its message as one line on stderr and exit with `StyleError.exit_code`.
    """
    import numpy as np

    from fststyle.runtime.style import Style

    content = sys.stdin.buffer.read()
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):  # not supported by this system
        pass
    try:
        style = Style("the file", content, "cpu", threads=1)
        for height, width in FRAMES:
            style(np.zeros((height, width, 3), np.uint8))
    except Exception as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        sys.exit(StyleError.exit_code)


if __name__ == "__main__":
    _main()
