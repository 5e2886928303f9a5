"""The login page of a server with a token."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from fststyle.web.pages import page
from fststyle.web.security.access import COOKIE, cookie_value, same_token
from fststyle.web.settings import ServeSettings

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def show(request: Request, token: str = "") -> Response:
    """The page. ``token`` is that of the address which the server prints at its start."""
    settings: ServeSettings = request.app.state.settings
    if settings.token is None:
        return RedirectResponse("/", 303)
    if token and same_token(token, settings.token):
        return _entered(settings.token)
    return page(request, "login.html", 401 if token else 200, wrong=bool(token))


@router.post("/login")
async def enter(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Exchange the token for a cookie."""
    settings: ServeSettings = request.app.state.settings
    if settings.token is not None and not same_token(token, settings.token):
        return page(request, "login.html", 401, wrong=True)
    return _entered(settings.token or "")


def _entered(token: str) -> Response:
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, cookie_value(token), max_age=31_536_000, httponly=True, samesite="strict")
    return response
