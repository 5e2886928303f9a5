"""Other devices: the address that phones open, and its QR code."""

import ipaddress
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")
pytest.importorskip("segno", reason="needs the extra web: pip install '.[web]'")

from fststyle.web import qr, server
from tests.conftest import REPOSITORY

ADDRESS = "http://192.168.1.20:8020/login?token=0123456789abcdef0123456789abcdef"


def read(modules: np.ndarray) -> str:
    """The text of a QR code, whose modules are True where dark."""
    picture = np.kron(np.pad(~modules, 4, constant_values=True), np.ones((8, 8))).astype(np.uint8) * 255
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def test_code_of_a_terminal_is_the_address():
    rows = []
    for line in qr.text(ADDRESS).splitlines():
        cells = re.sub(r"\x1b\[[\d;]*m", "", line)
        # Each character is two modules: a light upper or lower half.
        rows.append([cell in "▀█" for cell in cells])
        rows.append([cell in "▄█" for cell in cells])
    light = np.array(rows)
    assert read(~light) == ADDRESS


def test_picture_of_the_code_is_svg():
    assert qr.picture(ADDRESS).startswith("data:image/svg+xml")
    assert "<svg" in unquote(qr.picture(ADDRESS))


def test_server_for_other_machines_prints_its_address_and_the_code(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "fststyle", "serve", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--host", "0.0.0.0", "--token", "t" * 16, "--folder", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    patience = threading.Timer(120, process.kill)  # a missing line ends the test
    patience.start()
    try:
        assert process.stderr is not None
        found = re.search(r"http://([^/:]+):\d+/login\?token=t{16} ", process.stderr.readline())
        assert found is not None
        assert not ipaddress.ip_address(found[1]).is_unspecified
        assert "Phones on this network open it with" in process.stderr.readline()
        assert any(block in process.stderr.readline() for block in "▀▄█")
    finally:
        patience.cancel()
        process.kill()
        process.communicate()


def test_page_shows_the_address_or_the_command(settings, connect):
    local = connect(settings)
    assert "fststyle serve --host 0.0.0.0" in local.get("/devices").text
    shared = connect(replace(settings, host="0.0.0.0", token="a" * 16))
    shared.app.state.address = ADDRESS
    text = shared.get("/devices", headers={"Authorization": f"Bearer {'a' * 16}"}).text
    assert ADDRESS in text
    assert "data:image/svg+xml" in text
    assert "0123456789abcdef" not in shared.get("/devices").text


def test_page_shows_the_address_of_a_proxy(settings, connect):
    token = "a" * 16
    client = connect(replace(settings, token=token), base_url="http://192.168.1.20:8443")
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    assert f"https://192.168.1.20:8443/login?token={token}" in client.get("/devices", headers=headers).text
    headers["Host"] = "127.0.0.1:8020"
    assert token not in client.get("/devices", headers=headers).text


def test_fixed_host_is_printed_as_given(settings):
    printed = server._address(replace(settings, host="192.168.7.7", token="a" * 16), 99)
    assert printed == "http://192.168.7.7:99/login?token=aaaaaaaaaaaaaaaa"
    assert server._address(replace(settings, host="::1"), 99) == "http://[::1]:99/"
