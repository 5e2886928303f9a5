"""`--resume`: a run that is killed and resumed gives the result of an uninterrupted run, and only finished
files remain.
"""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle.errors import InputError, OutputError
from fststyle.runtime.subject import Subject
from fststyle.runtime.temporal import TemporalFilter
from fststyle.runtime.video import conversion, resume
from fststyle.runtime.video.batch import BatchListener, stylize_videos
from fststyle.runtime.video.formats.open import InputOptions, open_source
from fststyle.runtime.video.stylize import VideoSettings, stylize_video
from tests import clips
from tests.conftest import REPOSITORY
from tests.runtime.video.formats.test_contents import streams

pytestmark = pytest.mark.usefixtures("style_folder")
SETTINGS = {"style": "norm", "device": "cpu", "threads": 1, "resume": True}


class Stopped(Exception):
    """Raised by a test during a run."""


@pytest.fixture
def short(monkeypatch):
    """Segments of ten frames."""
    monkeypatch.setattr(resume, "FRAMES", 10)
    monkeypatch.setattr(conversion, "FRAMES", 10)


def clip(path: Path, **changes) -> Path:
    """Thirty-five frames at varying times."""
    times = [40 * number + 13 * (number % 3) for number in range(35)]
    return clips.write(path, times, **changes)


def stop_after(frames: int):
    def on_progress(now):
        if now.frames >= frames:
            raise Stopped

    return on_progress


def everything(path: Path) -> tuple:
    """Times and pixels of the frames, time and content of the audio packets, tags, chapters and duration."""
    with av.open(str(path)) as container:
        length, metadata = container.duration, dict(container.metadata)
        chapters = [(chapter["start"], chapter["end"]) for chapter in container.chapters()]
    frames = clips.frames(path)
    sound = clips.packets(path) if any(kind == "audio" for kind, _ in streams(path)) else []
    return (
        [time for time, _ in frames],
        [rgb.tobytes() for _, rgb in frames],
        sound,
        metadata,
        chapters,
        length,
    )


def same(ours: tuple, theirs: tuple) -> bool:
    """Whether two results of `everything` are equal, except for differences of the encoder in the pixels.

    In a few of 1000 runs, x264 encodes the same frames to other packets, even with one thread.
    """
    assert (ours[0], ours[2:]) == (theirs[0], theirs[2:])
    for mine, other in zip(ours[1], theirs[1], strict=True):
        apart = np.frombuffer(mine, np.uint8).astype(int) - np.frombuffer(other, np.uint8)
        assert np.abs(apart).mean() < 3
    return True


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".fststyle"))


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.mov", "out.webm"])
@pytest.mark.parametrize("changes", [{}, {"fps": 60.0, "start": 0.1, "end": 1.2}])
def test_stopped_run_resumes_to_the_same_file(tmp_path, short, target, changes):
    source = clip(tmp_path / "in.mp4")
    stylize_video(source, tmp_path / "whole" / target, **SETTINGS, **changes)
    for frames in (15, 27):
        with pytest.raises(Stopped):
            stylize_video(source, tmp_path / target, **SETTINGS, **changes, on_progress=stop_after(frames))
        assert not (tmp_path / target).exists()
    done = stylize_video(source, tmp_path / target, **SETTINGS, **changes)
    assert any("continues after " in note for note in done.notes)
    assert not any("the frame size changes" in note for note in done.notes)
    assert same(everything(tmp_path / target), everything(tmp_path / "whole" / target))
    assert done.frames == len(clips.frames(tmp_path / target))
    assert left(tmp_path) == left(tmp_path / "whole") == []
    if target == "out.mp4":  # x264 writes its options into the file; with several threads, runs differ
        assert b" threads=1 " in (tmp_path / target).read_bytes()


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_frames_times_and_audio_are_those_of_a_run_without_segments(tmp_path, short, target):
    source = clip(tmp_path / "in.mp4")
    stylize_video(source, tmp_path / target, **{**SETTINGS, "crf": 5})
    stylize_video(source, tmp_path / "plain" / target, **{**SETTINGS, "crf": 5, "resume": False})
    assert same(everything(tmp_path / target), everything(tmp_path / "plain" / target))


def test_killed_program_resumes(tmp_path):
    """Killed with SIGKILL as soon as a segment of the usual length exists."""
    clips.write(tmp_path / "in.mp4", list(range(0, 200 * 40, 40)), size=(96, 128))
    command = [
        sys.executable,
        "-m",
        "fststyle",
        "video",
        "in.mp4",
        "out.mp4",
        "--resume",
        "-s",
        "norm",
        "--device",
        "cpu",
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".fststyle-*.resume/000000.json")):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.kill()
    assert not (tmp_path / "out.mp4").exists()
    again = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert again.returncode == 0, again.stderr
    assert "out.mp4: continues after " in again.stderr
    command[5] = "whole.mp4"
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True, timeout=300)
    assert same(everything(tmp_path / "out.mp4"), everything(tmp_path / "whole.mp4"))
    assert left(tmp_path) == []


def test_ctrl_c_reports_the_kept_frames(tmp_path, short):
    said = []

    def on_progress(now):
        if now.frames == 30:
            raise KeyboardInterrupt

    source = clip(tmp_path / "in.mp4")
    with pytest.raises(KeyboardInterrupt):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=on_progress, on_note=said.append)
    assert said[-1].endswith("frames are kept; repeat the command to continue")
    assert not (tmp_path / "out.mp4").exists()


def test_run_stopped_while_joining_resumes(tmp_path, short, monkeypatch):
    source = clip(tmp_path / "in.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(
            "fststyle.runtime.video.formats.writer.Writer.put",
            lambda self, packet: (_ for _ in ()).throw(Stopped()),
        )
        with pytest.raises(Stopped):
            stylize_video(source, tmp_path / "out.mp4", **SETTINGS)
    done = stylize_video(source, tmp_path / "out.mp4", **SETTINGS)
    assert (done.frames, done.width, done.height) == (35, 64, 48)
    stylize_video(source, tmp_path / "whole.mp4", **SETTINGS)
    assert same(everything(tmp_path / "out.mp4"), everything(tmp_path / "whole.mp4"))


def test_another_input_or_setting_is_refused(tmp_path, short):
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=stop_after(25))
    with pytest.raises(InputError, match="differs in settings"):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, crf=30)
    clip(tmp_path / "in.mp4", size=(48, 48))
    with pytest.raises(InputError, match="differs in input"):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS)


def test_run_whose_segments_end_at_other_frames_is_refused(tmp_path, short):
    """A run on a Ray cluster has such segments, and saves no state after them."""
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=stop_after(25))
    run_file = tmp_path / left(tmp_path)[0] / "run.json"
    run = json.loads(run_file.read_text())
    run_file.write_text(json.dumps({**run, "segment ends": [[0.0, None]]}))
    with pytest.raises(InputError, match="differs in segment ends"):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS)


def test_state_without_its_time_is_refused(tmp_path, short):
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=stop_after(25))
    folder = tmp_path / left(tmp_path)[0]
    (state,) = folder.glob("*.npz")
    np.savez(state, scene=np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(
        InputError, match=f"{folder}: the saved state of flicker suppression is incomplete; delete"
    ):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS)


@pytest.mark.parametrize("damage", ["run.json", "000000.json", "*.npz", "000000.mp4"])
def test_damaged_folder_gives_one_line(tmp_path, short, damage):
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=stop_after(32))
    folder = tmp_path / left(tmp_path)[0]
    (damaged,) = folder.glob(damage)
    damaged.write_bytes(b"nothing")
    with pytest.raises((InputError, OutputError), match=r"delete|cannot be read") as told:
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("target", ["out.gif", "out/%d.png"])
def test_unsupported_resume_is_refused(tmp_path, target):
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(OutputError, match="--resume: needs a video or an image sequence as input"):
        stylize_video(source, tmp_path / target, **SETTINGS)
    assert left(tmp_path) == []


def test_two_programs_do_not_write_one_output(tmp_path, short):
    pytest.importorskip("fcntl")
    source = clip(tmp_path / "in.mp4")

    def on_progress(now):
        with pytest.raises(OutputError, match="is being written by another process"):
            stylize_video(source, tmp_path / "out.mp4", **SETTINGS)
        raise Stopped

    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=on_progress)


def test_file_system_without_locks_is_named(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OutputError, match="lock: cannot be locked: No locks available"):
        stylize_video(clip(tmp_path / "in.mp4"), tmp_path / "out.mp4", **SETTINGS)


def test_missing_segment_is_named(tmp_path, short):
    source = clip(tmp_path / "in.mp4")
    with pytest.raises(Stopped):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS, on_progress=stop_after(25))
    (tmp_path / left(tmp_path)[0] / "000000.mp4").unlink()
    with pytest.raises(InputError, match=r"000000\.mp4 is missing or damaged; delete the folder"):
        stylize_video(source, tmp_path / "out.mp4", **SETTINGS)


def test_state_of_flicker_suppression_is_complete():
    rng = np.random.default_rng(0)
    frames = [clips.frame(number) for number in range(6)]
    painted = [
        np.clip(frame.astype(int) + rng.integers(-40, 40, frame.shape), 0, 255).astype(np.uint8)
        for frame in frames
    ]
    whole, first, second = TemporalFilter(), TemporalFilter(), TemporalFilter()
    expected = [whole(frame, paint) for frame, paint in zip(frames, painted, strict=True)]
    found = [first(frame, paint) for frame, paint in zip(frames[:3], painted[:3], strict=True)]
    second.restore(first.state())
    found += [second(frame, paint) for frame, paint in zip(frames[3:], painted[3:], strict=True)]
    np.testing.assert_array_equal(expected, found)
    with pytest.raises(InputError):
        second.restore({"scene": frames[0]})


def test_state_of_the_subject_mask_is_complete():
    frames = [clips.frame(number) for number in range(4)]
    whole, first, second = Subject(threads=1), Subject(threads=1), Subject(threads=1)
    expected = [whole.mask_for(frame, (48, 64)) for frame in frames]
    for frame in frames[:3]:
        first.mask_for(frame, (48, 64))
    second.restore(first.state())
    np.testing.assert_array_equal(second.mask_for(frames[3], (48, 64)), expected[3])
    with pytest.raises(InputError):
        second.restore({"subject": frames[0]})


def test_skip_existing_skips_existing_outputs(tmp_path, short):
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        clip(tmp_path / "in" / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mp4").write_bytes(b"made before")
    said = []
    settings = VideoSettings(**SETTINGS, skip_existing=True)
    done = stylize_videos(tmp_path / "in", tmp_path / "out", settings, BatchListener(on_note=said.append))
    assert [Path(one.output).name for one in done] == ["b.mp4"]
    assert said == [f"{tmp_path / 'out' / 'a.mp4'}: already exists, skipped"]
    assert (tmp_path / "out" / "a.mp4").read_bytes() == b"made before"
    assert stylize_videos(tmp_path / "in", tmp_path / "out", settings) == []


def test_missing_input_is_an_input_error(tmp_path):
    source = clip(tmp_path / "in.mp4")
    settings = VideoSettings(**SETTINGS, keyframes=tmp_path / "none.csv")
    opened = open_source(source, InputOptions())
    try:
        with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
            resume.ResumeFolder(tmp_path / "out.mp4", opened, settings)
    finally:
        opened.close()
