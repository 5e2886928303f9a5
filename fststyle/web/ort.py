"""The files of ONNX Runtime for the browser. Does not import FastAPI: `fststyle export-web` copies them.

There are two builds, each of a script and a WebAssembly module with its loader. The one with WebGPU needs
a browser with JavaScript Promise Integration, which Safari lacks; the other works in all browsers. The
``.wasm`` files are stored as .xz: 4.8 MB instead of 31 MB.
"""

import functools
import lzma
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor" / "ort"
PLAIN = (
    *("ort.jspi.min.mjs", "ort-wasm-simd-threaded.jspi.mjs"),
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs"),
)
PACKED = ("ort-wasm-simd-threaded.jspi.wasm", "ort-wasm-simd-threaded.wasm")
WITHOUT_WEBGPU = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


@functools.cache
def unpacked(name: str) -> bytes:
    """The content of one of `PACKED`, about 15 MB. It stays in memory."""
    if name not in PACKED:
        raise KeyError(name)
    return lzma.decompress((FOLDER / f"{name}.xz").read_bytes())
