"""Fixtures for every test: tiny styles in a folder of their own, so that no test sees the styles of whoever
runs it.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.program_server import SUPPORTED, ProgramServer

REPOSITORY = Path(__file__).parent.parent

# In the background of a script, or under nohup, signals are ignored, and every program that a test starts and
# stops would be deaf to them too.
for _name, _usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if (_number := getattr(signal, _name, None)) is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


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
def family(style_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A base that gives the photo back, and the styles dark (half the light) and pale (100 more) made from
    it.
    """
    from fststyle import catalogue
    from tests import styles

    folder = tmp_path / "shipped"
    folder.mkdir()
    content = styles.pointwise(1, 0)
    styles.save(folder, "base", content)
    digest = hashlib.sha256(content).hexdigest()
    (folder / "catalogue.json").write_text(
        json.dumps([{"name": "base", "file": "base.onnx", "sha256": digest, "kind": "base"}])
    )
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    styles.save(style_folder, "dark", styles.pointwise(0.5, 0, digest))
    styles.save(style_folder, "pale", styles.pointwise(1, 100, digest))
    styles.save(style_folder, "stranger", styles.pointwise(1, 50))
    return digest


@pytest.fixture(scope="session")
def program_server() -> Iterator[ProgramServer]:
    with ProgramServer() as server:
        yield server


@pytest.fixture
def program(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs `python -W error -m fststyle ARGS` in `tmp_path`; modules in `path` go before all others.

    Where it can, in a process forked from one that has imported the libraries; with `path`, in a new one. One
    that hangs says where.
    """

    def run(
        *args: object, input: bytes = b"", path: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        arguments = [*map(str, args)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (path or REPOSITORY, REPOSITORY))),
            "COLUMNS": "200",
        }
        try:
            if SUPPORTED and path is None:
                server: ProgramServer = request.getfixturevalue("program_server")
                return server.run(arguments, tmp_path, environment, input, timeout=120)
            return _started(arguments, tmp_path, environment, input, timeout=120)
        except subprocess.TimeoutExpired as hung:
            pytest.fail(f"fststyle {' '.join(arguments)} hangs:\n{(hung.stderr or b'').decode()}")

    return run


def _started(
    arguments: list[str], cwd: Path, environment: dict[str, str], input: bytes, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-m", "fststyle", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=cwd, env=environment, **pipes) as process:
        try:
            out, error = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            raise subprocess.TimeoutExpired(command, timeout, *process.communicate()) from None
    return subprocess.CompletedProcess(command, process.returncode, out, error)
