"""Who rates: a random number in a cookie, without a name."""

import re
import secrets

from fastapi import Request, Response

COOKIE = "fststyle-judge"


def judge_of(request: Request) -> str:
    """The number of the client, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if re.fullmatch(r"[0-9a-f]{12}", known) else secrets.token_hex(6)


def remember(response: Response, judge: str) -> None:
    """Set the cookie."""
    response.set_cookie(COOKIE, judge, max_age=31_536_000, httponly=True, samesite="strict")
