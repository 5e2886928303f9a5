"""Recording of the displayed frames, and the virtual camera, with a module that behaves like pyvirtualcam."""

import sys
import threading
import types

import numpy as np
import pytest

from fststyle.errors import DependencyError, DeviceError, InputError, OutputError
from fststyle.runtime.video.formats.writer import Writer
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.outputs.recording import Recording
from fststyle.runtime.webcam.outputs.virtual import VirtualCamera
from fststyle.runtime.webcam.view import View
from tests import clips


def view(number: int, at: float) -> View:
    return View(clips.frame(number), 30.0, 0.01, (64, 48), "invert", number, at)


def test_recording_keeps_every_frame_at_its_time(tmp_path):
    times = [5.0, 5.04, 5.0401, 5.5, 7.25]
    recording = Recording(tmp_path / "new" / "out.mp4")
    for number, at in enumerate(times):
        recording.send(clips.frame(number), at)
    assert not (tmp_path / "new" / "out.mp4").exists()
    assert recording.close() == tmp_path / "new" / "out.mp4"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.mp4"]
    written = clips.frames(tmp_path / "new" / "out.mp4")
    assert [round(at, 3) for at, _ in written] == [0.0, 0.04, 0.041, 0.5, 2.25]
    for number, (_, rgb) in enumerate(written):
        assert np.abs(rgb.astype(int) - clips.frame(number)).mean() < 12


def test_recording_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "out.avi", tmp_path / "out", tmp_path / "file" / "out.mp4"):
        with pytest.raises(OutputError):
            Recording(path)
    recording = Recording(tmp_path / "none.mp4")
    with pytest.raises(OutputError, match="no frame"):
        recording.close()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_failed_recording_is_reported_once(tmp_path, monkeypatch):
    failed = threading.Event()

    def full(self, timed):
        failed.set()
        raise OutputError("cannot be written: No space left on device")

    monkeypatch.setattr(Writer, "write", full)
    outputs = Outputs(tmp_path / "out.mp4")

    def sent_until_it_fails():
        for number in range(1000):
            outputs.send(view(number, number / 30))

    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written: No space"):
        sent_until_it_fails()
    assert failed.is_set()
    outputs.send(view(0, 99.0))
    assert (outputs.recording, outputs.close()) == (False, "")
    assert not list(tmp_path.iterdir())


def test_recording_is_toggled_by_a_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = Outputs()
    outputs.send(view(0, 0.0))
    assert outputs.toggle().startswith("recording fststyle-")
    for number in (1, 2, 3):
        outputs.send(view(number, number / 10))
    assert outputs.recording
    said = outputs.toggle()
    assert said.startswith("recorded fststyle-")
    assert said.endswith(".mp4 (3 frames)")
    outputs.send(view(4, 1.0))
    assert outputs.close() == ""
    (path,) = tmp_path.iterdir()
    assert len(clips.frames(path)) == 3


def test_recording_without_frames_leaves_no_file(tmp_path):
    assert Outputs(tmp_path / "out.mp4").close() == ""
    assert Outputs(tmp_path / "out.mp4").toggle() == "no frame was recorded"
    assert not list(tmp_path.iterdir())


@pytest.fixture
def driver(monkeypatch):
    """A substitute for pyvirtualcam. Returns the frames that it was sent."""

    class Fake:
        sent, closed, broken = [], False, False

        def __init__(self, width, height, fps, print_fps):
            if self.broken:
                raise RuntimeError("no device")
            self.size, self.device = (width, height), "/dev/video9"

        def send(self, rgb):
            if self.broken:
                raise RuntimeError("gone")
            self.sent.append(rgb)

        def close(self):
            Fake.closed = True

    Fake.sent = []
    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=Fake))
    return Fake


def test_every_frame_goes_to_the_virtual_camera(driver):
    outputs = Outputs(virtual=True)
    for number in range(3):
        outputs.send(view(number, number / 30))
    assert [np.array_equal(rgb, clips.frame(number)) for number, rgb in enumerate(driver.sent)] == [True] * 3
    outputs.close()
    assert driver.closed


def test_virtual_camera_has_one_size(driver):
    camera = VirtualCamera((64, 48))
    with pytest.raises(InputError, match="64x48, not 32x48"):
        camera.send(np.zeros((48, 32, 3), np.uint8), 0.0)


def test_failed_virtual_camera_is_reported_once(driver):
    outputs = Outputs(virtual=True)
    outputs.send(view(0, 0.0))
    driver.broken = True
    with pytest.raises(DeviceError, match="/dev/video9"):
        outputs.send(view(1, 0.1))
    outputs.send(view(2, 0.2))
    assert len(driver.sent) == 1


def test_missing_virtual_camera_says_what_to_install(driver, monkeypatch):
    driver.broken = True
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(DependencyError, match="v4l2loopback"):
        VirtualCamera((64, 48))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(DependencyError, match="pip install pyvirtualcam"):
        VirtualCamera((64, 48))
