"""The process of `fststyle serve`."""

import sys

import pytest

from fststyle.signals import ending


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", ending())
def test_signal_ends_the_server(serve, number):
    server = serve()
    server.process.send_signal(number)
    said = server.process.communicate(timeout=60)[1]
    assert server.process.returncode == 128 + number
    assert "Traceback" not in said
