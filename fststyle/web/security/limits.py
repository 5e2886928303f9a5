"""Limit the rate of requests, the size of their bodies, and pauses during uploads."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fststyle.web.security.access import SAFE_METHODS, too_many
from fststyle.web.security.rates import Rates
from fststyle.web.settings import ServeSettings

MAX_PARALLEL_BODIES = 4
"""Maximum total size of concurrent uploads, as a multiple of the maximum body size."""


class Limits:
    """Middleware that limits what clients can send.

    It applies to all requests for /login, and to other requests unless their method is one of `SAFE_METHODS`.

    - ``requests_per_minute`` limits the rate of requests per client (status 429).
    - ``max_bytes`` limits the size of a request body (status 413). With a Content-Length, a body is refused
      before it is read.
    - `MAX_PARALLEL_BODIES` times ``max_bytes`` limits the total size of concurrent bodies (status 503). A
      body without a Content-Length counts as ``max_bytes``.
    - ``upload_timeout`` limits the time between two parts of a body, in seconds (status 408).
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings):
        self.app, self.max_bytes, self.timeout = app, settings.max_bytes, settings.upload_timeout
        self.rates = Rates(settings.requests_per_minute)
        self.arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"] in SAFE_METHODS and scope["path"] != "/login"):
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length")
        length = int(declared) if declared and declared.isdigit() else None
        reserved = self.max_bytes if length is None else length
        if refused := self._refused(scope, reserved):
            await refused(scope, receive, send)
            return
        self.arriving += reserved
        body = _Body(receive, self.max_bytes, self.timeout)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.arriving -= reserved

    def _refused(self, scope: Scope, reserved: int) -> Response | None:
        """Return the response that refuses a request, or None if the request is allowed.

        ``reserved`` is the size in bytes that the body counts as. This method also counts the
        request for the rate limit.
        """
        if wait := self.rates.take(scope):
            return too_many(wait)
        if reserved > self.max_bytes:
            return JSONResponse({"detail": _too_large(self.max_bytes)}, 413, {"Connection": "close"})
        if self.arriving + reserved > MAX_PARALLEL_BODIES * self.max_bytes:
            return JSONResponse(
                {"detail": "too many uploads at the same time; try again later"},
                503,
                {"Retry-After": "5", "Connection": "close"},
            )
        return None


class _Body:
    """Receiver for the body of one request, which limits the size of the body and the pauses in it.

    ``max_bytes`` is the maximum size, and ``timeout`` the maximum pause in seconds.
    """

    def __init__(self, receive: Receive, max_bytes: int, timeout: float):
        self._receive, self._left, self._max_bytes, self._timeout = receive, max_bytes, max_bytes, timeout
        self._complete = False

    async def receive(self) -> Message:
        """Return the next ASGI message.

        Raises `HTTPException` with status 408 after a pause that is too long, and 413 for a body that is too
        large.
        """
        if self._complete:  # only a disconnection can follow
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._timeout)
        except asyncio.TimeoutError:
            detail = f"the upload timed out: no data for {self._timeout:g} seconds"
            raise HTTPException(408, detail, {"Connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._left < 0:
            raise HTTPException(413, _too_large(self._max_bytes), {"Connection": "close"})
        return message


def _too_large(max_bytes: int) -> str:
    return f"the upload is larger than {max_bytes // 1_000_000} MB"
