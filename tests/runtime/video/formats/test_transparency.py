"""Transparent videos as input and output: ProRes 4444, VP9 in WebM, animations and image sequences."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fststyle.io import images
from fststyle.runtime.video import conversion, resume
from fststyle.runtime.video.formats import animation
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.open import InputOptions, open_source
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
FRAMES = 4


def picture(number: int) -> np.ndarray:
    """RGBA: transparent at the top, opaque at the bottom, half transparent between."""
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:16], alpha[16:32] = 0, 128
    return np.dstack((clips.frame(number), alpha))


def source(path: Path) -> Path:
    """Four frames of `picture`, in the format of the suffix."""
    kinds = {
        ".mov": ("prores_ks", "yuva444p10le"),
        ".webm": ("libvpx-vp9", "yuva420p"),
        ".mkv": ("ffv1", "yuva444p"),
    }
    if "%" in path.name:
        path.parent.mkdir(exist_ok=True)
        for number in range(FRAMES):
            Image.fromarray(picture(number)).save(str(path) % (number + 1))
        return path
    if path.suffix not in kinds:
        frames = [
            images.Frame(picture(n)[..., :3], np.ascontiguousarray(picture(n)[..., 3]), 40)
            for n in range(FRAMES)
        ]
        images.write(images.Picture(frames, loop=0), path)
        return path
    codec, pixels = kinds[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgba")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def timed_frames(path: Path) -> list[TimedFrame]:
    opened = open_source(path, InputOptions())
    try:
        return [item for item in opened if isinstance(item, TimedFrame)]
    finally:
        opened.close()


SOURCES = ["in.mov", "in.webm", "in.mkv", "in.webp", "in.apng", "in.gif", "in/%d.png"]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("target", ["out.mov", "out.webm", "out.webp", "out.apng", "out/%d.png"])
def test_transparency_is_kept(tmp_path, name, target):
    done = stylize_video(source(tmp_path / name), tmp_path / target, style="invert", device="cpu", threads=1)
    found = timed_frames(tmp_path / target)
    assert done.frames == len(found) == FRAMES
    half = 255 if name == "in.gif" else 128  # a GIF knows no halves
    for timed in found:
        assert timed.alpha is not None
        for rows, value in ((slice(2, 14), 0), (slice(18, 30), half), (slice(34, 46), 255)):
            assert abs(float(timed.alpha[rows].mean()) - value) < 6
    assert any("ProRes 4444" in note for note in done.notes) == (target == "out.mov")
    seen = 255 - clips.frame(1)[40].astype(int)
    assert np.abs(found[1].rgb[40].astype(int) - seen).mean() < 14


@pytest.mark.parametrize(
    ("target", "changes"),
    [
        ("out.mp4", {}),
        ("out.mkv", {}),
        ("out.mov", {"codec": "libx264"}),
        ("out/%d.jpg", {}),
        ("out.mp4", {"codec": "libvpx-vp9"}),
    ],
)
def test_lost_transparency_is_white_and_reported(tmp_path, target, changes):
    done = stylize_video(
        source(tmp_path / "in.mov"), tmp_path / target, style="invert", device="cpu", **changes
    )
    assert any("transparency is composited on white" in note for note in done.notes), done.notes
    assert done.lost.count("transparency") == 1
    assert timed_frames(tmp_path / target)[0].rgb[:12].mean() > 245


def avif(path: Path) -> Path:
    pytest.importorskip("PIL._avif")
    frames = [Image.fromarray(picture(number)) for number in range(FRAMES)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80)
    return path


@pytest.mark.parametrize("target", ["out.mov", "out.webm", "out.webp", "out.mp4"])
def test_transparency_of_an_animated_avif(tmp_path, target):
    done = stylize_video(avif(tmp_path / "in.avif"), tmp_path / target, style="invert", device="cpu")
    assert done.lost == (("transparency",) if target == "out.mp4" else ())
    found = timed_frames(tmp_path / target)
    assert [round(timed.seconds, 3) for timed in found] == [0, 0.08, 0.16, 0.24]
    if target != "out.mp4":
        assert all(timed.alpha[2:14].mean() < 6 and timed.alpha[34:46].mean() > 249 for timed in found)


@pytest.mark.parametrize("target", ["out.mov", "out.webm", "out.mkv"])
def test_transparency_of_an_avif_that_pillow_cannot_read_is_named(tmp_path, monkeypatch, target):
    monkeypatch.setattr(animation, "is_animation_format", lambda path: False)
    done = stylize_video(avif(tmp_path / "in.avif"), tmp_path / target, style="invert", device="cpu")
    assert done.lost == ("still image av1 (Color)", "transparency")
    with av.open(str(tmp_path / target)) as container:
        assert len(container.streams) == 1


def test_opaque_video_is_not_written_with_alpha(tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 40])
    for target, codec in (("out.mov", "h264"), ("out.webm", "vp9")):
        stylize_video(clip, tmp_path / target, style="invert", device="cpu")
        with av.open(str(tmp_path / target)) as container:
            assert container.streams.video[0].codec_context.name == codec
        assert timed_frames(tmp_path / target)[0].alpha is None


@pytest.mark.parametrize("target", ["out.mov", "out.webm"])
def test_segments_keep_transparency(tmp_path, monkeypatch, target):
    monkeypatch.setattr(resume, "FRAMES", 2)
    monkeypatch.setattr(conversion, "FRAMES", 2)
    stylize_video(source(tmp_path / "in.webp"), tmp_path / target, style="invert", device="cpu", resume=True)
    found = timed_frames(tmp_path / target)
    assert len(found) == FRAMES
    assert all(abs(float(timed.alpha[2:14].mean())) < 6 and timed.alpha[34:].mean() > 249 for timed in found)
