"""Streams that are not as they should be: joined, counted only, of changing size, called by odd names."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
EVERY = list(range(0, 500, 40))


def paint(source, target, **more):
    return stylize_video(source, target, style="invert", device="cpu", **more)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("sound", ["aac", None])
def test_concatenated_recordings_have_continuous_times(tmp_path, sound, suffix):
    one = clips.write(tmp_path / "one.ts", EVERY, sound=sound).read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    done = paint(tmp_path / "two.ts", tmp_path / f"out{suffix}")
    times = np.array([time for time, _ in clips.frames(tmp_path / f"out{suffix}")])
    assert done.frames == len(times) >= 24
    assert (np.diff(times) > 0.03).all()
    assert 0.9 < times[-1] - times[0] < 1.4
    if sound:
        heard = [time for time, _ in clips.packets(tmp_path / f"out{suffix}")]
        assert heard == sorted(heard)
        assert abs(heard[-1] - times[-1]) < 0.2


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


@pytest.mark.parametrize("target", ["out.webp", "out.mp4", "-"])
def test_frames_of_another_size_are_resized_to_the_first(tmp_path, target):
    small = clips.write(tmp_path / "small.ts", EVERY, sound=None).read_bytes()
    large = clips.write(tmp_path / "large.ts", EVERY, sound=None, size=(64, 96)).read_bytes()
    (tmp_path / "in.ts").write_bytes(small + large)
    if target == "-":
        with (tmp_path / "raw").open("wb") as pipe:
            done = paint(tmp_path / "in.ts", "-", stdout=pipe)
        assert (tmp_path / "raw").stat().st_size == done.frames * 48 * 64 * 3
    else:
        done = paint(tmp_path / "in.ts", tmp_path / target)
        if target == "out.webp":
            with Image.open(tmp_path / target) as made:
                assert (made.n_frames, made.size) == (done.frames, (64, 48))
        else:
            assert {rgb.shape for _, rgb in clips.frames(tmp_path / target)} == {(48, 64, 3)}
    assert [note for note in done.notes if "written as 64x48" in note]


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


@pytest.mark.parametrize("name", ["12:30:00.mp4", "50%done.mp4", "http:x.mp4"])
def test_file_names_are_not_urls_or_patterns(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.write(tmp_path / "in.mp4", EVERY, sound=None).rename(tmp_path / name)
    (tmp_path / "out").mkdir()
    assert paint(name, "out/").frames == len(EVERY)
    assert (tmp_path / "out" / name).is_file()


def test_sixty_frames_per_second_are_kept(tmp_path):
    pictures = [Image.fromarray(clips.frame(number)) for number in range(8)]
    pictures[0].save(
        tmp_path / "in.webp", save_all=True, append_images=pictures[1:], duration=16, lossless=True
    )
    paint(tmp_path / "in.webp", tmp_path / "out.mkv")
    assert np.diff([time for time, _ in clips.frames(tmp_path / "out.mkv")]) == pytest.approx(0.016, abs=1e-3)
