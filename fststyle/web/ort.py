"""The files of ONNX Runtime for the browser. Does not import FastAPI: `fststyle export-web` copies them.

There are two builds. The one with WebGPU (and WebAssembly) needs a browser with JavaScript Promise
Integration; the other has WebAssembly alone and works in all browsers. Both use the same script. The
``.wasm`` files are stored as .xz: 4.8 MB instead of 31 MB.
"""

import functools
import lzma
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor" / "ort"
PLAIN = ("ort.jspi.min.mjs", "ort-wasm-simd-threaded.jspi.mjs", "ort-wasm-simd-threaded.mjs")
PACKED = ("ort-wasm-simd-threaded.jspi.wasm", "ort-wasm-simd-threaded.wasm")


@functools.cache
def unpacked(name: str) -> bytes:
    """The content of one of `PACKED`, about 15 MB. It stays in memory."""
    if name not in PACKED:
        raise KeyError(name)
    return lzma.decompress((FOLDER / f"{name}.xz").read_bytes())
