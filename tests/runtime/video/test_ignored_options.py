"""Options without effect are reported."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.batch import BatchListener, stylize_videos
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", [0, 40, 80], sound=None)


def notes(source, target, **settings):
    return stylize_video(source, target, **{"style": "invert", "device": "cpu", **settings}).notes


@pytest.mark.parametrize(
    ("changes", "target", "expected"),
    [
        ({"codec": "libx265", "crf": 30}, "out.gif", "--codec, --crf"),
        ({"codec": "mpeg4", "crf": 30, "preset": "fast"}, "out.mp4", "--crf, --preset"),
        (
            {"codec": "libsvtav1", "crf": 50, "preset": "fast"},
            "out.mp4",
            "no effect, not supported by libsvtav1",
        ),
        ({"codec": "mpeg4", "crf": 30}, "out.avi.mkv", "--crf: no effect, not supported by mpeg4"),
        ({"crf": 40, "preset": "fast"}, "out.webm", "--preset: no effect, not supported by libvpx-vp9"),
        ({"frame_size": "64x48"}, "out.mp4", "--frame-size"),
        ({"input_fps": 12.0}, "out.mp4", "--input-fps"),
        ({"style": "invert@0, norm@9s"}, "out.mp4", "norm at 9 s"),
    ],
)
def test_ignored_option_is_reported(clip, tmp_path, changes, target, expected):
    (note,) = notes(clip, tmp_path / target, **changes)
    assert expected in note


def test_keyframes_replace_style_and_strength(clip, tmp_path):
    (tmp_path / "keys.csv").write_text("time,style,strength\n0,norm,\n")
    changes = {"keyframes": tmp_path / "keys.csv", "strength": "0.5"}
    (note,) = notes(clip, tmp_path / "out.mp4", **changes)
    assert note == f"--style: no effect, replaced by {tmp_path / 'keys.csv'}"
    assert notes(clip, tmp_path / "out.mp4", **changes, style=VideoSettings().style) == ()


def test_effective_option_is_not_reported(clip, tmp_path):
    assert notes(clip, tmp_path / "out.mp4", crf=30, preset="fast", style="invert@0, norm@80ms") == ()
    (tmp_path / "frames").mkdir()
    assert notes(clip, tmp_path / "one.mp4", style="invert@9s") == ()  # seen before its time too
    assert notes(clip, tmp_path / "frames" / "%03d.png") == ()
    assert notes(tmp_path / "frames", tmp_path / "back.mp4", input_fps=12.0) == ()
    assert notes(clip, tmp_path / "part.mp4", start=0.04, style="invert@0, norm@40ms") == ()


def test_pictures_among_videos_are_counted(clip, tmp_path):
    folder, heard = tmp_path / "both", []
    folder.mkdir()
    clip.rename(folder / "in.mp4")
    for name in ("a.png", "b.jpg"):
        (folder / name).touch()
    stylize_videos(
        folder,
        folder / "painted",
        VideoSettings(style="invert", device="cpu"),
        BatchListener(on_note=heard.append),
    )
    assert heard == [f"{folder}: 2 images are ignored; fststyle image stylizes images"]


def test_transparency_of_a_video_is_reported(tmp_path):
    with av.open(str(tmp_path / "in.mov"), "w") as container:
        stream = container.add_stream("qtrle", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "argb"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 4), 99, np.uint8), format="argb")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (note,) = notes(tmp_path / "in.mov", tmp_path / "out.mp4")
    assert note.startswith(
        f"{tmp_path / 'out.mp4'}: transparency is composited on white, since libx264 does not keep it in this"
    )


def test_encoder_may_be_named_by_its_codec(clip, tmp_path):
    sizes = []
    for codec, crf in (("h264", 45), ("libx264", 45), ("h264", 5)):
        assert notes(clip, tmp_path / "out.mp4", codec=codec, crf=crf, preset="fast") == ()
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[0] == sizes[1] != sizes[2]


def test_transparency_in_a_separate_stream_is_reported(clip, tmp_path):
    """As in VP9, where the container states it but the pixel format does not."""
    with av.open(str(clip)) as source, av.open(str(tmp_path / "in.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for frame in source.decode(video=0):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "transparency" in notes(tmp_path / "in.webm", tmp_path / "out.mp4")[0]
