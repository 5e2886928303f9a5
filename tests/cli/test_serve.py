"""`fststyle serve` at the command line: settings that are refused before it starts."""

import importlib.util
import socket
from pathlib import Path

import pytest

needs_web = pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="needs the [web] extra")


def refused(done):
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_without_fastapi_the_message_says_how_to_install_it(program, tmp_path: Path):
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "fastapi.py").write_text("raise ImportError('no fastapi', name='fastapi')")
    line = refused(program("serve", path=tmp_path / "block"))
    assert "the web application needs FastAPI, uvicorn and other packages" in line
    assert "pip install '.[web]'" in line


@needs_web
def test_address_for_other_machines_needs_a_token(program):
    line = refused(program("serve", "--host", "0.0.0.0", "--no-browser"))
    assert "other machines can reach this address, so --token is required" in line


@needs_web
def test_short_token_is_refused(program, tmp_path: Path):
    line = refused(program("serve", "--token", "secret", "--folder", tmp_path))
    assert "at least 16 characters" in line


@needs_web
def test_port_in_use_is_reported(program, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(program("serve", "--port", port, "--folder", tmp_path, "--no-browser"))
    assert f"127.0.0.1:{port}: cannot be bound" in line


@needs_web
def test_unusable_folder_is_reported(program, tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    line = refused(program("serve", "--folder", tmp_path / "file", "--no-browser"))
    assert "cannot be used as the database" in line
