"""The program with OSC, sound and a stream, as in a performance."""

import contextlib
import socket
import subprocess
import sys
import time

import pytest

from tests import clips
from tests.runtime.webcam.controls.sounds import kicks, write
from tests.runtime.webcam.outputs.test_stream import free_port, transport

pytestmark = pytest.mark.usefixtures("style_folder")


@pytest.fixture
def clip(tmp_path):
    return str(clips.write(tmp_path / "in.mp4", list(range(0, 2000, 40)), sound=None))


def test_show(clip, tmp_path):
    pytest.importorskip("pythonosc", reason="needs python-osc (the extra stage)")
    from pythonosc.osc_message import OscMessage
    from pythonosc.udp_client import SimpleUDPClient

    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as target:
        target.bind(("127.0.0.1", 0))
        target.settimeout(0.2)
        port, (url, listener) = free_port(), transport(free_port())
        sound = write(tmp_path / "kicks.wav", kicks(120))
        command = [sys.executable, "-m", "fststyle", "webcam", "--camera", clip, "--style", "invert"]
        command += ["--headless", "--device", "cpu", "--osc", str(port), "--stream", url]
        command += ["--osc-out", f"127.0.0.1:{target.getsockname()[1]}"]
        command += ["--audio", str(sound), "--follow", "brush=beat:1:2"]
        running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        client, found = SimpleUDPClient("127.0.0.1", port), {}
        end = time.monotonic() + 60
        try:
            while found.get("shown") != "norm" or not found.get("audio/bpm") or listener.count < 10:
                assert time.monotonic() < end, found
                assert running.poll() is None, running.stderr.read()
                client.send_message("/fststyle/style", "norm")
                client.send_message("/fststyle/strength", float("nan"))
                with contextlib.suppress(TimeoutError):
                    message = OscMessage(target.recv(65535))
                    found[message.address.removeprefix("/fststyle/")] = message.params[0]
        finally:
            client._sock.close()
            running.terminate()
            told = running.communicate(timeout=30)[1]
    assert running.returncode == 143
    assert found["style"] == "norm"
    assert found["audio/bpm"] == pytest.approx(120, abs=2)
    assert f"OSC: listening on 127.0.0.1:{port}" in told
    assert told.count("nan is not between 0 and 2") == 1
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stream", "out.mp4"], "--stream"),
        (["--osc", "70000"], "--osc"),
        (["--osc-out", "9000"], "--osc-out"),
        (["--learn", "mix"], "--learn needs --midi"),
        (["--audio", "in.mp4"], "has no audio"),
        (["--audio", "in.mp4", "--follow", "mix"], "--follow"),
        (["--spout"], "--spout"),
        (["--syphon"], "--syphon"),
    ],
)
def test_wrong_settings_are_one_line(clip, program, tmp_path, arguments, said):
    if arguments[0].lstrip("-") in ("spout", "syphon") and not sys.platform.startswith("linux"):
        pytest.skip("it may work here")
    done = program(
        "webcam", "--camera", clip, "--style", "invert", "--headless", "--seconds", "1", *arguments
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert said in done.stderr.decode()
