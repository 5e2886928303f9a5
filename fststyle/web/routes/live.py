"""The camera filter in the browser."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fststyle.web.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/live")
async def show(request: Request) -> HTMLResponse:
    """The page."""
    return page(request, "live.html")
