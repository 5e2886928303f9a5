"""Animated images as input and output of videos."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fststyle.io import images
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = [0, 40, 80, 240, 280, 460]
INVERT = {"style": "invert", "device": "cpu", "threads": 1}


def paint(source, target, **settings):
    return stylize_video(source, target, **{**INVERT, **settings})


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_video_to_animated_image(clip, tmp_path, suffix):
    done = paint(clip, tmp_path / f"out{suffix}")
    assert (done.frames, done.lost) == (6, ("audio aac", "tag title"))
    made = images.read(tmp_path / f"out{suffix}")
    assert [frame.duration_ms for frame in made.frames] == [40, 40, 160, 40, 180, 40]
    assert made.loop == 0
    for (_, was), now in zip(clips.frames(clip), made.frames, strict=True):
        assert np.abs(now.rgb.astype(int) - (255 - was.astype(int))).mean() < 12


def test_default_image_of_an_apng_is_named(tmp_path):
    frames = [Image.fromarray(clips.frame(number)) for number in range(3)]
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], default_image=True)
    done = paint(tmp_path / "in.png", tmp_path / "out.mp4")
    assert (done.frames, done.lost) == (2, ("still image of an animation",))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animated_image_to_video(tmp_path, suffix):
    source = clips.animation(tmp_path / f"in{suffix}", [50, 200, 10, 70])
    paint(source, tmp_path / "out.mkv", crf=5)
    made = clips.frames(tmp_path / "out.mkv")
    assert [round(t, 3) for t, _ in made] == [0, 0.05, 0.25, 0.35]
    for (_, now), was in zip(made, images.read(source).frames, strict=True):
        assert np.abs(now.astype(int) - (255 - was.rgb.astype(int))).mean() < 12


def test_animated_images_keep_transparency_and_loops(tmp_path):
    source = clips.animation(tmp_path / "in.gif", [50, 50], alpha=True)
    paint(source, tmp_path / "out.webp", size=32)
    made = images.read(tmp_path / "out.webp")
    assert made.loop == 3
    assert made.size == (24, 32)
    assert made.frames[1].alpha[2, 5] < 5
    assert made.frames[1].alpha[20, 5] > 250
    paint(source, tmp_path / "out.mp4", crf=5)
    assert clips.frames(tmp_path / "out.mp4")[0][1][:6].min() > 240


def test_frame_rate_of_a_gif_is_limited(tmp_path):
    source = clips.write(tmp_path / "fast.mp4", [*range(0, 200, 10), 300, 310, 320], sound=None)
    done = paint(source, tmp_path / "out.gif")
    assert "50 frames per second" in done.notes[0]
    durations = [frame.duration_ms for frame in images.read(tmp_path / "out.gif").frames]
    assert durations == [*[20] * 10, 100, 20, 20]  # what is held is one frame
    assert paint(source, tmp_path / "even.gif", fps=100).frames == 17


@pytest.mark.parametrize(("suffix", "shortest"), [(".gif", 20), (".webp", 11), (".apng", 11)])
def test_frame_rate_of_animated_images_is_limited(clip, tmp_path, suffix, shortest):
    done = paint(clip, tmp_path / f"out{suffix}", fps=100)
    assert "frames per second, the maximum that browsers show" in done.notes[0]
    assert min(frame.duration_ms for frame in images.read(tmp_path / f"out{suffix}").frames) == shortest


def test_metadata_and_partial_transparency_of_animations_are_named(tmp_path):
    half = [Image.new("RGBA", (32, 32), (number, 90, 60, 128)) for number in (10, 200)]
    texts = PngInfo()
    texts.add_text("Title", "two frames")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    half[0].save(
        tmp_path / "in.png", save_all=True, append_images=half[1:], duration=80, pnginfo=texts, exif=exif
    )
    done = paint(tmp_path / "in.png", tmp_path / "out.gif")
    assert set(done.lost) == {"EXIF data", "text 'Title'", "partial transparency"}
    assert set(paint(tmp_path / "in.png", tmp_path / "out.apng").lost) == {"EXIF data", "text 'Title'"}


def test_pixel_aspect_ratio_is_named_where_it_is_not_kept(clip, tmp_path):
    wide = tmp_path / "wide.mp4"
    with av.open(str(clip)) as old, av.open(str(wide), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.sample_aspect_ratio = stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    named = "pixel aspect ratio (4:3)"
    assert named in paint(wide, tmp_path / "out.gif").lost
    assert named in paint(wide, tmp_path / "frames" / "%03d.png").lost
    assert named not in paint(wide, tmp_path / "out.mp4").lost
    assert named not in paint(clip, tmp_path / "square.gif").lost


@pytest.mark.parametrize("suffix", [".webp", ".apng", ".gif"])
def test_opaque_animation_with_an_alpha_channel_loses_no_transparency(tmp_path, suffix):
    """Frames that replace a part of the previous one have alpha, but what is shown is opaque."""
    first = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8) // 64 * 64
    first[..., 3] = 255
    shown = [Image.fromarray(first) for _ in range(3)]
    for index, still in enumerate(shown):
        still.putpixel((8 * index, 8), (255, 0, 0, 255))
    source = tmp_path / f"in{suffix}"
    kind = {".apng": "PNG", ".webp": "WEBP", ".gif": "GIF"}[suffix]
    shown[0].save(source, kind, save_all=True, append_images=shown[1:], duration=100, loop=0)
    if suffix == ".webp":  # Pillow omits the mark in the header that other encoders write
        content = bytearray(source.read_bytes())
        content[20] |= 0x10
        source.write_bytes(content)
    assert images.outline(source).alpha or suffix == ".gif"
    done = paint(source, tmp_path / "out.mp4")
    assert (done.frames, done.lost) == (3, ())
