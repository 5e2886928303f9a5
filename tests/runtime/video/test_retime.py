"""Conversion of the frame rate: which frames are repeated and which are dropped."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fststyle.errors import InputError
from fststyle.runtime.video.formats.base import Source, TimedFrame
from fststyle.runtime.video.retime import at_rate, between, rational
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

PICTURE = np.zeros((16, 16, 3), np.uint8)


def timed_frames(*milliseconds, last=None):
    made = [TimedFrame(PICTURE + number, at, Fraction(1, 1000)) for number, at in enumerate(milliseconds)]
    if last:
        made[-1] = TimedFrame(made[-1].rgb, made[-1].pts, made[-1].time_base, last)
    return made


class Holds(Source):
    """Three frames, of which the second is shown for long and the third until 1.1 s."""

    rate, seconds = Fraction(25), 1.1

    def __iter__(self):
        return iter(timed_frames(0, 40, 900))

    def seek(self, seconds):
        pass


def retimed(items, rate):
    return [(timed.pts, int(timed.rgb[0, 0, 0])) for timed in at_rate(items, Fraction(rate))]


def test_ntsc_rates_are_exact():
    assert rational(29.97) == Fraction(30000, 1001)
    assert rational(23.976) == Fraction(24000, 1001)
    assert rational(25) == 25
    assert rational(12.5) == Fraction(25, 2)
    assert rational(30.0) == 30


def test_frames_move_to_the_nearest_tick():
    assert retimed(timed_frames(0, 33, 67, 100, 133, 167), 15) == [(0, 0), (1, 2), (2, 4), (3, 5)]
    assert retimed(timed_frames(0, 100, 200, last=100), 20) == [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 1),
        (4, 2),
        (5, 2),
    ]
    assert retimed(timed_frames(0, 41, 79, 121), 25) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert retimed(timed_frames(1000, 1500), 2) == [(2, 0), (3, 1)]
    assert retimed([], 25) == []


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0.0, None, [(0, 0), (40, 1), (900, 2)]),
        (0.5, None, [(0, 1), (400, 2)]),  # a long hold: what is on screen at the start is there at once
        (0.5, 0.8, [(0, 1)]),
        (0.87, None, [(30, 2)]),  # less than a frame: no frame is made for it
        (0.95, None, [(0, 2)]),  # the last one is still shown
        (1.2, None, []),
    ],
)
def test_frame_shown_at_the_start_is_first(start, end, wanted):
    assert [(timed.pts, int(timed.rgb[0, 0, 0])) for timed in between(Holds(), start, end)] == wanted


def test_last_frame_is_shown_until_the_end():
    def durations(start, end):
        return [timed.duration for timed in between(Holds(), start, end)]

    assert durations(0.0, 0.5) == [None, 460]
    assert durations(0.5, 0.8) == [300]
    assert durations(0.95, 1.05) == [100]
    assert durations(0.0, 0.95) == [None, None, None]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_long_last_frame_counts(style_folder, tmp_path, suffix):
    """Also if the encoder returns it before another frame."""
    clip = clips.write(tmp_path / "in.mkv", [0, 40, 80, 120, 160, 200, 240, 3000], sound=None)
    for end, seconds in ((None, 3.04), (2.0, 2.0)):
        stylize_video(clip, tmp_path / f"out.{suffix}", style="invert", device="cpu", threads=1, end=end)
        with av.open(str(tmp_path / f"out.{suffix}")) as container:
            assert abs(container.duration / 1e6 - seconds) < 0.03


def test_packets_pass_and_repeated_frames_are_the_same_array():
    packet = object()
    first, second = timed_frames(0, 200)
    made = list(at_rate([packet, first, packet, second], Fraction(10)))
    assert made[0] is packet
    assert made[2].rgb is made[3].rgb is first.rgb
    assert [timed.time_base for timed in made if timed is not packet] == [Fraction(1, 10)] * 3


def test_without_repeat_a_frame_has_a_longer_duration():
    made = list(at_rate(timed_frames(0, 4, 20, 100, last=50), Fraction(50), repeat=False))
    assert [(timed.pts, timed.duration, int(timed.rgb[0, 0, 0])) for timed in made] == [
        (0, 1, 0),
        (1, 4, 2),
        (5, 3, 3),
    ]
    assert len(list(at_rate(timed_frames(0, 10**9), Fraction(50), repeat=False))) == 2


def test_jump_of_timestamps_is_refused():
    with pytest.raises(InputError, match="consecutive frames are"):
        list(at_rate(timed_frames(0, 10**9), Fraction(25)))


def test_video_is_converted_to_another_rate(style_folder, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 40, 80, 240, 280, 460])
    done = stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu", threads=1, fps=10, crf=5)
    made = clips.frames(tmp_path / "out.mp4")
    assert done.frames == 6
    assert [round(t, 3) for t, _ in made] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert np.abs(made[3][1].astype(int) - made[4][1]).mean() < 2
    assert clips.packets(clip) == clips.packets(tmp_path / "out.mp4")


def test_chapters_move_with_the_selected_part(tmp_path, style_folder):
    clip = clips.write(tmp_path / "plain.mkv", list(range(0, 2000, 40)), sound=None)
    with av.open(str(clip)) as old, av.open(str(tmp_path / "in.mkv"), "w") as new:
        second = Fraction(1, 1000)
        marks = [(0, 500, "one"), (500, 1500, "two"), (1500, 2000, "three")]
        new.set_chapters(
            [
                {"id": i, "start": a, "end": b, "time_base": second, "metadata": {"title": t}}
                for i, (a, b, t) in enumerate(marks)
            ]
        )
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)

    def chapters(path):
        with av.open(str(path)) as container:
            return [
                (
                    c["metadata"]["title"],
                    round(float(c["start"] * c["time_base"]), 2),
                    round(float(c["end"] * c["time_base"]), 2),
                )
                for c in container.chapters()
            ]

    settings = {"style": "invert", "device": "cpu", "steady": False}
    stylize_video(tmp_path / "in.mkv", tmp_path / "whole.mkv", **settings)
    assert chapters(tmp_path / "whole.mkv") == [("one", 0.0, 0.5), ("two", 0.5, 1.5), ("three", 1.5, 2.0)]
    stylize_video(tmp_path / "in.mkv", tmp_path / "part.mkv", start=1.0, end=1.8, **settings)
    assert chapters(tmp_path / "part.mkv") == [("two", 0.0, 0.5), ("three", 0.5, 0.8)]


@pytest.mark.parametrize("begin", [36_000.0, 1.4, 0.0])
def test_timestamps_of_a_broadcast_start_at_zero(style_folder, tmp_path, begin):
    """The timestamps of a transport stream begin at any value. The output begins at 0, with image and sound
    in sync.
    """
    with av.open(
        str(tmp_path / "in.ts"), "w", format="mpegts", options={"muxdelay": "0", "muxpreload": "0"}
    ) as container:
        video, sound = container.add_stream("libx264", rate=25), container.add_stream("aac", rate=48000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            frame.pts, frame.time_base = number + round(begin * 25), Fraction(1, 25)
            container.mux(video.encode(frame))
            piece = av.AudioFrame.from_ndarray(
                np.zeros((1, 1920 * 2), np.int16), format="s16", layout="stereo"
            )
            piece.pts, piece.sample_rate, piece.time_base = (
                number * 1920 + round(begin * 48000),
                48000,
                Fraction(1, 48000),
            )
            container.mux(sound.encode(piece))
        for stream in (video, sound):
            container.mux(stream.encode(None))

    def apart(path):
        with av.open(str(path)) as container:
            first = next(container.decode(video=0)).time
        with av.open(str(path)) as container:
            heard = next(float(packet.pts * packet.time_base) for packet in container.demux(audio=0))
        return first, first - heard

    done = stylize_video(tmp_path / "in.ts", tmp_path / "out.mkv", style="invert", device="cpu")
    assert done.frames == 30
    first, gap = apart(tmp_path / "out.mkv")
    assert 0 <= first < 0.1
    assert gap == pytest.approx(apart(tmp_path / "in.ts")[1], abs=0.002)
    assert len(clips.frames(tmp_path / "out.mkv")) == 30
    timed = stylize_video(
        tmp_path / "in.ts", tmp_path / "out.mp4", style="invert", device="cpu", fps=5, end=0.8
    )
    assert timed.frames == 4
