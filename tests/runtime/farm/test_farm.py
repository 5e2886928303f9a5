"""A video and a folder of images on a local Ray cluster of two workers, one of which is killed."""

import importlib.util
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import fststyle
from fststyle.errors import DependencyError, OutputError
from fststyle.runtime.farm.cluster import Cluster
from fststyle.runtime.farm.parts import Part, split_video
from fststyle.runtime.video.stylize import stylize_video
from tests import clips, styles
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.usefixtures("style_folder")
SETTINGS = {"style": "norm", "device": "cpu", "threads": 1, "codec": "ffv1"}
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")


def test_parts_begin_at_key_frames():
    assert split_video([], 5, 10) == [Part(0, None)]
    assert split_video([4, 9, 12, 15, 21, 31], 40, 10) == [Part(0, 12), Part(12, 31), Part(31, None)]
    # No part begins shortly before the end.
    assert split_video([12, 24], 26, 10) == [Part(0, 12), Part(12, None)]


def test_parts_of_a_film_with_few_key_frames_end_between_them():
    assert split_video([], 50, 10) == [Part(0, 10), Part(10, 20), Part(20, 30), Part(30, None)]
    assert split_video([50], None, 10) == [
        Part(0, 10),
        Part(10, 20),
        Part(20, 30),
        Part(30, 50),
        Part(50, None),
    ]


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_that_installs_it(tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 40])
    with pytest.raises(DependencyError, match=r"pip install '\.\[ray\]'"):
        stylize_video(clip, tmp_path / "out.mp4", style="norm", ray="auto")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("target", ["out.gif", "out/%d.png"])
def test_outputs_that_are_not_video_files_are_refused(tmp_path, target):
    clip = clips.write(tmp_path / "in.mp4", [0, 40])
    with pytest.raises(OutputError, match="--ray needs a video file as input and as output"):
        stylize_video(clip, tmp_path / target, style="norm", ray="auto")


def test_local_starts_a_new_cluster(monkeypatch):
    started = []
    ray = types.SimpleNamespace(is_initialized=lambda: False, init=lambda **options: started.append(options))
    monkeypatch.setitem(sys.modules, "ray", ray)
    Cluster("local")
    assert [options["address"] for options in started] == ["local"]  # None would use an existing cluster


SCRIPT = '''
import json, os, signal, sys, threading, time
from pathlib import Path
import ray
from fststyle.errors import BatchError
from fststyle.runtime.batch import ImageListener, stylize_files
from fststyle.runtime.farm import video
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.video.stylize import stylize_video

video.MIN_FRAMES = 20
settings = json.loads(sys.argv[1])
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


def workers():
    """The processes of this cluster that run a task: their environment names the styles of this test."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(b"ray::_work"):
                if os.environ["FSTSTYLE_STYLES"].encode() in (entry / "environ").read_bytes():
                    yield int(entry.name)
        except OSError:
            continue


killed = []


def kill():
    while not killed:
        for worker in workers():
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)
            break
        time.sleep(0.02)


thread = threading.Thread(target=kill, daemon=True)
thread.start()
whole = stylize_video("in.mkv", "killed.mkv", ray="auto", **settings)
thread.join(5)


class Stopped(Exception):
    pass


def stop(now):
    raise Stopped


notes = []
try:
    stylize_video("in.mkv", "resumed.mkv", ray="auto", on_progress=stop, **settings)
except Stopped:
    pass
stylize_video("in.mkv", "resumed.mkv", ray="auto", on_note=notes.append, **settings)
stylize_video("in.mkv", "part.mkv", ray="auto", fps=20, start=0.5, end=2.5, **settings)

failed = []
listener = ImageListener(on_failed=lambda source, error: failed.append(f"{source}: {error}"))
still = ImageSettings(ray="auto", style="norm", device="cpu", skip_existing=True)
try:
    stylize_files(["pictures"], "out", still, listener=listener)
except BatchError as error:
    failed.append(str(error))
ray.shutdown()
told = {"killed": len(killed), "frames": whole.frames, "lost": whole.lost}
print(json.dumps({**told, "notes": notes, "failed": failed}))
'''


def film(path: Path) -> Path:
    """Ninety frames at varying times, with key frames at every fifteenth frame, and audio."""
    return clips.write(path, [40 * number + 13 * (number % 3) for number in range(90)], keyframes=15)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("farm")
    (folder / "styles").mkdir()
    styles.save(folder / "styles", "norm", styles.network())
    film(folder / "in.mkv")
    (folder / "pictures" / "sub").mkdir(parents=True)
    for number in range(20):
        Image.fromarray(styles.photo(40, 50, number)).save(folder / "pictures" / "sub" / f"{number}.png")
    (folder / "pictures" / "bad.png").write_text("no picture")
    (folder / "out" / "sub").mkdir(parents=True)
    (folder / "out" / "sub" / "7.png").write_text("made before")
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "FSTSTYLE_STYLES": str(folder / "styles"),
        "RAY_AUTH_MODE": "disabled",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(SETTINGS)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


def apart(ours: Path, theirs: Path) -> np.ndarray:
    """The mean difference of each frame (0-255). The times must be equal."""
    mine, others = clips.frames(ours), clips.frames(theirs)
    assert [time for time, _ in mine] == [time for time, _ in others]
    return np.array(
        [np.abs(one.astype(int) - other).mean() for (_, one), (_, other) in zip(mine, others, strict=True)]
    )


@needs_ray
@pytest.mark.slow
def test_a_killed_worker_changes_neither_frames_nor_times_nor_sound(results, style_folder):
    folder, told = results
    stylize_video(folder / "in.mkv", folder / "alone.mkv", **SETTINGS)
    assert (told["killed"], told["frames"], told["lost"]) == (1, 90, [])
    difference = apart(folder / "killed.mkv", folder / "alone.mkv")
    assert difference[:30].max() == 0  # the first part
    assert difference.max() < 1  # of 255; the history before the overlap is missing
    assert clips.packets(folder / "killed.mkv") == clips.packets(folder / "alone.mkv")
    with av.open(str(folder / "killed.mkv")) as ours, av.open(str(folder / "alone.mkv")) as theirs:
        assert (ours.duration, ours.metadata) == (theirs.duration, theirs.metadata)


@needs_ray
@pytest.mark.slow
def test_finished_parts_are_kept(results):
    folder, told = results
    assert any("continues after" in note for note in told["notes"])
    assert apart(folder / "resumed.mkv", folder / "killed.mkv").max() == 0
    assert not [path for path in folder.iterdir() if path.name.endswith(".resume")]


@needs_ray
@pytest.mark.slow
def test_a_section_at_another_rate(results, style_folder):
    folder, _ = results
    stylize_video(folder / "in.mkv", folder / "section.mkv", fps=20, start=0.5, end=2.5, **SETTINGS)
    assert apart(folder / "part.mkv", folder / "section.mkv").max() < 1
    assert clips.packets(folder / "part.mkv") == clips.packets(folder / "section.mkv")


@needs_ray
@pytest.mark.slow
def test_pictures_of_a_folder(results, style_folder):
    folder, told = results
    assert told["failed"] == [
        "pictures/bad.png: pictures/bad.png: is not an image that can be read",
        "1 of 20 images failed",
    ]
    assert (folder / "out" / "sub" / "7.png").read_text() == "made before"
    for number in (0, 19):
        name = f"{number}.png"
        expected = np.asarray(fststyle.stylize(folder / "pictures" / "sub" / name, "norm", device="cpu"))
        np.testing.assert_array_equal(np.asarray(Image.open(folder / "out" / "sub" / name)), expected)
