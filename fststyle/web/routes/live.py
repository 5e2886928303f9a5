"""The Live page, a camera filter that runs in the browser, and the style list and files that it loads."""

import contextlib
import hashlib
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from fststyle import catalogue
from fststyle.errors import StyleError
from fststyle.web import ort
from fststyle.web.browser_styles import BrowserStyle, browser_style
from fststyle.web.database import JsonObject
from fststyle.web.pages import page

router = APIRouter(include_in_schema=False)

FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Headers for URLs that contain the version of the file."""


@router.get("/live")
def show(request: Request) -> HTMLResponse:
    """Show the Live page."""
    return page(request, "live.html")


@router.get("/live/styles.json")
def styles() -> dict[str, list[JsonObject]]:
    """List the styles whose files can be read. Styles that can be mixed with others come first.

    These are the styles that were trained from an included base network.
    """
    known = _usable()
    known.sort(key=lambda style: style.base_file is None)
    return {"styles": [_listed(style) for style in known]}


def _usable() -> list[BrowserStyle]:
    """Return all styles whose files can be read."""
    found = []
    for entry in catalogue.styles():
        with contextlib.suppress(StyleError):
            found.append(browser_style(entry))
    return found


def _listed(style: BrowserStyle) -> JsonObject:
    kinds = {style.float_file: "float", style.int8_file: "int8", style.base_file: "base"}
    name = quote(style.entry.name, safe="")

    def address(path: Path) -> str:
        stat = path.stat()
        version = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
        # Many styles share one base network, so its URL does not depend on the style.
        place = f"bases/{path.stem}" if kinds[path] == "base" else f"models/{name}/{kinds[path]}"
        return f"/live/{place}.onnx?v={version}"

    return style.listed(address, f"/styles/{name}/samples/cat.jpg")


@router.get("/live/models/{name}/{kind}.onnx")
def model(name: str, kind: str) -> Response:
    """Return a file of a style as ONNX. ``kind`` is "float" or "int8".

    An int8 file may refer to weights in the float file. The returned file contains these weights.
    """
    for entry in catalogue.styles():
        if entry.name == name and kind == "float":
            return FileResponse(entry.path, media_type="application/octet-stream", headers=FOREVER)
        if entry.name == name and kind == "int8" and entry.int8 is not None:
            content = catalogue.load(entry.int8)
            return Response(content, media_type="application/octet-stream", headers=FOREVER)
    raise HTTPException(404, f"no style {name[:80]!r} has a file of the kind {kind[:80]!r}")


@router.get("/live/bases/{stem}.onnx")
def base(stem: str) -> FileResponse:
    """Return the ONNX file of a base network, from which styles are trained (`catalogue.base_network`)."""
    for style in _usable():
        if style.base_file is not None and style.base_file.stem == stem:
            return FileResponse(style.base_file, media_type="application/octet-stream", headers=FOREVER)
    raise HTTPException(404, f"no base network has the file name {stem[:80]!r}")


@router.get("/static/vendor/ort/{name}.wasm")
def wasm(name: str) -> Response:
    """Return a WebAssembly file of ONNX Runtime Web, uncompressed."""
    try:
        content = ort.unpacked(f"{name}.wasm")
    except KeyError:
        raise HTTPException(404, f"no WebAssembly file is called {name[:80]}.wasm") from None
    return Response(
        content, media_type="application/wasm", headers={"Cache-Control": "private, max-age=86400"}
    )
