"""The Learn page, with lessons about style transfer and generative models, and the models for the browser."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from fststyle import catalogue
from fststyle.catalogue import SHIPPED
from fststyle.settings import to_name
from fststyle.web import loss_network
from fststyle.web.pages import STATIC, page

router = APIRouter(include_in_schema=False)

MODELS = ("mnist-wgan-gp", "mnist-vae", "mnist-vae-encoder", "mnist-classifier", "paintings")
DAY = {"Cache-Control": "private, max-age=86400"}


@router.get("/learn")
def show(request: Request) -> HTMLResponse:
    """Show the Learn page."""
    titles = {to_name(entry.title): entry.title for entry in catalogue.styles() if entry.shipped}
    files = sorted((STATIC / "app" / "paintings").glob("*.jpg"))
    paintings = {path.stem: titles.get(path.stem, path.stem) for path in files}
    return page(request, "learn.html", paintings=paintings)


@router.get("/learn/{kind}-{blocks}.onnx")
def network(kind: str, blocks: int) -> Response:
    """Return an ONNX file of the first 1 to 4 blocks of the loss network.

    ``blocks`` is the number of blocks. ``kind`` is "activations" or "gradient", the name of the function in
    `fststyle.web.loss_network` that builds the file.
    """
    build = {"activations": loss_network.activations, "gradient": loss_network.gradient}.get(kind)
    if build is None or not 1 <= blocks <= len(loss_network.LAYERS):
        raise HTTPException(404, f"no part of the loss network is called {kind[:80]}-{blocks}.onnx")
    return Response(build(blocks), media_type="application/octet-stream", headers=DAY)


@router.get("/learn/models/{name}.onnx")
def model(name: str) -> FileResponse:
    """Return an included generative model or classifier, one of `MODELS`, as an ONNX file."""
    if name not in MODELS:
        raise HTTPException(404, f"no included model for the lessons is called {name[:80]!r}")
    return FileResponse(SHIPPED / f"{name}.onnx", media_type="application/octet-stream", headers=DAY)
