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
    """Return a model of the first ``blocks`` blocks of the loss network, as an ONNX file.

    ``kind`` is "activations" or "gradient", the name of a function in `fststyle.web.loss_network`.
    """
    build = {"activations": loss_network.activations, "gradient": loss_network.gradient}.get(kind)
    if build is None or not 1 <= blocks <= len(loss_network.LAYERS):
        raise HTTPException(404, "there is no such model")
    return Response(build(blocks), media_type="application/octet-stream", headers=DAY)


@router.get("/learn/models/{name}.onnx")
def model(name: str) -> FileResponse:
    """Return an included generative model or classifier, as an ONNX file."""
    if name not in MODELS:
        raise HTTPException(404, "there is no such model")
    return FileResponse(SHIPPED / f"{name}.onnx", media_type="application/octet-stream", headers=DAY)
