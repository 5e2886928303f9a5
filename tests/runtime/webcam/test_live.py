"""The webcam filter, with a video file as the camera."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import DependencyError, InputError, StyleError
from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.webcam.camera import Camera
from fststyle.runtime.webcam.live import Live, Resolution, handle_key
from fststyle.runtime.webcam.outputs.all_outputs import Outputs
from fststyle.runtime.webcam.window import draw_text, save_picture, show
from tests import clips, styles

pytestmark = pytest.mark.usefixtures("style_folder")


@pytest.fixture
def clip(tmp_path):
    return str(clips.write(tmp_path / "in.mp4", list(range(0, 2000, 40)), sound=None))


@pytest.fixture
def live(clip):
    made = Live(WebcamSettings(camera=clip, style="invert", device="cpu", mirror=False))
    yield made
    made.close()


def test_latest_frame_of_a_file_is_used(clip):
    began = time.monotonic()
    camera = Camera(clip)
    try:
        first = camera.newest(-1)
        # Always requested after the first frame: a queue would return the second frame. There is no time
        # limit, since threads may be delayed.
        while (later := camera.newest(first.number)).number < first.number + 5:
            time.sleep(0.05)
        # At 25 frames per second, no frame comes before its time.
        assert later.number <= (later.at - began) * 25
        assert later.rgb.shape == (48, 64, 3)
    finally:
        camera.close()


def test_file_repeats_or_ends(clip, tmp_path):
    short = str(clips.write(tmp_path / "short.mp4", [0, 40, 80], sound=None))
    camera = Camera(short)
    last = -1
    for _ in range(6):
        taken = camera.newest(last)
        last = taken.number
    assert last >= 5
    camera.close()
    camera = Camera(short, repeat=False)
    while camera.newest(last := 99, wait=2) is not None:
        pass
    assert "end" in camera.ended
    assert last == 99
    camera.close()


def test_camera_frames_are_stylized(live, clip):
    view = next(live.frames())
    wanted = 255 - clips.frames(clip)[view.number % 50][1].astype(int)
    assert np.abs(view.rgb - wanted).mean() < 12
    assert (view.style, view.painted) == ("invert", (64, 48))
    assert 0 <= view.latency < 5


def test_keys(live, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = Outputs()
    live.controls.styles = ["invert", "norm"]
    view = next(live.frames())
    assert handle_key(live, "n", view, save_picture, outputs) == "norm"
    assert handle_key(live, "n", view, save_picture, outputs) == "invert"
    assert handle_key(live, "2", view, save_picture, outputs) == "norm"
    assert handle_key(live, "p", view, save_picture, outputs) == "invert"
    assert handle_key(live, "-", view, save_picture, outputs) == "strength 0.9"
    assert handle_key(live, "+", view, save_picture, outputs) == "strength 1.0"
    assert handle_key(live, "z", view, save_picture, outputs) == ""
    assert handle_key(live, "t", view, save_picture, outputs) == "flicker suppression off"
    assert not live.steady
    before = live.mirror
    handle_key(live, "m", view, save_picture, outputs)
    assert live.mirror != before
    handle_key(live, "s", view, save_picture, outputs)
    assert len(list(tmp_path.glob("fststyle-*.png"))) == 1
    assert handle_key(live, "r", view, save_picture, outputs).startswith("recording fststyle-")
    outputs.send(view)
    assert handle_key(live, "r", view, save_picture, outputs).endswith("(1 frame)")
    assert len(list(tmp_path.glob("fststyle-*.mp4"))) == 1


def test_strength_zero_is_the_camera_image(live):
    live.change(strength=-3)
    assert live.strength == 0
    view = next(live.frames())
    assert np.abs(view.rgb.astype(int).mean() - live.camera.newest(-1).rgb.mean()) < 15


def test_damaged_style_is_skipped(live, style_folder):
    (style_folder / "broken.onnx").write_bytes(b"no")
    live.controls.styles = ["invert", "broken", "norm"]
    live.step(1)
    assert live.style == "norm"


def test_blend_cross_fades_styles_without_a_common_base(live):
    notes = []
    live._loader._on_note = notes.append
    live.controls.styles = ["invert", "norm"]
    assert live.blend(0.5) == "invert:0.5,norm:0.5"
    live.steady = False
    view = next(live.frames())
    assert view.style == "invert+norm"
    assert notes == [
        "the weights of invert and norm cannot be mixed, so their stylized frames are cross-faded"
    ]
    live.controls.styles = ["invert"]
    with pytest.raises(StyleError, match="no second style"):
        live.blend()


def test_blend_moves_to_the_next_style_in_quarters(live, style_folder):
    for name, gain in (("dark", 0.5), ("pale", 0.8)):
        styles.save(style_folder, name, styles.pointwise(gain, 0))
    live.controls.styles = ["dark", "pale"]
    live.change("dark")
    assert [live.blend() for _ in range(4)] == [
        "dark:0.75,pale:0.25",
        "dark:0.5,pale:0.5",
        "dark:0.25,pale:0.75",
        "pale",
    ]
    assert next(live.frames()).style == "pale"
    assert live.blend() == "pale:0.75,dark:0.25"


def test_change_of_style_starts_a_new_scene(live):
    frames = live.frames()
    next(frames)
    live.change("norm")
    view = next(frames)
    assert view.style == "norm"
    assert (
        np.array_equal(
            view.rgb,
            live._loader.at(live._blend_of(live.controls.values), (48, 64)).paint(live.camera.newest(-1).rgb),
        )
        or view.number != live.camera.newest(-1).number
    )


def test_resolution_adapts_to_the_frame_rate():
    resolution = Resolution(30)
    for _ in range(40):
        resolution.after(0.2 * resolution.scale**2)  # 5 frames a second at full size
    assert 0.3 < resolution.scale < 0.45
    assert 0.2 * resolution.scale**2 < 1 / 30
    for _ in range(400):
        resolution.after(0.001)
    assert resolution.scale == 1


def test_resolution_is_reduced_before_a_slow_frame():
    resolution = Resolution(30)
    resolution.after(0.02)
    resolution.before(0.5)
    assert resolution.scale == 1
    resolution.before(16)
    assert 0.02 * 16 * resolution.scale**2 == pytest.approx(resolution.budget)


def test_slow_style_runs_at_reduced_size(live):
    live._resolution.scale = 0.5
    view = next(live.frames())
    assert view.painted == (32, 24)
    assert view.rgb.shape == (48, 64, 3)


@pytest.mark.parametrize("source", ["97", "/dev/video97", "nothing.mp4", "http://127.0.0.1:9/none"])
def test_missing_camera_is_reported(source):
    with pytest.raises(InputError, match="camera"):
        Camera(source)


def test_missing_display_is_reported(live, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(DependencyError, match="headless"):
        show(live, Outputs())


def test_text_is_written_on_a_copy():
    rgb = np.full((120, 200, 3), 90, np.uint8)
    written = draw_text(rgb, ["30 fps"])
    assert (rgb == 90).all()
    assert written.max() > 200


def test_program(clip, program):
    done = program(
        "webcam", "--camera", clip, "--style", "invert", "--headless", "--seconds", "0.5", "--device", "cpu"
    )
    assert done.returncode == 0, done.stderr
    assert b"fps" in done.stderr
    done = program("webcam", "--camera", "97", "--style", "invert", "--headless")
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1


def test_still_picture_is_refused_as_camera(program, tmp_path):
    frames = [Image.fromarray(clips.frame(number)) for number in range(8)]
    frames[0].save(tmp_path / "photo.jpg")
    frames[0].save(tmp_path / "one.gif")
    for name in ("photo.jpg", "one.gif"):
        done = program(
            "webcam", "--camera", name, "--style", "invert", "--headless", "--seconds", "1", "--device", "cpu"
        )
        said = f"fststyle: {name}: is a single image, not a camera or a video"
        assert (done.returncode, done.stdout, done.stderr.decode().strip()) == (2, b"", said)
    frames[0].save(tmp_path / "many.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "many.mjpeg").write_bytes((tmp_path / "photo.jpg").read_bytes() * 8)
    for name in ("many.gif", "many.mjpeg"):
        camera = Camera(str(tmp_path / name))
        assert camera.newest(1) is not None
        camera.close()


def test_only_one_line_is_printed(program, tmp_path):
    (tmp_path / "text.mp4").write_text("no video at all")
    for name in ("/dev/video9", "text.mp4", "http://127.0.0.1:9/x"):
        done = program(
            "webcam", "--camera", name, "--style", "invert", "--headless", "--seconds", "1", "--device", "cpu"
        )
        said = done.stderr.decode()
        assert (done.returncode, done.stdout, said.count("\n")) == (2, b"", 1), said
        assert said.startswith("fststyle: ")
        assert name in said


def test_help_mentions_that_a_file_is_repeated(program):
    assert "played in a loop" in " ".join(
        program("webcam", "--help").stdout.decode().replace("│", " ").split()
    )


def test_program_records(clip, program, tmp_path):
    done = program(
        "webcam",
        "--camera",
        clip,
        "--style",
        "invert",
        "--headless",
        "--seconds",
        "1",
        "--device",
        "cpu",
        "--record",
        "out.mp4",
    )
    assert done.returncode == 0, done.stderr
    assert b"recorded out.mp4" in done.stderr
    written = clips.frames(tmp_path / "out.mp4")
    assert 0.7 < written[-1][0] < 1.3  # time-true, however many frames there were
    done = program("webcam", "--camera", "97", "--headless", "--record", "none.mp4")
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
    assert not (tmp_path / "none.mp4").exists()
    done = program("webcam", "--camera", clip, "--headless", "--record", "nowhere.txt")
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)


def test_played_file_is_not_overwritten_by_the_recording(clip, program, tmp_path):
    before = Path(clip).read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    for name in (clip, "link.mp4"):
        done = program("webcam", "--camera", clip, "--headless", "--seconds", "0.2", "--record", name)
        assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1), done.stderr
    kept = tmp_path / "kept.mp4"
    kept.write_bytes(b"dear to me")
    kept.chmod(0o444)
    done = program(
        "webcam",
        "--camera",
        clip,
        "--style",
        "invert",
        "--headless",
        "--seconds",
        "0.2",
        "--device",
        "cpu",
        "--record",
        "kept.mp4",
    )
    assert (done.returncode, b"write-protected" in done.stderr) == (2, True), done.stderr
    assert (Path(clip).read_bytes(), kept.read_bytes()) == (before, b"dear to me")


@pytest.fixture
def recording(clip, tmp_path):
    """A running program that has begun to record to out.mp4. After it has ended, the recording must be the
    only file.
    """
    command = [
        sys.executable,
        "-m",
        "fststyle",
        "webcam",
        "--camera",
        clip,
        "--style",
        "invert",
        "--headless",
        "--device",
        "cpu",
        "--record",
        "out.mp4",
    ]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while (
        not any(path.stat().st_size for path in tmp_path.glob(".fststyle-*.part"))
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    yield running
    running.kill()
    assert clips.frames(tmp_path / "out.mp4")
    assert not list(tmp_path.glob(".fststyle-*"))


def test_recording_is_kept_after_sigterm(recording):
    recording.terminate()
    assert recording.wait(20) == 143


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_recording_is_kept_after_sighup(recording):
    recording.send_signal(signal.SIGHUP)
    assert recording.wait(20) == 129


# A signal between the two instructions of `Condition.notify` that wake the recording thread and forget its
# waiter: after an exception there, the next notification is lost (CPython issue 92530).
WAKING = """
import signal, sys, threading

class Waiter:
    def __init__(self, lock):
        self.lock, self.signals = lock, [signal.SIGTERM]

    def release(self):
        self.lock.release()
        while self.signals:
            signal.raise_signal(self.signals.pop())

def notify(self, n=1, frames=[]):
    if sys._getframe(1).f_code.co_name == "put" and self._waiters:
        frames.append(self)
        if len(frames) == 5:
            self._waiters[0] = Waiter(self._waiters[0])
    usual(self, n)

usual, threading.Condition.notify = threading.Condition.notify, notify
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM cannot be handled")
def test_recording_is_kept_after_a_signal_while_its_thread_is_woken(clip, program, tmp_path):
    (tmp_path / "patched").mkdir()
    (tmp_path / "patched" / "sitecustomize.py").write_text(WAKING)
    given = ("--camera", clip, "--style", "invert", "--headless", "--device", "cpu", "--record", "out.mp4")
    done = program("webcam", *given, path=tmp_path / "patched")
    assert done.returncode == 143, done.stderr
    assert b"recorded out.mp4" in done.stderr
    assert clips.frames(tmp_path / "out.mp4")
    assert not list(tmp_path.glob(".fststyle-*"))


def test_recording_is_kept_after_two_interrupts(recording):
    for _ in range(2):
        recording.send_signal(signal.SIGINT)
        time.sleep(0.15)
    assert recording.wait(20) in (130, -signal.SIGINT)


def test_invalid_mask_leaves_no_thread(clip, tmp_path):
    before = {*threading.enumerate()}
    with pytest.raises(InputError, match=r"none\.png"):
        Live(WebcamSettings(camera=clip, style="invert", device="cpu", mask=tmp_path / "none.png"))
    assert {*threading.enumerate()} <= before
