"""Stylize photos and videos."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from fststyle.web.pages import page
from fststyle.web.state import PAINT_KINDS, State, state

router = APIRouter(include_in_schema=False)


@router.get("/paint")
def show(request: Request, parts: Annotated[State, Depends(state)], style: str = "") -> HTMLResponse:
    """The page. ``style`` is chosen at the beginning."""
    cards = [card for card in parts.library.cards(sort="name") if not card.damaged]
    names = [card.name for card in cards]
    preferred = [style, "starry-night", *names]
    chosen = next((name for name in preferred if name in names), "")
    return page(
        request,
        "paint.html",
        cards=cards,
        chosen=chosen,
        jobs=parts.jobs.all(PAINT_KINDS)[:10],
        limits=parts.settings,
    )
