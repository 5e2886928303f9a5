"""How style transfer and generative models work."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fststyle.web.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/learn")
async def show(request: Request) -> HTMLResponse:
    """The page."""
    return page(request, "learn.html")
