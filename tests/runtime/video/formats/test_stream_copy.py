"""Audio and other streams of a video."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
EVERY = list(range(0, 500, 40))


def paint(source, target, **more):
    return stylize_video(source, target, style="invert", device="cpu", **more)


@pytest.mark.parametrize("source", ["in.avi", "in.mkv"])
def test_unspecified_channel_layouts_are_set(tmp_path, source):
    clips.write(tmp_path / source, EVERY, base=Fraction(1, 25), sound="pcm_s16le")
    paint(tmp_path / source, tmp_path / "out.mp4", audio="copy")
    assert b"".join(content for _, content in clips.packets(tmp_path / "out.mp4")) == b"".join(
        content for _, content in clips.packets(tmp_path / source)
    )


def test_unsupported_audio_is_re_encoded_for_mov(tmp_path):
    clips.write(tmp_path / "in.mkv", EVERY, sound="flac")
    paint(tmp_path / "in.mkv", tmp_path / "out.mov")
    with av.open(str(tmp_path / "out.mov")) as made:
        assert made.streams.audio[0].codec_context.name == "aac"


def test_damaged_audio_loses_only_its_packets(tmp_path):
    content = bytearray(clips.write(tmp_path / "in.mkv", EVERY).read_bytes())
    damaged = clips.packets(tmp_path / "in.mkv")[5:8]
    for _, packet in damaged:
        at = content.index(packet)
        content[at : at + len(packet)] = bytes([0xFF]) * len(packet)
    (tmp_path / "bad.mkv").write_bytes(content)
    done = paint(tmp_path / "bad.mkv", tmp_path / "out.webm")
    assert done.frames == len(EVERY)
    assert len(clips.packets(tmp_path / "out.webm")) > 10


def test_tracks_keep_their_names(tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        tracks = []
        for language, title, chosen in (("fra", "VF", 0), ("eng", "VO", av.stream.Disposition.default)):
            track = container.add_stream("aac", rate=48000, layout="mono")
            track.metadata.update(language=language, title=title)
            track.disposition = chosen
            tracks.append(track)
        for number in range(12):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        for track in tracks:
            for start in range(0, 20480, 1024):
                piece = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
                )
                piece.pts, piece.sample_rate, piece.time_base = start, 48000, Fraction(1, 48000)
                container.mux(track.encode(piece))
        for stream in (video, *tracks):
            container.mux(stream.encode(None))
    paint(tmp_path / "in.mkv", tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as made:
        found = [
            (track.metadata.get("language"), track.metadata.get("title"), int(track.disposition) & 1)
            for track in made.streams.audio
        ]
    assert found == [("fra", "VF", 0), ("eng", "VO", 1)]
