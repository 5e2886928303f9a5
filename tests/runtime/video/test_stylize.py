"""Stylized videos: frames, timestamps and sound."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle import video_frames
from fststyle.errors import BatchError, InputError, OutputError, StyleError
from fststyle.io import images
from fststyle.runtime.video.stylize import stylize_video
from tests import clips
from tests.conftest import REPOSITORY

VARIABLE = [0, 40, 80, 240, 280, 460, 500, 540, 700, 900]
pytestmark = pytest.mark.usefixtures("style_folder")


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".fststyle")]


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", VARIABLE)


def test_frames_keep_times_and_audio_is_copied(clip, tmp_path):
    heard = []
    done = stylize_video(
        clip, tmp_path / "out.mp4", style="invert", device="cpu", crf=5, on_progress=heard.append
    )
    before, after = clips.frames(clip), clips.frames(tmp_path / "out.mp4")
    assert (done.frames, done.width, done.height, done.broken) == (10, 64, 48, None)
    assert [p.frames for p in heard] == list(range(1, 11))
    assert [round(t, 4) for t, _ in after] == [t / 1000 for t in VARIABLE]
    for (_, was), (_, now) in zip(before, after, strict=True):
        assert np.abs(now.astype(int) - (255 - was.astype(int))).mean() < 12
    assert clips.packets(clip) == clips.packets(tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "a test"
        context = container.streams.video[0].codec_context
        assert (
            context.name,
            context.pix_fmt,
            context.color_primaries,
            context.colorspace,
            context.color_range,
        ) == ("h264", "yuv420p", 1, 1, 1)
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".webm"])
def test_other_containers_keep_audio(clip, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    done = stylize_video(clip, out, style="invert", device="cpu")
    assert len(clips.frames(out)) == 10
    assert [note for note in done.notes if "audio aac is re-encoded as opus" in note] == list(done.notes)
    assert bool(done.notes) == (suffix == ".webm")
    with av.open(str(out)) as container:
        sound = container.streams.audio[0]
        assert sum(f.samples for f in container.decode(sound)) >= 22000
        assert sound.codec_context.name == ("opus" if suffix == ".webm" else "aac")


def test_requested_encoder_is_not_replaced(clip, tmp_path):
    with pytest.raises(OutputError, match="libx264"):
        stylize_video(clip, tmp_path / "out.webm", style="invert", device="cpu", codec="libx264")
    assert not (tmp_path / "out.webm").exists()


def test_colors_are_correct(clip, tmp_path, style_folder):
    stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu", strength=0.0, crf=5)
    for (_, was), (_, now) in zip(clips.frames(clip), clips.frames(tmp_path / "out.mp4"), strict=True):
        assert np.abs(now.astype(int).mean((0, 1)) - was.mean((0, 1))).max() < 6


def test_rotated_clip_is_upright(tmp_path):
    shared = Path(os.environ.get("FSTSTYLE_TEST_DATA", "nowhere")) / "video" / "juggle-phone.mp4"
    if not shared.is_file():
        pytest.skip("needs the sample clips (FSTSTYLE_TEST_DATA)")
    done = stylize_video(shared, tmp_path / "out.mp4", style="invert", device="cpu", end=0.2)
    assert (done.width, done.height, done.frames) == (404, 720, 5)


def test_start_and_end_select_a_part(clip, tmp_path):
    done = stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu", start=0.24, end=0.54)
    assert done.frames == 4
    assert [round(t, 3) for t, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.04, 0.22, 0.26]
    assert clips.packets(tmp_path / "out.mp4")[0][0] < 0.03


def test_size_and_odd_sizes(clip, tmp_path):
    done = stylize_video(clip, tmp_path / "out.mp4", style="norm", device="cpu", size=33)
    assert (done.width, done.height) == (34, 26)  # as the file has it: H.264 halves the colors
    assert done.notes == (f"{tmp_path / 'out.mp4'}: is 34x26 instead of 33x25: encoders need even sides",)
    assert clips.frames(tmp_path / "out.mp4")[0][1].shape == (26, 34, 3)


def test_video_frames_yields_arrays(clip):
    found = list(video_frames(clip, "invert", device="cpu"))
    assert len(found) == 10
    assert found[0].dtype == np.uint8


def test_truncated_video_keeps_the_readable_frames(tmp_path, program):
    whole = clips.write(tmp_path / "whole.mkv", list(range(0, 4000, 40)), sound=None)
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) * 2 // 3])
    done = stylize_video(tmp_path / "cut.mkv", tmp_path / "out.mp4", style="invert", device="cpu")
    assert 20 < done.frames < 100
    assert len(clips.frames(tmp_path / "out.mp4")) == done.frames


def test_bad_input_is_one_line_and_leaves_nothing(clip, tmp_path, program):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video at all" * 100)
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:500])
    clips.write(tmp_path / "small.mp4", [0, 40], size=(8, 8), sound=None)
    before = sorted(p.name for p in tmp_path.iterdir())
    wrong = [
        ("nothing.mp4", "out.mp4"),
        ("empty.mp4", "out.mp4"),
        ("text.mp4", "out.mp4"),
        ("cut.mp4", "out.mp4"),
        ("small.mp4", "out.mp4"),
        (".", "out.mp4"),
        ("in.mp4", "in.mp4"),
        ("in.mp4", "out.avi"),
        ("in.mp4", "out"),
        ("in.mp4", "/proc/out.mp4"),
        ("in.mp4", "out.mp4", "--codec", "h266"),
        ("in.mp4", "out.mp4", "--codec", "aac"),
        ("in.mp4", "out.mkv", "--codec", "srt"),
        ("in.mp4", ""),
        ("in.mp4", "out.mp4", "--start", "99"),
        ("in.mp4", "out.mp4", "--start", "2", "--end", "1"),
        ("in.mp4", "out.mp4", "--style", "nobody"),
        ("in.mp4", "out.mp4", "--style", "invert@0,nobody@4"),
        ("in.mp4", "out.mp4", "--pix-fmt", "rgb24"),
        ("in.mp4", "out.%d"),
    ]
    for arguments in wrong:
        done = program("video", *arguments)
        error = done.stderr.decode()
        assert done.returncode == 2, (arguments, error)
        assert error.startswith("fststyle: "), (arguments, error)
        assert error.count("\n") == 1, (arguments, error)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("codec", ["h264_nvenc", "h264_qsv"])
def test_encoder_without_its_hardware_is_reported(clip, tmp_path, codec):
    import av

    if codec not in av.codecs_available or any(Path("/dev").glob("nvidia*")) or Path("/dev/dri").exists():
        pytest.skip(f"no {codec}, or a machine that may run it")
    with pytest.raises(
        OutputError,
        match=f"cannot be written with {codec}, which cannot be opened .*; check that its hardware",
    ):
        stylize_video(clip, tmp_path / "out.mp4", style="invert", codec=codec)
    assert not (tmp_path / "out.mp4").exists()


def test_mutated_clips_never_end_in_a_traceback(clip, tmp_path):
    content, rng = clip.read_bytes(), np.random.default_rng(0)
    for number in range(40):
        broken = bytearray(content)
        for _ in range(int(rng.integers(1, 40))):
            broken[int(rng.integers(len(broken)))] = int(rng.integers(256))
        if number % 4 == 0:
            del broken[int(rng.integers(len(broken))) :]
        (tmp_path / "mutated.mp4").write_bytes(broken)
        try:
            stylize_video(tmp_path / "mutated.mp4", tmp_path / "out.mp4", style="invert", device="cpu")
        except (InputError, OutputError):
            continue
    assert not left_behind(tmp_path)


def test_program_reports_the_result(clip, tmp_path, program):
    done = program("video", "in.mp4", "out.mp4", "-s", "invert", "--json", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["frames"], told["width"], told["style"]) == (10, 64, "invert")
    assert b"10 frames" in program("video", "in.mp4", "out.mp4", "-s", "invert").stderr


def test_ctrl_c_leaves_no_partial_video(tmp_path):
    clips.write(tmp_path / "long.mp4", list(range(0, 400_000, 40)), sound=None)
    (tmp_path / "out.mp4").write_bytes(b"an earlier one")
    command = [
        sys.executable,
        "-m",
        "fststyle",
        "video",
        "long.mp4",
        "out.mp4",
        "-s",
        "norm",
        "--device",
        "cpu",
    ]
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )
    deadline = time.monotonic() + 60
    while not left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130, error.decode()
    assert error == b"fststyle: interrupted\n"
    assert (tmp_path / "out.mp4").read_bytes() == b"an earlier one"
    assert not left_behind(tmp_path)


def test_lost_timestamps_are_reported(clip, tmp_path):
    even = clips.write(tmp_path / "even.mp4", [0, 40, 80, 120])
    for source, options, told in ((clip, {}, True), (clip, {"fps": 25.0}, False), (even, {}, False)):
        done = stylize_video(source, tmp_path / "out" / "%03d.png", style="invert", device="cpu", **options)
        assert any("--fps gives a constant frame rate" in note for note in done.notes) == told
    assert not any(
        "--fps" in note
        for note in stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu").notes
    )


def test_constant_rate_ends_at_the_end_of_the_part(clip, tmp_path):
    """The frame at 0.28 seconds is shown beyond the end of the part."""
    for start, end, rate, frames in ((0.0, 0.3, 40.0, 12), (0.2, 0.3, 40.0, 2), (0.0, 0.3, 5.0, 2)):
        assert (
            stylize_video(
                clip, tmp_path / "out.mp4", style="invert", device="cpu", start=start, end=end, fps=rate
            ).frames
            == frames
        )


def test_repeated_frames_are_the_same_from_the_file_and_from_the_iterator(tmp_path):
    clip = clips.write(tmp_path / "in.mkv", [0, 100, 200, 300], sound=None)
    changes = {"style": "norm", "device": "cpu", "fps": 30.0}
    stylize_video(clip, tmp_path / "out" / "%03d.png", **changes)
    written = [images.read(path).frames[0].rgb for path in sorted((tmp_path / "out").iterdir())]
    assert len(written) >= 10
    np.testing.assert_array_equal(np.stack(written), np.stack(list(video_frames(clip, **changes))))


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", ["in", "out"])
def test_idle_pipe_does_not_block_the_end(clip, tmp_path, number, way):
    long = clips.write(tmp_path / "long.mp4", list(range(0, 8000, 40)), size=(240, 320), sound=None)
    arguments = ["-", "out.mp4", "--frame-size", "64x64"] if way == "in" else [str(long), "-"]
    command = [sys.executable, "-m", "fststyle", "video", *arguments, "-s", "invert", "--device", "cpu"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, **pipes
    ) as process:
        if way == "out":
            process.stdout.read(1)  # it paints; then nobody reads any more
        else:
            process.stdin.write(bytes(64 * 64 * 3))
            process.stdin.flush()
            # One frame is enough to begin the file.
            while not left_behind(tmp_path):
                time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == (130 if number == signal.SIGINT else 143)
        assert b"Traceback" not in process.stderr.read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "long.mp4"]


def test_unknown_style_is_refused_before_reading(clip, tmp_path):
    with pytest.raises(StyleError):
        stylize_video(clip, tmp_path / "out.mp4", style="nobody")


def test_time_bases_are_kept_exactly(tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 1001, 2002, 3003], base=Fraction(1, 30000), sound=None)
    stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [f.pts * f.time_base for f in container.decode(video=0)] == [
            Fraction(n, 30000) for n in (0, 1001, 2002, 3003)
        ]


def test_full_disk_leaves_no_output(tmp_path, style_folder):
    clips.write(tmp_path / "in.mp4", list(range(0, 4000, 40)), size=(240, 320))
    # Files are limited to 4 KiB, which has the effect of a full disk with another error.
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); from fststyle.cli"
        " import main; sys.argv[0] = 'fststyle'; main()"
    )
    for target in ("out.mp4", "out.mkv", "out.gif", "out.webp"):
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            code,
            "video",
            "in.mp4",
            target,
            "-s",
            "invert",
            "--device",
            "cpu",
            "--threads",
            "1",
        ]
        command += ["--crf", "1"] if target.startswith("out.m") else []
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(f"fststyle: {target}: cannot be written"), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_truncated_video_is_reported_and_exits_1(tmp_path, program):
    whole = clips.write(tmp_path / "whole.mkv", list(range(0, 4000, 40)), sound=None)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[:-6000])
    done = program("video", "cut.mkv", "out.mp4", "-s", "invert", "--device", "cpu")
    assert done.returncode == 1, done.stderr
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("fststyle: cut.mkv: is damaged (")
    assert last.endswith("the readable part is in out.mp4")
    painted = len(clips.frames(tmp_path / "out.mp4"))
    assert painted > 5
    frames = video_frames(tmp_path / "cut.mkv", "invert", device="cpu")
    assert len(list(itertools.islice(frames, painted))) == painted
    with pytest.raises(BatchError, match="is damaged"):
        next(frames)


def test_lost_audio_channels_are_reported(clip, tmp_path):
    with av.open(str(clip)) as old, av.open(str(tmp_path / "many.mkv"), "w") as new:
        video, sound = (
            new.add_stream_from_template(old.streams.video[0]),
            new.add_stream("pcm_s16le", rate=48000, layout="hexadecagonal"),
        )
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
        piece = av.AudioFrame.from_ndarray(
            np.zeros((1, 16 * 4096), np.int16), format="s16", layout="hexadecagonal"
        )
        piece.pts, piece.sample_rate = 0, 48000
        for part in (piece, None):
            new.mux(sound.encode(part))
    done = stylize_video(tmp_path / "many.mkv", tmp_path / "out.webm", style="invert", device="cpu")
    assert any("its 16 channels as " in note for note in done.notes), done.notes
    assert any(name.startswith("channels of audio ") and name.endswith(" (16)") for name in done.lost)
