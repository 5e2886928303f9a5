"""Limit the rate of events per client with a token bucket."""

import time
from collections.abc import Callable

from starlette.types import Scope

CLIENTS = 10_000
"""When this many clients are stored, those with a full bucket are removed."""


class Rates:
    """Rate limit: allows each client ``per_minute`` events per minute on average.

    A burst may contain up to a tenth of this number of events, or up to 10 if that is more. Clients are told
    apart by the IP address in the ASGI ``scope``. ``clock`` returns a monotonic time in seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic):
        self.per_second, self.burst = per_minute / 60, max(10.0, per_minute / 10)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, scope: Scope) -> float:
        """Return the time in seconds until the client may cause another event, or 0 if it may do so now."""
        return max(0.0, (1 - self._level(_client(scope))) / self.per_second)

    def take(self, scope: Scope) -> float:
        """Count one event and return 0 if the client may cause it now.

        Otherwise, return the time in seconds that the client must wait. The event is then not counted.
        """
        client, now = _client(scope), self._clock()
        wait, level = self.wait(scope), self._level(client)
        if not wait:
            if len(self._buckets) >= CLIENTS:
                self._forget(now)
            self._buckets[client] = level - 1, now
        return wait

    def _level(self, client: str) -> float:
        """Return the number of events that the client may cause now. The number need not be an integer."""
        level, since = self._buckets.get(client, (self.burst, 0.0))
        return min(self.burst, level + (self._clock() - since) * self.per_second)

    def _forget(self, now: float) -> None:
        refill = self.burst / self.per_second
        self._buckets = {name: one for name, one in self._buckets.items() if now - one[1] < refill}


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
