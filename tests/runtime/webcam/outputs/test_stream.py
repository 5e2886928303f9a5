"""Streaming to PyAV and to plain sockets on this machine."""

import contextlib
import itertools
import socket
import threading
import time

import av
import numpy as np
import pytest

from fststyle.errors import InputError, OutputError
from fststyle.runtime.webcam.outputs import stream as stream_module
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.outputs.stream import Stream, check_url, public_url
from fststyle.runtime.webcam.view import View

COLOUR = np.array((200, 60, 30), np.uint8)
FRAME = np.broadcast_to(COLOUR, (48, 64, 3)).copy()


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


class Listener:
    """Receives frames in a thread: the latest one, and their number. Ends after ``most`` frames."""

    def __init__(self, url: str, options: dict[str, str], most: int = 10**9):
        self.count, self.latest, self.size, self.error = 0, None, None, ""
        self._thread = threading.Thread(target=self._run, args=(url, options, most), daemon=True)
        self._thread.start()

    def _run(self, url, options, most):
        try:
            with av.open(url, options=options) as container:
                for frame in itertools.islice(container.decode(video=0), most):
                    self.latest = frame.to_ndarray(format="rgb24")
                    self.count += 1
        except (av.error.FFmpegError, OSError) as error:
            self.error = str(error)


def rtmp(port: int, **changes) -> tuple[str, Listener]:
    url = f"rtmp://127.0.0.1:{port}/live/secret-key"
    return url, Listener(url, {"listen": "1", "timeout": "60"}, **changes)


def transport(port: int, **changes) -> tuple[str, Listener]:
    return f"tcp://127.0.0.1:{port}", Listener(
        f"tcp://127.0.0.1:{port}?listen=1&listen_timeout=60000", {"probesize": "20000"}, **changes
    )


def feed(stream: Stream, until, seconds: float = 60.0) -> float:
    """Send frames at 50 per second until something is true. Returns the longest time of one call."""
    longest, end = 0.0, time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "the condition was not met in time"
        begin = time.monotonic()
        stream.send(FRAME, begin)
        longest = max(longest, time.monotonic() - begin)
        time.sleep(0.02)
    return longest


@pytest.fixture
def opened():
    with contextlib.ExitStack() as stack:
        yield lambda url, notes, size=(64, 48): stack.enter_context(
            contextlib.closing(Stream(url, size, 30.0, notes.append))
        )


@pytest.mark.parametrize("listen", [rtmp, transport])
def test_listener_receives_the_frames(opened, listen):
    url, listener = listen(free_port())
    notes: list[str] = []
    stream = opened(url, notes)
    feed(stream, lambda: listener.count >= 20)
    assert np.abs(listener.latest.reshape(-1, 3).mean(0) - COLOUR).max() < 4
    assert f"stream {public_url(url)}: connected" in notes
    assert not any("secret" in note for note in notes)


def test_listener_that_vanishes_is_connected_again(opened):
    port, notes = free_port(), []
    url, first = rtmp(port, most=10)
    stream = opened(url, notes)
    feed(stream, lambda: first.count >= 10)
    feed(stream, lambda: any("reconnecting" in note for note in notes))
    _, second = rtmp(port)
    # Starting a process also delays this thread. A call that waits for the network would take seconds.
    assert feed(stream, lambda: second.count >= 10) < 0.5
    assert [note for note in notes if note.endswith(": connected")] == [
        f"stream {public_url(url)}: connected"
    ] * 2


def test_receiver_that_hangs_is_given_up_and_delays_nothing(opened, monkeypatch):
    monkeypatch.setattr(stream_module, "CONNECT_TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts connections, and reads nothing
        host, notes = f"rtmp://127.0.0.1:{server.getsockname()[1]}", []
        stream = opened(f"{host}/live/x", notes, (640, 480))
        large, longest = np.zeros((480, 640, 3), np.uint8), 0.0
        end = time.monotonic() + 30
        while not notes:
            assert time.monotonic() < end
            begin = time.monotonic()
            stream.send(large, begin)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.02)
    assert notes == [f"stream {host}: the receiver accepted no frame for 1 seconds; reconnecting"]
    assert longest < 0.5
    assert stream.dropped > 0


def test_a_receiver_that_stops_reading_is_given_up(opened, monkeypatch):
    monkeypatch.setattr(stream_module, "STALL_TIMEOUT", 1.0)
    notes: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream = opened(f"tcp://127.0.0.1:{server.getsockname()[1]}", notes, (640, 480))
        noise, end = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8), time.monotonic() + 60
        while not any("accepted no frame for 1 seconds" in note for note in notes):
            assert time.monotonic() < end, notes
            stream.send(np.roll(noise, int(end * 100) % 640, 1), time.monotonic())
            time.sleep(0.02)
    assert notes[0].endswith(": connected")


def test_dropped_frames_are_counted_in_a_note(opened, monkeypatch):
    monkeypatch.setattr(stream_module, "REPORT_INTERVAL", 0.0)
    notes: list[str] = []
    stream = opened("rtmp://127.0.0.1:9/live/x", notes)  # it connects only with the first frame
    stream.connected = True
    for stream.dropped in (1, 3):
        stream._watch()
    assert [note.partition(" is slow: ")[2] for note in notes] == ["1 frame dropped", "2 frames dropped"]


def test_nobody_who_listens_is_reported_once(opened, monkeypatch):
    monkeypatch.setattr(stream_module, "RETRY", (0.05, 0.05))
    notes: list[str] = []
    stream = opened(f"rtmp://127.0.0.1:{free_port()}/live/x", notes)
    feed(stream, lambda: notes)
    process = stream._process
    feed(stream, lambda: stream._process not in (None, process))  # another attempt
    assert len(notes) == 1
    assert "refused" in notes[0]


def test_closing_does_not_wait_for_a_receiver_that_hangs():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = Stream(f"rtmp://127.0.0.1:{server.getsockname()[1]}/live/x", (64, 48))
        stream.send(FRAME, 0.0)
        time.sleep(0.5)
        begin = time.monotonic()
        stream.close()
        assert time.monotonic() - begin < 5


def test_protocol_that_pyav_lacks_ends_the_output():
    try:
        av.open("srt://127.0.0.1:9?connect_timeout=1", "w", format="mpegts").close()
    except Exception as error:
        if type(error).__name__ != "ProtocolNotFoundError":
            pytest.skip("this build of PyAV has srt")
    outputs = Outputs(stream="srt://127.0.0.1:9")
    view = View(FRAME, 30.0, 0.0, (64, 48), "x", 0, 0.0)

    def send_until_it_fails():
        end = time.monotonic() + 20
        while time.monotonic() < end:
            outputs.send(view)
            time.sleep(0.05)

    with pytest.raises(OutputError, match="this build of PyAV does not support srt"):
        send_until_it_fails()
    outputs.send(view)  # without the stream
    outputs.close()


@pytest.mark.parametrize(
    "url", ["", "out.mp4", "rtmp:", "rtmp://", "file:///etc/passwd", "gopher://a/b", "concat:a|b", "-i"]
)
def test_other_urls_are_refused(url):
    with pytest.raises(InputError, match="--stream"):
        check_url(url)
    with pytest.raises(InputError, match="--stream"):
        Outputs(stream=url)


def test_secrets_of_a_url_are_not_shown():
    assert public_url("rtmps://me:pass@live.example:443/app/key?token=1") == "rtmps://live.example:443"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gopher://me:pass@live.example/app/key?token=1", "gopher://live.example does not begin with one of"),
        ("me:pass@live.example/app/key?token=1", "the URL does not begin with one of"),
        ("live.example/app/key?token=1", "the URL does not begin with one of"),
        ("rtmp:/app/key?token=1", "the rtmp URL contains no host"),
    ],
)
def test_error_about_a_url_contains_no_secret(url, message):
    with pytest.raises(InputError, match=rf"^--stream: {message}") as caught:
        check_url(url)
    assert not any(secret in str(caught.value) for secret in ("pass", "key", "token"))


def test_frames_of_another_size_are_refused(opened):
    stream = opened(f"udp://127.0.0.1:{free_port()}", [])
    with pytest.raises(InputError, match="64x48, not 32x48"):
        stream.send(np.zeros((48, 32, 3), np.uint8), 0.0)


def test_odd_sides_are_streamed(opened):
    url, listener = transport(free_port())
    notes: list[str] = []
    stream, end = opened(url, notes, (65, 49)), time.monotonic() + 30
    while listener.count < 5:
        assert time.monotonic() < end
        stream.send(np.zeros((49, 65, 3), np.uint8), time.monotonic())
        time.sleep(0.02)
    assert listener.latest.shape == (48, 64, 3)
