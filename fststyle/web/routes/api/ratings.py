"""API of star ratings, blind votes and the ranking."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from fststyle.web.client import anonymous_id, client_of, set_client_cookie
from fststyle.web.database import JsonObject
from fststyle.web.names import disposition
from fststyle.web.painting import checked_style
from fststyle.web.routes.api.schemas import Parts

router = APIRouter()


class Ranked(BaseModel):
    """A style with its Bradley-Terry strength: its log odds of being preferred to an average style."""

    style: str
    strength: float


@router.post("/ratings", tags=["ratings"], status_code=201)
def rate(
    request: Request,
    parts: Parts,
    style: Annotated[str, Form(max_length=400)],
    stars: Annotated[int, Form(ge=1, le=5)],
) -> JSONResponse:
    """Rate a style, or each style of a mixture, with 1 to 5 stars."""
    client = client_of(request)
    for part in checked_style(style).split(","):
        parts.ratings.rate(part.partition(":")[0], stars, anonymous_id(client), {"style": style})
    response = JSONResponse({"style": style, "stars": stars}, 201)
    set_client_cookie(response, client)
    return response


@router.get("/ranking", tags=["ratings"])
def ranking(parts: Parts) -> list[Ranked]:
    """Return the styles ranked by blind comparisons, best first."""
    return [Ranked(style=name, strength=value) for name, value in parts.ratings.ranking().items()]


@router.get("/votes.csv", tags=["ratings"], response_class=Response)
def votes_csv(parts: Parts) -> Response:
    """Download the votes of the blind comparisons as CSV with the columns sheet, choice and judge.

    `bench/blind.py score` evaluates them together with the key from /api/votes-key.json.
    """
    headers = {"Content-Disposition": disposition("votes.csv")}
    return Response(parts.ratings.votes_csv(), media_type="text/csv", headers=headers)


@router.get("/votes.json", tags=["ratings"])
def votes_json(parts: Parts) -> list[dict[str, str]]:
    """Return the votes of the blind comparisons as JSON, oldest first."""
    return parts.ratings.votes()


@router.get("/votes-key.json", tags=["ratings"])
def votes_key(parts: Parts) -> JsonObject:
    """Return the key of the votes: the styles A and B of each comparison with a vote."""
    return parts.ratings.key()
