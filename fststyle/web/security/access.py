"""Access control: the Host header, cross-site requests, and the token."""

import hashlib
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fststyle.web.security.rates import Rates
from fststyle.web.settings import LOCAL_NAMES, ServeSettings

COOKIE = "fststyle"
"""Name of the cookie that replaces the token in a browser."""
OPEN_PATHS = ("/login", "/static/")
"""Paths that need no token."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FAILURES_PER_MINUTE = 20
"""Maximum number of requests with a wrong token per minute and client."""


def cookie_value(token: str) -> str:
    """Value of the cookie for a token; the token cannot be computed from it."""
    return hashlib.sha256(f"fststyle cookie {token}".encode()).hexdigest()


def same_token(given: str, token: str) -> bool:
    """Whether two tokens are equal, in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode(), token.encode())


class Access:
    """Refuses requests of other sites and requests without the token.

    - Without a token, the Host header must name this machine, to prevent DNS rebinding (the name of another
      site may resolve to 127.0.0.1).
    - State-changing requests from other sites are refused (cross-site request forgery), by Sec-Fetch-Site, or
      by Origin for older browsers. Other programs send neither header and are not affected.
    - With a token, each request needs it as ``Authorization: Bearer TOKEN`` or as the cookie of the login
      page.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, failures: Rates):
        """``failures`` counts wrong tokens, here and on the login page."""
        self.app, self.token, self.failures = app, settings.token, failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Response(status_code=404)(scope, receive, send)
            return
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.token is None and _name_of(host) not in LOCAL_NAMES:
            return JSONResponse({"detail": "unknown host name"}, 421)
        if scope["method"] not in SAFE_METHODS and _cross_site(headers, host):
            return JSONResponse({"detail": "the request comes from another site"}, 403)
        if self.token is None or scope["path"].startswith(OPEN_PATHS):
            return None
        return self._without_token(scope, headers, self.token)

    def _without_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """The response to a request without the token, or None."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            wait = self.failures.wait(scope)
            if wait:
                return too_many(wait)
            if same_token(given.strip(), token):
                return None
            self.failures.take(scope)
            return JSONResponse({"detail": "the token is wrong"}, 401)
        if same_token(_cookie(headers), cookie_value(token)):
            return None
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return JSONResponse({"detail": "needs the token: Authorization: Bearer TOKEN"}, 401)


def too_many(wait: float) -> Response:
    """The response to a client that sends requests too fast."""
    seconds = max(1, round(wait + 0.5))
    detail = f"too many requests; try again in {seconds} seconds"
    return JSONResponse({"detail": detail}, 429, {"Retry-After": str(seconds)})


def _name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _cross_site(headers: Headers, host: str) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _cookie(headers: Headers) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
