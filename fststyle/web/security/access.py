"""Control access: check the Host header, the origin of requests, and the token."""

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
"""Prefixes of the paths that need no token."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""HTTP methods that other sites may use. Except for /login, no rate or size limits apply to them."""
FAILURES_PER_MINUTE = 20
"""Maximum number of requests with a wrong token per minute and client."""


def cookie_value(token: str) -> str:
    """Return the value of the cookie that replaces the token: a hash, which does not reveal the token."""
    return hashlib.sha256(f"fststyle cookie {token}".encode()).hexdigest()


def same_token(given: str, token: str) -> bool:
    """Return whether two tokens are equal. The comparison takes the same time wherever they differ."""
    return secrets.compare_digest(given.encode(), token.encode())


class Access:
    """Middleware that refuses requests from other origins, requests without the token, and WebSockets.

    - If no token is set, the host name in the Host header must be one of `LOCAL_NAMES`. This prevents DNS
      rebinding, where the name of another site resolves to 127.0.0.1.
    - Requests from other origins are refused unless their method is one of `SAFE_METHODS`. This prevents
      cross-site request forgery. The header Sec-Fetch-Site is checked, or Origin for older browsers. Requests
      with neither header, such as those of curl, are allowed.
    - If a token is set, each request needs ``Authorization: Bearer TOKEN`` or the cookie from the login page,
      except for `OPEN_PATHS`.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, failures: Rates):
        """Initialize the middleware.

        ``failures`` limits the rate of wrong tokens per client. The login page uses the same object.
        """
        self.app, self.token, self.failures = app, settings.token, failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Response(status_code=404)(scope, receive, send)
            return
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        """Return the response that refuses a request, or None for a request that is allowed."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.token is None and _name_of(host) not in LOCAL_NAMES:
            return JSONResponse({"detail": f"the host name is not one of {', '.join(LOCAL_NAMES)}"}, 421)
        if scope["method"] not in SAFE_METHODS and _cross_site(headers, host):
            return JSONResponse({"detail": "the request comes from another site"}, 403)
        if self.token is None or scope["path"].startswith(OPEN_PATHS):
            return None
        return self._without_token(scope, headers, self.token)

    def _without_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """Return None if a request has the right token or cookie, and otherwise the response that refuses it.

        GET requests for HTML are redirected to the login page. Wrong bearer tokens count as ``failures``.
        """
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
        return JSONResponse({"detail": "the request needs the token: Authorization: Bearer TOKEN"}, 401)


def too_many(wait: float) -> Response:
    """Return the response with status 429 for a client that must wait ``wait`` seconds."""
    seconds = max(1, round(wait + 0.5))
    detail = f"too many requests; try again in {seconds} seconds"
    return JSONResponse({"detail": detail}, 429, {"Retry-After": str(seconds)})


def _name_of(host: str) -> str:
    """Return the host name in a Host header, without the port, in lower case."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _cross_site(headers: Headers, host: str) -> bool:
    """Return whether a browser sent the request from a page of a different origin.

    ``host`` is the value of the Host header. Returns False if neither Sec-Fetch-Site nor Origin is sent.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _cookie(headers: Headers) -> str:
    """Return the value of the cookie `COOKIE`, or "" if there is none or the header is malformed."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
