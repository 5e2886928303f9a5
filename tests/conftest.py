"""Fixtures for all tests: tiny styles in a separate folder, so that the styles of the user are not used."""

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

# Background jobs of a script, and programs under nohup, ignore signals. The programs that tests start would
# inherit this.
for _name, _usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if (_number := getattr(signal, _name, None)) is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@pytest.fixture
def style_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's styles, with the styles `invert` and `norm`."""
    from tests import styles

    folder = tmp_path_factory.mktemp("styles")
    styles.save(folder, "invert", styles.inverting())
    styles.save(folder, "norm", styles.network())
    monkeypatch.setenv("FSTSTYLE_STYLES", str(folder))
    return folder


@pytest.fixture
def family(style_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A base network that reproduces the photo, and two styles derived from it: dark (half the brightness)
    and pale (100 levels brighter).
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
    """Run `python -W error -m fststyle ARGS` in `tmp_path`. Modules in `path` take precedence over installed
    ones.

    Without `path`, the process is forked from one that has already imported the libraries, where the system
    supports it. If it hangs, the error contains the stack trace.
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
