"""API of the style library."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool

from fststyle.web.names import label
from fststyle.web.routes.api.schemas import Parts, StyleInfo, style_info
from fststyle.web.uploaded_style import MAX_BYTES

router = APIRouter()


@router.get("/styles", tags=["styles"])
def list_styles(
    parts: Parts, q: str = "", sort: Literal["rating", "name", "year"] = "name"
) -> list[StyleInfo]:
    """List the styles that match each word of ``q``, or all styles if it is empty."""
    return [style_info(card) for card in parts.library.cards(q, sort)]


@router.post("/styles", tags=["styles"], status_code=201)
async def upload_style(
    parts: Parts,
    file: Annotated[UploadFile, File(description="A style file (.onnx).")],
    name: Annotated[str, Form(max_length=64)] = "",
) -> StyleInfo:
    """Add a style file to the library. It is first validated in a separate process."""
    content = await file.read(MAX_BYTES + 1)
    added = await run_in_threadpool(parts.library.upload, content, name or label(file.filename, "style"))
    return style_info(await run_in_threadpool(parts.library.card, added))


@router.delete("/styles/{name}", tags=["styles"], status_code=204)
def delete_style(parts: Parts, name: str) -> None:
    """Delete a style and its ratings. Styles that are included in fststyle cannot be deleted."""
    parts.library.delete(name)
