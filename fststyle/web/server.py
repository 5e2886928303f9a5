"""Run the web application with uvicorn."""

import contextlib
import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import replace

import uvicorn
from fastapi import FastAPI

from fststyle.errors import InputError
from fststyle.settings import check
from fststyle.signals import deferred_interrupts
from fststyle.web import qr
from fststyle.web.app import create_app
from fststyle.web.database import Database
from fststyle.web.security.protocol import PatientProtocol
from fststyle.web.settings import ServeSettings, check_access, is_loopback

CONNECTIONS = 400
"""Maximum number of concurrent connections. Further connections get the status 503."""
ENVIRONMENT = "FSTSTYLE_TOKEN"
"""Environment variable with the token that is used if ``--token`` is not given."""


def serve(settings: ServeSettings, say: Callable[[str], None]) -> None:
    """Run the server until Ctrl-C, SIGTERM or SIGHUP.

    Without ``settings.token``, the environment variable FSTSTYLE_TOKEN is used. ``say`` is called with each
    line of output: the address, and its QR code unless the host is a loopback address.

    Raises:
        InputError: the settings are invalid or unsafe, or the address cannot be bound.
        OutputError: the data folder cannot be used.
    """
    settings = replace(settings, token=settings.token or os.environ.get(ENVIRONMENT) or None)
    check(settings)
    check_access(settings)
    Database(settings.data_folder / "fststyle.sqlite").close()
    with _bound(settings) as bound:
        address = _address(settings, bound.getsockname()[1])
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=3,
            # Proxy headers are not trusted, since a client could forge its address to evade the rate limit.
            proxy_headers=False,
        )
        app.state.address = address
        say(f"fststyle serve: {address}  (Ctrl-C stops it)")
        if not is_loopback(settings.host):
            for line in ("Phones on this network open it with this code:", *qr.text(address).splitlines()):
                say(line)
        if settings.open_browser:
            threading.Timer(1.0, webbrowser.open, (address,)).start()
        server = _Server(config, app)
        with deferred_interrupts(server.end):
            server.run(sockets=[bound])


class _Server(uvicorn.Server):
    """uvicorn server that does not handle signals, and that ends open event streams at shutdown.

    uvicorn would otherwise wait until the clients close these streams.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI):
        super().__init__(config)
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # `serve` handles signals, since an exception inside the event loop is printed with a traceback.
        yield

    def end(self) -> None:
        """Start the shutdown. It is safe to call this from a signal handler."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.parts.ending.set()
        await super().shutdown(sockets)


def _bound(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens on the host and port of the settings.

    Raises `InputError` if the address cannot be bound.
    """
    bound = None
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(found[0], socket.SOCK_STREAM)
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found[4])
        bound.listen(CONNECTIONS)  # so that clients can connect as soon as the address is printed
    except OSError as error:
        if bound is not None:
            bound.close()
        raise InputError(f"{settings.host}:{settings.port}: cannot be bound: {error.strerror}") from error
    return bound


def _own_address(host: str) -> str:
    """Return the IP address of this machine in its network, or its host name if it has no such address.

    ``host`` is the wildcard address "0.0.0.0" for IPv4 or "::" for IPv6. Connecting a UDP socket sends
    nothing: the operating system only chooses the interface. The remote addresses are reserved for
    documentation (RFC 5737, RFC 3849).
    """
    family, remote = (socket.AF_INET, "192.0.2.1") if host == "0.0.0.0" else (socket.AF_INET6, "2001:db8::1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote, 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _address(settings: ServeSettings, port: int) -> str:
    """Return the URL of the server. If there is a token, the URL contains it, and opening the URL logs in."""
    host = _own_address(settings.host) if settings.host in ("0.0.0.0", "::") else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/" + (f"login?token={settings.token}" if settings.token else "")
