"""The Paint page, which stylizes photos and videos."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from fststyle.web.pages import page
from fststyle.web.state import State, state

router = APIRouter(include_in_schema=False)


@router.get("/paint")
def show(request: Request, parts: Annotated[State, Depends(state)], style: str = "") -> HTMLResponse:
    """Show the Paint page with ``style`` selected, or with a default style if it is "" or does not exist."""
    cards = [card for card in parts.library.cards(sort="name") if not card.damaged]
    names = [card.name for card in cards]
    count = Counter(card.title for card in cards)
    titles = {
        card.name: card.title if count[card.title] == 1 else f"{card.title} ({card.name})" for card in cards
    }
    preferred = [style, "starry-night", *names]
    chosen = next((name for name in preferred if name in names), "")
    return page(
        request,
        "paint.html",
        cards=cards,
        titles=titles,
        chosen=chosen,
        limits=parts.settings,
    )
