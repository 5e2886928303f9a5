"""Identify clients by a random number in a cookie.

The number groups the jobs and ratings of one browser. It is not a password; the token controls access.
"""

import hashlib
import re
import secrets

from fastapi import Request, Response

COOKIE = "fststyle-client"
"""Name of the cookie that contains the client number."""


def client_from_cookie(request: Request) -> str:
    """Return the 32-digit hexadecimal client number in the cookie `COOKIE`, or "" without a valid cookie.

    The first request of a browser has no cookie. Programs such as curl usually send none.
    """
    known = request.cookies.get(COOKIE, "")
    return known if re.fullmatch(r"[0-9a-f]{32}", known) else ""


def client_of(request: Request) -> str:
    """Return the client number in the cookie, or a new random number if there is no valid cookie.

    Further calls for the same request return the same number.
    """
    if not hasattr(request.state, "client"):
        request.state.client = client_from_cookie(request) or secrets.token_hex(16)
    found: str = request.state.client
    return found


def anonymous_id(client: str) -> str:
    """Return a 12-digit hexadecimal hash of a client's number.

    It identifies the client in exported votes without revealing the number.
    """
    return hashlib.sha256(f"fststyle judge {client}".encode()).hexdigest()[:12]


def set_client_cookie(response: Response, client: str) -> None:
    """Store the number ``client`` in the cookie `COOKIE` of a response. The cookie is valid for a year."""
    response.set_cookie(COOKIE, client, max_age=31_536_000, httponly=True, samesite="lax")
