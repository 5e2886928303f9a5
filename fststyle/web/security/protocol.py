"""Close HTTP connections that do not send a complete request header."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0
"""Interval in seconds between checks of a connection.

A connection that waits for a complete request header is closed after one to two intervals.
"""


class PatientProtocol(H11Protocol):
    """HTTP protocol of uvicorn with a time limit for request headers.

    uvicorn closes connections that are idle after a response, but not connections where the header arrives
    one byte at a time. A few hundred of these would use up all connections. Each connection is therefore
    checked every ``seconds`` seconds (`HEADER_SECONDS`), and closed if it has waited for a complete request
    header since the previous check.
    """

    seconds = HEADER_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for the checks."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._seen: object = None
        self._timer = self.loop.call_later(self.seconds, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer for the checks."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        """Close the connection if no request has started since the last check and none is in progress."""
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self._timer = self.loop.call_later(self.seconds, self._check)
