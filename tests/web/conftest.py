"""The application with two tiny styles, and a client for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def settings(style_folder: Path, tmp_path: Path) -> Any:
    from fststyle.web.settings import ServeSettings

    return ServeSettings(folder=tmp_path / "serve")


@pytest.fixture
def client(settings: Any) -> Iterator[Any]:
    pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")
    pytest.importorskip("httpx2", reason="needs the extra test: pip install '.[test]'")
    from fastapi.testclient import TestClient

    from fststyle.web.app import create_app

    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield client
