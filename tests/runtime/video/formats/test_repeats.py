"""Frames for which a video file contains only an empty packet are repeated."""

import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.repeats import RepeatedFrames


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
    reader = Reader(source)
    frames = [item for item in reader if isinstance(item, TimedFrame)]
    reader.close()
    assert reader.broken is None
    assert [round(one.seconds * 25) for one in frames] == [*range(50)]
    assert len({id(one.rgb) for one in frames}) < 50
