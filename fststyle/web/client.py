"""Identifies clients by a random number in a cookie.

It groups the jobs and the ratings of one browser. It is not a password; access is controlled by the token.
"""

import hashlib
import re
import secrets

from fastapi import Request, Response

COOKIE = "fststyle-client"


def client_from_cookie(request: Request) -> str:
    """The number of the client; empty for programs and for the first request of a browser."""
    known = request.cookies.get(COOKIE, "")
    return known if re.fullmatch(r"[0-9a-f]{32}", known) else ""


def client_of(request: Request) -> str:
    """The number of the client, or a new one, which stays the same for one request."""
    if not hasattr(request.state, "client"):
        request.state.client = client_from_cookie(request) or secrets.token_hex(16)
    found: str = request.state.client
    return found


def anonymous_id(client: str) -> str:
    """Identifier of a client in the exported votes: a hash, so that its number stays secret."""
    return hashlib.sha256(f"fststyle judge {client}".encode()).hexdigest()[:12]


def set_client_cookie(response: Response, client: str) -> None:
    """Set the cookie."""
    response.set_cookie(COOKIE, client, max_age=31_536_000, httponly=True, samesite="lax")
