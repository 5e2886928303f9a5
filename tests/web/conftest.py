"""The web application with two tiny styles, in this process and as a separate process."""

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.styles import photo

WEB = "needs the extra web: pip install '.[web]'"


@pytest.fixture
def settings(style_folder: Path, tmp_path: Path) -> Any:
    from fststyle.web.settings import ServeSettings

    return ServeSettings(folder=tmp_path / "serve", requests_per_minute=100_000)


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Any]]:
    """Start an application. Returns a client for it."""
    pytest.importorskip("fastapi", reason=WEB)
    pytest.importorskip("httpx2", reason="needs the extra test: pip install '.[test]'")
    import contextlib

    from fastapi.testclient import TestClient

    from fststyle.web.app import create_app

    with contextlib.ExitStack() as stack:
        yield lambda settings, **options: stack.enter_context(
            TestClient(create_app(settings), **{"base_url": "http://127.0.0.1", **options})
        )


@pytest.fixture
def client(settings: Any, connect: Callable[[Any], Any]) -> Any:
    return connect(settings)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """A photo as a file."""

    def make(height: int = 48, width: int = 64, format: str = "PNG", seed: int = 0) -> bytes:
        file = io.BytesIO()
        Image.fromarray(photo(height, width, seed)).save(file, format)
        return file.getvalue()

    return make


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB"))


class Server:
    """`fststyle serve` as a process."""

    def __init__(self, folder: Path, *arguments: str):
        command = [sys.executable, "-W", "error", "-m", "fststyle", "serve", "--no-browser", "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(
            [*command, "--folder", str(folder), *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://([\d.]+):(\d+)/", line)
        if found is None:
            pytest.fail(line + self.process.stderr.read())
        self.address, self.port = found.group().rstrip("/"), int(found[2])

    def kill(self) -> None:
        """Like `kill -9`."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> str:
        """Like Ctrl-C. Returns the output on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[1]


@pytest.fixture
def serve(style_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts `fststyle serve` with the same data folder each time."""
    pytest.importorskip("fastapi", reason=WEB)
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        servers.append(Server(tmp_path / "serve", *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()
