"""`fststyle serve`: run the web application."""

import importlib

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.errors import missing_packages
from fststyle.web.settings import ServeSettings

INSTALL_WEB = "in a clone of fststyle: pip install '.[web]'"


def register(app: typer.Typer) -> None:
    """Add the ``serve`` command to ``app``."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(ServeSettings)
    def serve(settings: ServeSettings) -> None:
        """Run the web application: a style library, stylization, training, ratings and an HTTP API.

        For access from other machines, use --host 0.0.0.0 --token SECRET. Connections are not encrypted; on
        an untrusted network, put a reverse proxy with TLS in front.
        """
        with missing_packages(
            f"the web application needs FastAPI, uvicorn and other packages; {INSTALL_WEB}"
        ):
            server = importlib.import_module("fststyle.web.server")
        server.serve(settings, streams.note)
