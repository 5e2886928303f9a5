"""The login page of a server with a token."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from fststyle.web.pages import page
from fststyle.web.security.access import COOKIE, cookie_value, same_token
from fststyle.web.security.rates import Rates
from fststyle.web.settings import ServeSettings

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def show(request: Request, token: str = "") -> Response:
    """Show the login page, or log in with the ``token`` in the URL. `fststyle serve` prints such a URL.

    A server without a token redirects to the Library page.
    """
    if token or request.app.state.settings.token is None:
        return _try(request, token)
    return page(request, "login.html", problem="")


@router.post("/login")
async def enter(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Log in with the token: set the cookie that later requests need, and redirect to the Library page.

    After a wrong token, or too many wrong tokens from this client, it shows the login page with the reason.
    """
    return _try(request, token)


def _try(request: Request, given: str) -> Response:
    settings: ServeSettings = request.app.state.settings
    failures: Rates = request.app.state.failures
    response = RedirectResponse("/", 303)
    if settings.token is None:
        return response
    if wait := failures.wait(request.scope):
        problem = f"Too many wrong tokens. Try again in {max(1, round(wait + 0.5))} seconds."
        return page(request, "login.html", 429, problem=problem)
    if not same_token(given, settings.token):
        failures.take(request.scope)
        return page(request, "login.html", 401, problem="The token is wrong.")
    response.set_cookie(
        COOKIE, cookie_value(settings.token), max_age=31_536_000, httponly=True, samesite="lax"
    )
    return response
