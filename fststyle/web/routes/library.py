"""The Library page, the page of each style, and its files."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, Response

from fststyle.web.errors import NotFoundError
from fststyle.web.library import PHOTOS, SORTS
from fststyle.web.names import disposition, label
from fststyle.web.pages import page
from fststyle.web.state import State, state
from fststyle.web.uploaded_style import MAX_BYTES

router = APIRouter(include_in_schema=False)
Parts = Annotated[State, Depends(state)]
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Headers for URLs that contain the version of the file."""


@router.get("/")
def show(request: Request, parts: Parts, q: str = "", sort: str = "rating") -> HTMLResponse:
    """Show the Library page, with the styles that match a search."""
    cards = parts.library.cards(q, sort)
    return page(request, "library.html", cards=cards, q=q, sort=sort, sorts=SORTS)


@router.get("/library/cards")
def cards(request: Request, parts: Parts, q: str = "", sort: str = "rating") -> HTMLResponse:
    """Return the cards of the styles that match a search, without the rest of the page.

    The header HX-Replace-Url makes htmx show the URL of the search in the address bar.
    """
    response = page(request, "cards.html", cards=parts.library.cards(q, sort))
    query = {"q": q} if q else {}
    query |= {"sort": sort} if sort != "rating" else {}
    response.headers["HX-Replace-Url"] = f"/?{urlencode(query)}" if query else "/"
    return response


@router.post("/library/upload")
async def upload(
    request: Request,
    parts: Parts,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form(max_length=64)] = "",
) -> HTMLResponse:
    """Add a style file to the library, and return the cards of all styles, without the rest of the page."""
    content = await file.read(MAX_BYTES + 1)
    await run_in_threadpool(parts.library.upload, content, name or label(file.filename, "style"))
    return page(request, "cards.html", cards=await run_in_threadpool(parts.library.cards))


@router.get("/styles/{name}")
def show_style(request: Request, parts: Parts, name: str) -> HTMLResponse:
    """Show the page of one style."""
    return page(request, "style.html", card=parts.library.card(name), photos=PHOTOS)


@router.delete("/styles/{name}")
def delete(parts: Parts, name: str) -> Response:
    """Delete one of the user's styles. The response is empty, so that htmx removes the card."""
    parts.library.delete(name)
    return HTMLResponse("")


@router.get("/styles/{name}/style.onnx")
def download(parts: Parts, name: str) -> FileResponse:
    """Download the style file, not its int8 version."""
    entry = parts.library.entry(name)
    return FileResponse(
        entry.path,
        media_type="application/octet-stream",
        headers={"Content-Disposition": disposition(f"{name}.onnx")},
    )


@router.get("/styles/{name}/samples/{photo}.jpg")
async def sample(parts: Parts, name: str, photo: str) -> FileResponse:
    """Return a sample of the style: an included photo, stylized in it, as JPEG."""
    file = await run_in_threadpool(parts.library.sample, name, photo)
    return FileResponse(file, media_type="image/jpeg", headers=FOREVER)


@router.get("/styles/{name}/painting.jpg")
def painting(parts: Parts, name: str) -> FileResponse:
    """Return an image of the style's painting as JPEG."""
    file = parts.library.painting(name)
    if file is None:
        raise NotFoundError("there is no image of this style's painting")
    return FileResponse(file, media_type="image/jpeg", headers=FOREVER)
