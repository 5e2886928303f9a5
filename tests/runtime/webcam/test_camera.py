"""Cameras, with a substitute for those of OpenCV."""

import http.server
import io
import itertools
import threading
import time

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError
from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.webcam import camera as camera_module
from fststyle.runtime.webcam.camera import Camera
from fststyle.runtime.webcam.window import _Window, key_character
from tests import clips


class Driver:
    """Gives `pictures` frames and then none, at once (``unplugged``) or by never answering until `answer` is
    set.
    """

    def __init__(self, pictures: int, unplugged: bool):
        self.left, self.unplugged, self.answer, self.released = pictures, unplugged, threading.Event(), False

    def __call__(self, source: object) -> "Driver":
        self.source = source
        return self

    def read(self):
        time.sleep(0.005)
        if self.left <= 0:
            if not self.unplugged:
                self.answer.wait(10)
            return False, None
        self.left -= 1
        return True, np.zeros((32, 32, 3), np.uint8)

    def isOpened(self):
        return True

    def get(self, what):
        return 30.0

    def set(self, what, value):
        return True

    def release(self):
        self.released = True


@pytest.fixture
def plugged(monkeypatch):
    def plug(pictures, unplugged=True):
        driver = Driver(pictures, unplugged)
        monkeypatch.setattr(cv2, "VideoCapture", driver)
        return driver

    return plug


def test_file_is_played_in_real_time(tmp_path):
    camera = Camera(str(clips.write(tmp_path / "holds.mp4", [0, 40, 80, 480, 520], sound=None)), repeat=False)
    taken = [camera.newest(-1)]
    while (one := camera.newest(taken[-1].number)) is not None:
        taken.append(one)
    camera.close()
    held = {b.number: b.at - a.at for a, b in itertools.pairwise(taken)}
    assert max(held, key=held.__getitem__) == 3
    assert held[3] > 0.3


def test_transport_stream_is_repeated(tmp_path):
    """OpenCV reports that it was rewound, but returns no more frames."""
    with (
        av.open(str(clips.write(tmp_path / "in.mp4", list(range(0, 800, 40)), sound=None))) as source,
        av.open(str(tmp_path / "in.ts"), "w") as container,
    ):
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    camera = Camera(str(tmp_path / "in.ts"))
    taken = camera.newest(29)
    camera.close()
    assert taken is not None


def test_closed_camera_is_not_an_error(plugged):
    driver = plugged(10_000)
    camera = Camera("0")
    assert camera.newest(0) is not None
    camera.close()
    assert (camera.ended, driver.released, driver.source) == ("", True, 0)


def test_disconnected_camera_is_reported(plugged):
    plugged(3)
    camera = Camera("0")
    while camera.newest(camera.newest(-1).number) is not None:
        pass
    assert "is it disconnected" in camera.ended
    camera.close()


def test_blocked_camera_is_reported_and_not_released(plugged, monkeypatch):
    driver = plugged(2, unplugged=False)
    camera = Camera("0")
    while camera.newest(camera.newest(-1).number, wait=0.2) is not None:
        pass
    assert camera.ended == "the camera returned no frame for 0.2 seconds"
    monkeypatch.setattr(camera._thread, "join", lambda seconds: None)
    camera.close()
    assert not driver.released
    driver.answer.set()


def test_interruption_before_the_first_frame_is_not_an_error(plugged):
    """The driver returns no frame, and the program is interrupted while `Camera` waits for one."""
    driver = plugged(0, unplugged=False)
    begin = time.monotonic()
    camera = Camera("0", interrupted=lambda: time.monotonic() > begin + 0.2)
    assert time.monotonic() - begin < 5
    assert (camera.newest(-1), camera.ended) == (None, "")
    driver.answer.set()
    camera.close()


def test_camera_without_frames_is_refused(plugged):
    driver = plugged(0, unplugged=False)
    driver.answer.set()
    with pytest.raises(InputError, match="camera 0: returns no frames"):
        Camera("0", wait=0.2)


def test_other_camera_names_are_paths(plugged):
    driver = plugged(5)
    Camera("²").close()
    assert driver.source == "²"


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (-1, ""),
        (ord("q"), "q"),
        (ord("Q"), "q"),
        (0x100000 | ord("n"), "n"),  # num lock
        (0x10000 | ord("R"), "r"),  # shift
        (27, "\x1b"),
        (0xFF52, ""),  # up, on GTK: its last byte is an R
        (0x100000 | 0xFF53, ""),
        (0x270000, ""),  # right, on Windows
        (0x1000013, ""),  # up, on Qt
        (0x1000031, ""),  # F2, on Qt: its last byte is a 1
        (0xF703, ""),  # right, on macOS
    ],
)
def test_special_keys_are_ignored(code, key):
    assert key_character(code) == key


def test_default_camera_is_the_first():
    assert WebcamSettings().camera == "0"


def test_closed_window_ends_the_filter(monkeypatch):
    """Some builds of OpenCV report that the window is not visible, others that it does not exist."""

    def gone(*_):
        raise cv2.error("NULL guiReceiver")

    window = _Window.__new__(_Window)
    for answer, there in (
        (lambda *_: 1.0, True),
        (lambda *_: 0.0, False),
        (lambda *_: -1.0, False),
        (gone, False),
    ):
        monkeypatch.setattr(cv2, "getWindowProperty", answer)
        assert window._open() is there


class Server:
    """A camera on the network: Motion JPEG over HTTP, ``pictures`` per connection, ``connections`` times."""

    def __init__(self, pictures: int, connections: int):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), "green").save(buffer, "JPEG")
        self.opened = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.opened += 1
                if server.opened > connections:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for _ in range(pictures):
                    content = buffer.getvalue()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                    self.wfile.write(head.encode() + content + b"\r\n")
                    self.wfile.flush()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/video.mjpg"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    made = []

    def start(**changes):
        made.append(Server(**changes))
        return made[-1]

    yield start
    for one in made:
        one.close()


def seen(camera: Camera) -> int:
    """Number of frames until the camera ends."""
    last = count = 0
    while (taken := camera.newest(last)) is not None:
        last, count = taken.number, count + 1
    return count


def test_stopped_network_camera_is_reconnected(server, monkeypatch):
    monkeypatch.setattr(camera_module, "RETRY", 0.05)
    cameras, said = server(pictures=40, connections=3), []
    camera = Camera(cameras.url, reconnect=2, on_note=said.append)
    try:
        assert seen(camera) >= 2
        assert cameras.opened > 3
        assert camera.ended.startswith("the camera returns no more frames")
        stopped = f"camera {cameras.url}: stopped; reconnecting for up to 2 seconds"
        assert said == [
            stopped,
            f"camera {cameras.url}: reconnected",
            stopped,
            f"camera {cameras.url}: reconnected",
            stopped,
        ]
    finally:
        camera.close()


def test_without_reconnect_a_network_camera_ends(server):
    cameras, said = server(pictures=40, connections=3), []
    camera = Camera(cameras.url, reconnect=0, on_note=said.append)
    try:
        seen(camera)
        assert (cameras.opened, said) == (1, [])
    finally:
        camera.close()


def test_closing_does_not_wait_for_reconnection(server):
    cameras = server(pictures=40, connections=1)
    camera = Camera(cameras.url, reconnect=3600)
    while cameras.opened < 2:
        time.sleep(0.02)
    begin = time.monotonic()
    camera.close()
    assert time.monotonic() - begin < 5
