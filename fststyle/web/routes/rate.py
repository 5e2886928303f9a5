"""The Rate page, with blind comparisons of styles."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import FileResponse, HTMLResponse

from fststyle.web.client import anonymous_id, client_of
from fststyle.web.errors import NotFoundError
from fststyle.web.library import PHOTOS
from fststyle.web.pages import page
from fststyle.web.state import State, state

router = APIRouter(include_in_schema=False)
Parts = Annotated[State, Depends(state)]


@router.get("/rate")
def show(request: Request, parts: Parts) -> HTMLResponse:
    """Show the Rate page, with a new comparison and the ranking."""
    return _with_sheet(request, parts, "rate.html")


@router.post("/rate/{sheet}")
def vote(
    request: Request, parts: Parts, sheet: str, choice: Annotated[str, Form(max_length=3)]
) -> HTMLResponse:
    """Store a vote ("A", "B" or "tie"), and return the next comparison and the ranking."""
    parts.ratings.vote(sheet, choice, anonymous_id(client_of(request)))
    return _with_sheet(request, parts, "comparison.html")


@router.get("/rate/{sheet}/painting-{side}.jpg")
def painting(parts: Parts, sheet: str, side: Literal["a", "b"]) -> FileResponse:
    """Return the painting of style A or B of a comparison."""
    found = parts.ratings.sheet(sheet)
    file = parts.library.painting(found.a if side == "a" else found.b)
    if file is None:
        raise NotFoundError("there is no image of this style's painting")
    return FileResponse(file, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/rate/{sheet}/{side}.jpg")
def picture(parts: Parts, sheet: str, side: Literal["a", "b"]) -> FileResponse:
    """Return image A or B of a comparison. The URL does not reveal its style."""
    found = parts.ratings.sheet(sheet)
    file = parts.library.sample(found.a if side == "a" else found.b, found.photo)
    return FileResponse(file, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def _with_sheet(request: Request, parts: State, template: str) -> HTMLResponse:
    cards = {card.name: card for card in parts.library.cards() if not card.damaged}
    sheet = None
    if len(cards) > 1:
        sheet = parts.ratings.new_sheet({name: card.title for name, card in cards.items()}, PHOTOS)
    return page(
        request,
        template,
        sheet=sheet,
        cards=cards,
        ranking=parts.ratings.ranking(),
        votes=len(parts.ratings.votes()),
        photos=PHOTOS,
    )
