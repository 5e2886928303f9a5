"""Frames for which a video file contains only an empty packet are repeated."""

import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest

from fststyle.runtime.video.formats import reader
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.repeats import RepeatedFrames
from tests import clips


def timed(pts: int) -> TimedFrame:
    return TimedFrame(np.full((16, 16, 3), pts, np.uint8), pts, Fraction(1, 25))


def test_repeats_are_placed_by_time_although_the_decoder_is_late():
    repeats = RepeatedFrames(True)
    for pts in (1, 2, 4):
        repeats.note(pts)
    found = [*repeats.between([timed(0), timed(3)]), *repeats.rest()]
    assert [(one.pts, int(one.rgb[0, 0, 0])) for one in found] == [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)]
    assert found[1].rgb is found[0].rgb


def test_empty_packets_of_other_codecs_are_ignored():
    repeats = RepeatedFrames(False)
    repeats.note(1)
    assert [one.pts for one in [*repeats.between([timed(0), timed(3)]), *repeats.rest()]] == [0, 3]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="PyAV cannot encode Theora; this needs ffmpeg")
def test_theora_video_with_repeated_frames_is_complete(tmp_path):
    source = tmp_path / "low.ogv"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=5:d=2", "-r", "25"]
    subprocess.run([*command, "-c:v", "libtheora", str(source)], check=True)
    opened = Reader(source)
    frames = [item for item in opened if isinstance(item, TimedFrame)]
    opened.close()
    assert opened.broken is None
    assert [round(one.seconds * 25) for one in frames] == [*range(50)]
    assert len({id(one.rgb) for one in frames}) < 50


@pytest.mark.parametrize(("mode", "field_rate"), [("auto", "keep"), ("off", "keep"), ("auto", "halve")])
def test_repeats_are_in_the_time_base_of_the_frames(tmp_path, monkeypatch, mode, field_rate):
    """PyAV cannot encode Theora, so one packet of another codec is replaced by an empty one."""
    source = clips.write(tmp_path / "in.mkv", [0, 40, 80, 120, 160], sound=None, keyframes=1)
    demuxed = Reader._demuxed

    def emptied(*args):
        for packet in demuxed(*args):
            if packet.pts == 80:
                empty = av.Packet()
                empty.stream, empty.pts = packet.stream, packet.pts
                packet = empty
            yield packet

    monkeypatch.setattr(Reader, "_demuxed", emptied)
    monkeypatch.setattr(reader, "RepeatedFrames", lambda enabled: RepeatedFrames(True))
    opened = Reader(source, mode, field_rate)
    frames = [item for item in opened if isinstance(item, TimedFrame)]
    opened.close()
    assert [round(one.seconds * 1000) for one in frames] == [0, 40, 80, 120, 160]
    assert frames[2].rgb is frames[1].rgb
