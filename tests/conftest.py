"""Fixtures for every test: tiny styles in a folder of their own, so that no test sees the styles of whoever runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def style_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of styles, with `invert` and `norm` in it."""
    from tests import styles

    folder = tmp_path_factory.mktemp("styles")
    styles.save(folder, "invert", styles.inverting())
    styles.save(folder, "norm", styles.network())
    monkeypatch.setenv("FSTSTYLE_STYLES", str(folder))
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs `python -W error -m fststyle ARGS` in `tmp_path`; modules in `path` go before all others."""

    def run(*args: object, input: bytes = b"", path: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-W", "error", "-m", "fststyle", *map(str, args)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (path or REPOSITORY, REPOSITORY))), "COLUMNS": "200"}
        return subprocess.run(command, cwd=tmp_path, env=environment, input=input, capture_output=True, timeout=300, check=False)

    return run
