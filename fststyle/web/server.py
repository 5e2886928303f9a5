"""Runs the application with uvicorn."""

import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from fststyle.errors import InputError
from fststyle.settings import check
from fststyle.web.app import create_app
from fststyle.web.database import Database
from fststyle.web.security.protocol import PatientProtocol
from fststyle.web.settings import ServeSettings, check_access

CONNECTIONS = 400
"""Connections at the same time; further ones get the status 503."""
ENVIRONMENT = "FSTSTYLE_TOKEN"


def serve(settings: ServeSettings, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. ``say`` is called with the address.

    Raises `InputError` for settings that are wrong or unsafe, or an address that cannot be bound, and
    `OutputError` for a data folder that cannot be used.
    """
    settings = replace(settings, token=settings.token or os.environ.get(ENVIRONMENT) or None)
    check(settings)
    check_access(settings)
    Database(settings.data_folder / "fststyle.sqlite").close()
    bound = _bound(settings)
    address = _address(settings, bound.getsockname()[1])
    config = uvicorn.Config(
        create_app(settings),
        http=PatientProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=3,
        # Headers of a proxy are not believed: they would let a client choose its address for the rate limit.
        proxy_headers=False,
    )
    say(f"fststyle serve: {address}  (Ctrl-C ends it)")
    if settings.open_browser:
        threading.Timer(1.0, webbrowser.open, (address,)).start()
    with bound:
        uvicorn.Server(config).run(sockets=[bound])


def _bound(settings: ServeSettings) -> socket.socket:
    """A socket bound to the address. Raises `InputError`."""
    bound = None
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(found[0], socket.SOCK_STREAM)
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found[4])
        bound.listen(CONNECTIONS)  # a client that reads the address may connect at once
    except OSError as error:
        if bound is not None:
            bound.close()
        raise InputError(f"{settings.host}:{settings.port}: cannot be bound: {error.strerror}") from error
    return bound


def _address(settings: ServeSettings, port: int) -> str:
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/" + (f"login?token={settings.token}" if settings.token else "")
