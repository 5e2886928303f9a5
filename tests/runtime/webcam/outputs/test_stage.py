"""NDI over the loopback interface, and Spout and Syphon with substitutes for their modules."""

import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest

from fststyle.errors import DependencyError, DeviceError
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.outputs.ndi import Ndi
from fststyle.runtime.webcam.outputs.spout import Spout
from fststyle.runtime.webcam.outputs.syphon import Syphon
from fststyle.runtime.webcam.view import View

FRAME = np.zeros((48, 64, 3), np.uint8)
FRAME[:, :32] = (200, 50, 10)

RECEIVE = """
import sys, time
import numpy as np
from cyndilib.finder import Finder
from cyndilib.receiver import Receiver
from cyndilib.video_frame import VideoFrameSync
from cyndilib.wrapper.ndi_recv import RecvBandwidth, RecvColorFormat
from fststyle.runtime.webcam.outputs.ndi import Ndi

frame = np.zeros((48, 64, 3), np.uint8)
frame[:, :32] = (200, 50, 10)
source, longest = Ndi((64, 48), 30.0, "fststyle-test"), 0.0
finder = Finder()
finder.open()
receiver, video, end = None, VideoFrameSync(), time.monotonic() + 30
while time.monotonic() < end:
    begin = time.monotonic()
    source.send(frame, begin)
    longest = max(longest, time.monotonic() - begin)
    time.sleep(0.03)
    if receiver is None:
        found = [one for one in finder.iter_sources() if "fststyle-test" in one.name]
        if found:
            receiver = Receiver(color_format=RecvColorFormat.RGBX_RGBA, bandwidth=RecvBandwidth.highest)
            receiver.frame_sync.set_video_frame(video)
            receiver.set_source(found[0])
    elif receiver.is_connected():
        receiver.frame_sync.capture_video()
        if min(video.get_resolution()) > 0 and (pixels := video.get_array()).any():
            pixels = pixels.reshape(video.yres, video.xres, 4)
            print(video.xres, video.yres, *pixels[10, 10, :3], *pixels[10, 50, :3], longest < 0.5)
            break
source.send(np.zeros((32, 32, 3), np.uint8), 0.0)  # another size
source.close()
finder.close()
"""


def test_receiver_of_ndi_gets_the_picture(tmp_path):
    pytest.importorskip("cyndilib", reason="needs cyndilib (the extra stage)")
    # Discovery by address, since containers have no multicast DNS.
    settings = {"ndi": {"networks": {"ips": "127.0.0.1"}, "adapters": {"allowed": ["127.0.0.1"]}}}
    (tmp_path / "ndi-config.v1.json").write_text(json.dumps(settings))
    environment = {**os.environ, "NDI_CONFIG_DIR": str(tmp_path)}
    command = [sys.executable, "-c", RECEIVE]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    width, height, *colors, fast = done.stdout.split()
    assert (width, height, fast) == ("64", "48", "True")
    assert np.abs(np.array(colors, int) - (200, 50, 10, 0, 0, 0)).max() < 6


def test_ndi_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cyndilib.sender", None)
    monkeypatch.setitem(sys.modules, "cyndilib", None)
    with pytest.raises(DependencyError, match="pip install cyndilib"):
        Ndi((64, 48))


@pytest.mark.parametrize(
    ("kind", "flag", "here"), [(Spout, "--spout", "Windows"), (Syphon, "--syphon", "Darwin")]
)
def test_other_systems_and_missing_modules_are_named(monkeypatch, kind, flag, here):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    with pytest.raises(DependencyError, match=f"{flag} works only on"):
        kind((64, 48))
    monkeypatch.setattr("platform.system", lambda: here)
    monkeypatch.setitem(sys.modules, "SpoutGL", None)
    monkeypatch.setitem(sys.modules, "syphon", None)
    with pytest.raises(DependencyError, match=f"{flag} needs .*: pip install"):
        kind((64, 48))


class SpoutSender:
    """Behaves like the class in SpoutGL 0.1."""

    sent: list = []  # noqa: RUF012
    works = True

    def setSenderName(self, name):
        self.name = name

    def createOpenGL(self):
        return True

    def sendImage(self, pixels, width, height, form, invert, host):
        self.sent.append(np.frombuffer(pixels, np.uint8).reshape(height, width, 4))
        return self.works

    def releaseSender(self):
        self.sent.append("released")

    def closeOpenGL(self):
        pass


def test_spout_gets_rgba(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setitem(sys.modules, "SpoutGL", types.SimpleNamespace(SpoutSender=SpoutSender))
    SpoutSender.sent, SpoutSender.works = [], True
    outputs = Outputs(spout=True)
    outputs.send(View(FRAME, 30.0, 0.0, (64, 48), "x", 0, 0.0))
    assert (SpoutSender.sent[0][..., :3] == FRAME).all()
    assert (SpoutSender.sent[0][..., 3] == 255).all()
    monkeypatch.setattr(SpoutSender, "works", False)
    with pytest.raises(DeviceError, match="Spout failed"):
        outputs.send(View(FRAME, 30.0, 0.0, (64, 48), "x", 1, 0.0))
    assert SpoutSender.sent[-1] == "released"
    outputs.send(View(FRAME, 30.0, 0.0, (64, 48), "x", 2, 0.0))
    outputs.close()


def test_syphon_gets_rgba(monkeypatch):
    published: list = []

    class Server:
        device = "metal"

        def __init__(self, name):
            self.name = name

        def publish_frame_texture(self, texture, is_flipped):
            published.append((texture["image"], is_flipped))

        def stop(self):
            published.append("stopped")

    def copy(image, texture):
        texture["image"] = image

    modules = {
        "syphon": types.SimpleNamespace(SyphonMetalServer=Server),
        "syphon.utils": types.SimpleNamespace(),
        "syphon.utils.numpy": types.SimpleNamespace(copy_image_to_mtl_texture=copy),
        "syphon.utils.raw": types.SimpleNamespace(create_mtl_texture=lambda device, width, height: {}),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    outputs = Outputs(syphon=True)
    outputs.send(View(FRAME, 30.0, 0.0, (64, 48), "x", 0, 0.0))
    image, flipped = published[0]
    assert (image[..., :3] == FRAME).all()
    assert flipped
    outputs.close()
    assert published[-1] == "stopped"
