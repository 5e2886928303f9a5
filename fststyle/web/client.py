"""Identify clients by a random number in a cookie.

The number groups the jobs and ratings of one browser. It is not a password; the token controls access.
"""

import hashlib
import re
import secrets

from fastapi import Request, Response

COOKIE = "fststyle-client"
"""Name of the cookie."""


def client_from_cookie(request: Request) -> str:
    """Return the number in the client cookie, or "" without one: in the first request of a browser and in
    requests of programs.
    """
    known = request.cookies.get(COOKIE, "")
    return known if re.fullmatch(r"[0-9a-f]{32}", known) else ""


def client_of(request: Request) -> str:
    """Return the number in the client cookie. Without one, return a new number, which is the same for the
    rest of the request.
    """
    if not hasattr(request.state, "client"):
        request.state.client = client_from_cookie(request) or secrets.token_hex(16)
    found: str = request.state.client
    return found


def anonymous_id(client: str) -> str:
    """Return a hash of the number of a client, which identifies the client in exported votes. The number
    itself stays secret.
    """
    return hashlib.sha256(f"fststyle judge {client}".encode()).hexdigest()[:12]


def set_client_cookie(response: Response, client: str) -> None:
    """Set the client cookie on a response. It is valid for a year."""
    response.set_cookie(COOKIE, client, max_age=31_536_000, httponly=True, samesite="lax")
