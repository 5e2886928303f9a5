"""Deinterlacing: frames without combing, at the frame rate or the field rate, with a note."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
FRAMES = 12


def interlaced(path: Path, marked: bool = True, codec: str = "mpeg2video") -> Path:
    """A bar that moves by six pixels per field, so that frames with two fields show combing."""
    with av.open(str(path), "w") as container:
        options = {"flags": "+ilme+ildct"} if marked else {}
        stream = container.add_stream(codec, rate=25, options={**options, "qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.bit_rate = 4_000_000
        graph = av.filter.Graph()
        buffer = graph.add_buffer(width=96, height=64, format="yuv420p", time_base=Fraction(1, 25))
        fields = graph.add("setfield", "tff" if marked else "prog")
        sink = graph.add("buffersink")
        buffer.link_to(fields)
        fields.link_to(sink)
        graph.configure()
        for number in range(FRAMES):
            rgb = np.full((64, 96, 3), 40, np.uint8)
            for field in range(2):
                left = (2 * number + field) * 3
                rgb[field::2, left : left + 12] = 220
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            graph.push(frame)
            container.mux(stream.encode(graph.pull()))
        container.mux(stream.encode(None))
    return path


def combs(path: Path) -> float:
    """Mean difference between neighboring lines, which is large where fields are mixed."""
    frames = [rgb.astype(int) for _, rgb in clips.frames(path)[2:-2]]
    return float(np.mean([np.abs(np.diff(rgb, axis=0)).mean() for rgb in frames]))


def stylized(source: Path, target: Path, **changes):
    return stylize_video(
        source, target, style="invert", device="cpu", threads=1, strength=0, crf=5, **changes
    )


@pytest.mark.parametrize("name", ["in.mpg", "in.ts", "in.mkv"])
def test_interlaced_frames_are_deinterlaced_with_a_note(tmp_path, name):
    source = interlaced(tmp_path / name)
    done = stylized(source, tmp_path / "out.mp4")
    assert done.frames == FRAMES
    assert [
        note for note in done.notes if "interlaced video is deinterlaced: one frame per two fields" in note
    ]
    assert stylized(source, tmp_path / "off.mp4", deinterlace="off").notes == ()
    assert combs(tmp_path / "out.mp4") < 0.3 * combs(tmp_path / "off.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))


def test_field_rate_is_kept_on_request(tmp_path):
    source = interlaced(tmp_path / "in.mkv")
    done = stylized(source, tmp_path / "out.mp4", field_rate="keep")
    assert done.frames == 2 * FRAMES
    assert any("50 instead of 25 frames per second" in note for note in done.notes)
    times = [time for time, _ in clips.frames(tmp_path / "out.mp4")]
    assert np.diff(times) == pytest.approx(0.02, abs=1e-3)
    # Every field becomes a frame, in which the bar has moved.
    frames = [rgb for _, rgb in clips.frames(tmp_path / "out.mp4")[2:-2]]
    places = [np.flatnonzero(rgb[30, :, 0] > 130).mean() for rgb in frames]
    assert np.diff(places) == pytest.approx(3, abs=1.5)


@pytest.mark.parametrize("target", ["out.mp4", "out.mov"])
@pytest.mark.parametrize(("field_rate", "rate"), [("halve", 25), ("keep", 50)])
def test_raw_dv_has_its_frame_rate_and_not_that_of_its_clock(tmp_path, target, field_rate, rate):
    with av.open(str(tmp_path / "in.dv"), "w") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(clips.frame(number, 576, 720), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    done = stylized(tmp_path / "in.dv", tmp_path / target, field_rate=field_rate, deinterlace="on", size=64)
    with av.open(str(tmp_path / target)) as container:
        assert container.streams.video[0].average_rate == rate
    assert (
        "50 instead of 25" in done.notes[0] if field_rate == "keep" else "one frame per two" in done.notes[0]
    )


@pytest.mark.parametrize("changes", [{}, {"field_rate": "keep"}])
def test_progressive_video_is_unchanged(tmp_path, changes):
    source = clips.write(tmp_path / "in.mp4", [0, 40, 90, 120])
    done = stylized(source, tmp_path / "out.mp4", **changes)
    assert (done.frames, done.notes) == (4, ())
    assert [round(time, 3) for time, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.04, 0.09, 0.12]


def test_unmarked_frames_are_deinterlaced_on_demand(tmp_path):
    source = interlaced(tmp_path / "in.mkv", marked=False)
    assert stylized(source, tmp_path / "auto.mp4").notes == ()
    assert stylized(source, tmp_path / "on.mp4", deinterlace="on").notes
    assert combs(tmp_path / "on.mp4") < 0.3 * combs(tmp_path / "auto.mp4")
