"""Who sends a request: a random number in a cookie of the browser, without a name.

It groups the jobs and the ratings of one browser. It is no password: the token alone gives access.
"""

import hashlib
import re
import secrets

from fastapi import Request, Response

COOKIE = "fststyle-client"


def known_client(request: Request) -> str:
    """The number of the client; empty for programs and for the first request of a browser."""
    known = request.cookies.get(COOKIE, "")
    return known if re.fullmatch(r"[0-9a-f]{32}", known) else ""


def client_of(request: Request) -> str:
    """The number of the client, or a new one, which is the same in all calls for one request."""
    if not hasattr(request.state, "client"):
        request.state.client = known_client(request) or secrets.token_hex(16)
    found: str = request.state.client
    return found


def judge_of(client: str) -> str:
    """The client as a judge in the exported votes, from which its number cannot be computed."""
    return hashlib.sha256(f"fststyle judge {client}".encode()).hexdigest()[:12]


def remember(response: Response, client: str) -> None:
    """Set the cookie."""
    response.set_cookie(COOKIE, client, max_age=31_536_000, httponly=True, samesite="lax")
