"""The files of ONNX Runtime Web.

There are two builds, each with a script, a WebAssembly module and its loader. The build with WebGPU, "jspi",
needs a browser with JavaScript Promise Integration. The other build needs only WebAssembly. Both .wasm files
are stored as .xz, which takes 4.8 MB instead of 31 MB. This Python module does not import FastAPI, since
`fststyle export-web` also uses it.
"""

import functools
import lzma
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor" / "ort"
PLAIN = (
    *("ort.jspi.min.mjs", "ort-wasm-simd-threaded.jspi.mjs"),
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs"),
)
"""Files that are stored uncompressed."""
PACKED = ("ort-wasm-simd-threaded.jspi.wasm", "ort-wasm-simd-threaded.wasm")
"""Files that are stored as .xz."""
WITHOUT_WEBGPU = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Files that a browser without WebGPU loads."""


@functools.cache
def unpacked(name: str) -> bytes:
    """Return the uncompressed content of a file of ONNX Runtime Web that is stored as .xz.

    The content is about 15 MB in size, and is cached in memory. Raises `KeyError` if ``name`` is not in
    `PACKED`.
    """
    if name not in PACKED:
        raise KeyError(name)
    return lzma.decompress((FOLDER / f"{name}.xz").read_bytes())
