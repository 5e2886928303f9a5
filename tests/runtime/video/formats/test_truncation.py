from fractions import Fraction

import av
import pytest

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")


def paint(source, target, **more):
    return stylize_video(source, target, style="invert", device="cpu", **more)


def test_unread_stream_may_be_the_longest(tmp_path):
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        videos = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for video in videos:
            video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
            video.codec_context.time_base = Fraction(1, 25)
        container.start_encoding()
        for video, count in zip(videos, (12, 75), strict=True):
            for number in range(count):
                picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, 25)
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
    done = paint(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert (done.frames, done.broken) == (12, None)
