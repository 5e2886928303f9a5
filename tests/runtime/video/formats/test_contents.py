"""Each stream, tag and chapter of a source is in the output, or reported as `lost`."""

import io
import json
import shutil
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from fststyle.runtime.video.formats import contents, languages, timecode
from fststyle.runtime.video.formats.base import Sink, Source
from fststyle.runtime.video.formats.contents import lost, name_of
from fststyle.runtime.video.stylize import PaintedVideo, stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
TIMES = list(range(0, 200, 40))
FONT = b"\0\1\0\0 a font"


def stylized(source: Path, target: Path, **changes) -> PaintedVideo:
    return stylize_video(source, target, style="invert", device="cpu", threads=1, **changes)


def streams(path: Path) -> list[tuple[str, str | None]]:
    """Type and codec, or file name, of every stream; ``cover`` for attached pictures."""
    with av.open(str(path)) as container:
        return [
            (
                "cover" if stream.type == "video" and int(stream.disposition) & 0x400 else stream.type,
                stream.codec_context.name if stream.codec_context else stream.metadata.get("filename"),
            )
            for stream in container.streams
        ]


def remux(source: Path, target: Path, add=lambda container: None, twice: str = "", **metadata) -> Path:
    """A copy of the streams, with those of the kind ``twice`` twice. ``add`` can add more to the
    container.
    """
    options = {"movflags": "use_metadata_tags"} if metadata else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        new.metadata.update(metadata)
        made = {s.index: [new.add_stream_from_template(s, opaque=True)] for s in old.streams}
        for stream in old.streams:
            if stream.type == twice:
                made[stream.index].append(new.add_stream_from_template(stream, opaque=True))
        extra = add(new)
        for packet in old.demux():
            if packet.dts is None:
                continue
            content = bytes(packet)
            for stream in made[packet.stream.index]:
                copy = av.Packet(content)
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                new.mux(copy)
                if extra is not None:
                    new.mux(extra)
                    extra = None
    return target


def cover(container):
    """Add cover art, and return its packet."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, "JPEG")
    stream = container.add_stream("mjpeg", rate=1)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuvj420p"
    stream.disposition = 0x400
    packet = av.Packet(buffer.getvalue())
    packet.pts = packet.dts = 0
    packet.time_base, packet.is_keyframe, packet.stream = Fraction(1, 25), True, stream
    return packet


@pytest.fixture
def clip(tmp_path):
    return clips.write(tmp_path / "in.mp4", TIMES)


def animated_avif(path: Path, **metadata) -> Path:
    frames = [Image.fromarray(clips.frame(number)) for number in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, **metadata)
    return path


def test_sequence_of_an_animated_avif_is_stylized_and_not_its_still(tmp_path):
    pytest.importorskip("PIL._avif")
    done = stylized(animated_avif(tmp_path / "anim.avif"), tmp_path / "out.mp4")
    assert [round(time, 3) for time, _ in clips.frames(tmp_path / "out.mp4")] == [0, 0.08, 0.16, 0.24, 0.32]
    assert done.lost == ("still image av1 (Color)",)


def test_metadata_of_an_animated_avif_is_named(tmp_path):
    pytest.importorskip("PIL._avif")
    exif = Image.Exif()
    exif[0x010F] = "maker"
    source = animated_avif(tmp_path / "anim.avif", exif=exif.tobytes(), xmp=b"<x/>")
    assert {"EXIF data", "XMP data"} <= {*stylized(source, tmp_path / "out.mp4").lost}


def test_larger_of_two_video_streams_is_stylized(tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        videos = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for video, (width, height) in zip(videos, ((32, 32), (64, 48)), strict=True):
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for number in range(5):
            for video in videos:
                picture = av.VideoFrame.from_ndarray(
                    clips.frame(number, video.height, video.width), format="rgb24"
                )
                picture.pts, picture.time_base = number, Fraction(1, 25)
                container.mux(video.encode(picture))
        for video in videos:
            container.mux(video.encode(None))
    done = stylized(tmp_path / "in.mkv", tmp_path / "out.mkv")
    assert (done.width, done.height, done.lost) == (64, 48, ())
    assert any("is another video stream, which is copied unchanged" in note for note in done.notes)
    assert streams(tmp_path / "out.mkv") == [("video", "h264"), ("video", "h264")]


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.webm", "out.gif", "out/%d.png"])
def test_audio_of_an_unknown_codec_is_named(tmp_path, target, program):
    content = clips.write(tmp_path / "in.mkv", TIMES).read_bytes()
    (tmp_path / "in.mkv").write_bytes(content.replace(b"A_AAC", b"A_XYZ"))
    assert "audio of an unknown codec" in stylized(tmp_path / "in.mkv", tmp_path / target).lost
    if target == "out.mp4":
        done = program("video", "in.mkv", "out.mp4", "-s", "invert", "--json", "--device", "cpu")
        assert json.loads(done.stdout)["lost"] == ["audio of an unknown codec"]
        assert done.stderr == b"not in out.mp4: audio of an unknown codec\n"


def test_second_audio_track_of_a_phone_is_named(tmp_path):
    clips.write(tmp_path / "in.mov", TIMES, sound="pcm_s16le")
    content = remux(tmp_path / "in.mov", tmp_path / "two.mov", twice="audio").read_bytes()
    (tmp_path / "two.mov").write_bytes(content.replace(b"sowt", b"apac"))
    assert stylized(tmp_path / "two.mov", tmp_path / "out.mov").lost == ("audio of an unknown codec",) * 2


def test_fonts_and_covers_are_copied_into_matroska_and_named_elsewhere(tmp_path, clip):
    def add(container):
        container.add_attachment("font.ttf", "application/x-truetype-font", FONT)
        container.add_attachment("cover.jpg", "image/jpeg", bytes(cover_bytes))

    cover_bytes = io.BytesIO()
    Image.new("RGB", (32, 32)).save(cover_bytes, "JPEG")
    cover_bytes = cover_bytes.getvalue()
    source = remux(clip, tmp_path / "in.mkv", add)
    assert stylized(source, tmp_path / "out.mkv").lost == ()
    found = [("video", "h264"), ("audio", "aac"), ("attachment", "font.ttf"), ("cover", "mjpeg")]
    assert streams(tmp_path / "out.mkv") == found
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams[2].data == FONT
    assert stylized(source, tmp_path / "out.mp4").lost == ("attachment font.ttf",)
    assert streams(tmp_path / "out.mp4")[2] == ("cover", "mjpeg")
    assert stylized(source, tmp_path / "out.webm").lost == ("attachment font.ttf", "cover art mjpeg")


@pytest.mark.parametrize(
    ("target", "lost"), [("out.mp4", ()), ("out.mkv", ()), ("out.mov", ("cover art mjpeg",))]
)
def test_cover_of_an_mp4(tmp_path, clip, target, lost):
    source = remux(clip, tmp_path / "cover.mp4", cover)
    assert ("cover", "mjpeg") in streams(source)
    assert stylized(source, tmp_path / target, start=0.08).lost == lost
    assert (("cover", "mjpeg") in streams(tmp_path / target)) == (not lost)


def png_cover(container):
    """Like `cover`, for a PNG file with a palette."""
    buffer = io.BytesIO()
    Image.new("P", (32, 32)).save(buffer, "PNG")
    stream = container.add_stream("png", rate=1)
    stream.width = stream.height = 32
    stream.pix_fmt, stream.disposition = "pal8", 0x400
    packet = av.Packet(buffer.getvalue())
    packet.pts = packet.dts = 0
    packet.time_base, packet.is_keyframe, packet.stream = Fraction(1, 25), True, stream
    return packet


def test_png_cover_of_an_mp4_is_kept_by_matroska(tmp_path, clip):
    source = remux(clip, tmp_path / "cover.mp4", png_cover)
    for target in ("out.mkv", "out.mp4"):
        assert stylized(source, tmp_path / target).lost == ()
        assert ("cover", "png") in streams(tmp_path / target)


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_second_video_stream_is_copied(tmp_path, clip, target):
    for name in ("two.mp4", "two.mkv"):
        source = remux(clip, tmp_path / name, twice="video")
        done = stylized(source, tmp_path / target)
        assert done.lost == ()
        assert [kind for kind, _ in streams(tmp_path / target)].count("video") == 2
        with av.open(str(tmp_path / target)) as container:
            second = container.streams.video[1]
            assert sum(1 for _ in container.decode(second)) == len(TIMES)
            assert not int(second.disposition) & 1


def named(source: Path, target: Path, language: str) -> Path:
    """A copy whose audio has a language and a title."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        made = {s.index: new.add_stream_from_template(s, opaque=True) for s in old.streams}
        made[1].metadata.update(language=language, title="a title")
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = made[packet.stream.index]
                new.mux(packet)
    return target


@pytest.mark.parametrize("target", ["out.mov", "out.mp4", "out.mkv", "out.webm"])
@pytest.mark.parametrize("language", ["deu", "fra", "swe", "zho"])
def test_language_and_title_of_a_stream_are_kept(tmp_path, clip, target, language):
    source = named(clip, tmp_path / "named.mp4", language)
    for again in (source, tmp_path / target):  # also in the output of an output
        assert stylized(again, tmp_path / f"2-{target}").lost == ()
        shutil.copy(tmp_path / f"2-{target}", tmp_path / target)
        with av.open(str(tmp_path / target)) as container:
            found = name_of(container.streams.audio[0])
        assert found["title"] == "a title"
        assert languages.same(found["language"], language)


def test_handler_names_that_are_titles_are_kept_or_named(tmp_path, clip):
    with av.open(str(clip)) as old, av.open(str(tmp_path / "in.mp4"), "w") as new:
        made = [new.add_stream_from_template(stream, opaque=True) for stream in old.streams]
        made[1].metadata["handler_name"] = "Director"
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = made[packet.stream.index]
                new.mux(packet)
    for target in ("out.mp4", "out.mov", "out.mkv"):
        assert stylized(tmp_path / "in.mp4", tmp_path / target).lost == ()
        with av.open(str(tmp_path / target)) as container:
            video, audio = (
                {key.lower(): value for key, value in s.metadata.items()} for s in container.streams
            )
        assert (video.get("handler_name", "VideoHandler"), audio["handler_name"]) == (
            "VideoHandler",
            "Director",
        )


def test_name_beside_a_title_is_named_if_it_is_lost():
    before = {"title": "a", "name": "b"}
    assert contents._missing_of_stream(before, {"title": "a"}) == ["tag name"]
    assert contents._missing_of_stream(before, before) == []
    for same in ({"title": "a", "name": "a"}, {"name": "a"}):
        assert contents._missing_of_stream(same, {"title": "a"}) == []
        assert contents._missing_of_stream({"title": "a"}, same) == []


def test_language_that_mov_does_not_have_is_named(tmp_path, clip):
    done = stylized(named(clip, tmp_path / "named.mp4", "nob"), tmp_path / "out.mov")
    assert done.lost == ("language of audio aac (nob, a title)",)


@pytest.mark.parametrize(
    ("pixels", "chosen", "lost"),
    [
        ("yuv420p", None, ()),
        ("gray", None, ()),
        ("yuv444p", None, ("chroma resolution (4:4:4)",)),
        ("yuv422p", None, ("chroma resolution (4:2:2)",)),
        ("bgr0", None, ("chroma resolution (4:4:4)",)),
        ("yuv444p", "yuv422p", ("chroma resolution (4:4:4)",)),
        ("yuv444p", "yuv444p", ()),
        ("yuv422p", "yuv444p", ()),
    ],
)
def test_chroma_that_is_coarser_in_the_output_is_named(tmp_path, pixels, chosen, lost):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for number in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")))
        container.mux(stream.encode(None))
    assert stylized(tmp_path / "in.mkv", tmp_path / "out.mp4", pix_fmt=chosen).lost == lost


def timecoded(path: Path, timecode: str, rate: Fraction = Fraction(25)) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = timecode
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            picture.pts, picture.time_base = number, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_timecode_that_the_container_refuses_is_named(tmp_path):
    source = timecoded(tmp_path / "in.mkv", "an hour")
    assert stylized(source, tmp_path / "out.mp4").lost == ("tag timecode",)


@pytest.mark.parametrize("target", ["out.mov", "out.mp4", "out.mkv"])
def test_timecode_of_10_frames_per_second_is_kept(tmp_path, target):
    source = timecoded(tmp_path / "in.mov", "01:00:00:05", Fraction(10))
    assert stylized(source, tmp_path / target).lost == ()
    assert timecode_of(tmp_path / target) == timecode_of(source) == "01:00:00:5"


def timecode_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return timecode.of({**container.metadata, **container.streams.video[0].metadata})


@pytest.mark.parametrize("target", ["out.mov", "out.mp4", "out.mkv"])
def test_drop_frame_timecode_at_other_rates_counts_all_frames(tmp_path, target):
    source = timecoded(tmp_path / "in.mkv", "01:00:00;00")  # of 25 frames per second
    done = stylized(source, tmp_path / target)
    assert (done.lost, timecode_of(tmp_path / target)) == ((), "01:00:00:00")
    assert [note for note in done.notes if "01:00:00;00 is written as 01:00:00:00" in note]
    source = timecoded(tmp_path / "in.mov", "01:01:00;05", Fraction(60000, 1001))
    for fps, expected in ((None, "01:01:00;05"), (29.97, "01:01:00;02"), (25, "01:01:00:02")):
        assert stylized(source, tmp_path / target, fps=fps).lost == ()
        assert timecode_of(tmp_path / target) == expected


@pytest.mark.parametrize("target", ["out.mov", "out.mp4", "out.mkv"])
def test_timecode_is_kept_unless_the_beginning_is_cut(tmp_path, target):
    timecoded(tmp_path / "in.mov", "01:00:00:00")
    assert [kind for kind, _ in streams(tmp_path / "in.mov")] == ["video", "data"]
    assert stylized(tmp_path / "in.mov", tmp_path / target).lost == ()
    with av.open(str(tmp_path / target)) as container:
        found = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert found["timecode"] == "01:00:00:00"
    assert stylized(tmp_path / "in.mov", tmp_path / target, start=0.08).lost == ("timecode track",)


def of_two_videos(path: Path) -> Path:
    """Two video streams of 60 frames per second with a timecode."""
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "01:00:00:40"
        videos = [container.add_stream("libx264", rate=60) for _ in range(2)]
        for video in videos:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            video.metadata["timecode"] = "01:00:00:40"
        for number in range(10):
            for video in videos:
                picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, 60)
                container.mux(video.encode(picture))
        for video in videos:
            container.mux(video.encode(None))
    return path


@pytest.mark.parametrize("target", ["out.mov", "out.mp4", "out.mkv"])
@pytest.mark.parametrize("name", ["in.mov", "in.mkv"])
def test_second_video_stream_is_copied_beside_a_timecode(tmp_path, name, target):
    done = stylized(of_two_videos(tmp_path / name), tmp_path / target)
    assert [kind for kind, _ in streams(tmp_path / target)].count("video") == 2
    assert not [entry for entry in done.lost if "video" in entry]


@pytest.mark.parametrize("target", ["out.mov", "out.mkv"])
@pytest.mark.parametrize(
    ("fps", "expected"), [(None, "01:00:00:40"), (24.0, "01:00:00:16"), (30.0, "01:00:00:20")]
)
def test_frames_of_a_timecode_are_those_of_the_new_rate(tmp_path, target, fps, expected):
    stylized(of_two_videos(tmp_path / "in.mov"), tmp_path / target, fps=fps)
    with av.open(str(tmp_path / target)) as container:
        known = {**container.metadata, **container.streams.video[0].metadata}
    assert {value for key, value in known.items() if key.lower() == "timecode"} == {expected}


PHONE = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.0/",
    "com.apple.quicktime.creationdate": "2026-01-02T03:04:05+0100",
}


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_tags_of_phones_are_kept(tmp_path, clip, target):
    source = remux(clip, tmp_path / "in.mov", title="a test", creation_time="2026-01-02T02:04:05Z", **PHONE)
    assert stylized(source, tmp_path / target).lost == ()
    with av.open(str(tmp_path / target)) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: found[key.lower()] for key in PHONE} == PHONE
    assert found["title"] == "a test"
    assert found["creation_time"].startswith("2026-01-02T02:04:05")
    if target == "out.mp4":  # in the output of an output too
        assert stylized(tmp_path / target, tmp_path / "again.mp4").lost == ()
        assert f"tag {next(iter(PHONE))}" in stylized(source, tmp_path / "out.gif").lost


def test_chapters_are_kept_or_named(tmp_path, clip):
    def add(container):
        part = {"time_base": Fraction(1, 1000)}
        container.set_chapters(
            [
                {**part, "id": 1, "start": 0, "end": 80, "metadata": {"title": "one"}},
                {**part, "id": 2, "start": 80, "end": 200, "metadata": {"title": "two"}},
            ]
        )

    source = remux(clip, tmp_path / "in.mkv", add)
    for target in ("out.mkv", "out.mp4", "out.mov", "out.webm"):
        assert stylized(source, tmp_path / target).lost == ()
    assert stylized(tmp_path / "out.mp4", tmp_path / "again.mp4").lost == ()  # with a track for chapters
    lost = stylized(tmp_path / "out.mp4", tmp_path / "out.gif").lost
    assert ("2 chapters" in lost, "data bin_data" in lost) == (True, False)
    done = stylized(tmp_path / "out.mp4", tmp_path / "out.mkv", start=0.1)
    assert not [name for name in done.lost if "data" in name or "chapter" in name]
    assert stylized(source, tmp_path / "out.webp").lost == ("audio aac", "2 chapters")


@pytest.mark.parametrize("target", ["out.mkv", "out.mp4", "out.mov"])
def test_chapters_that_begin_late_keep_their_times(tmp_path, clip, target):
    def add(container):
        part = {"time_base": Fraction(1, 1000)}
        container.set_chapters(
            [
                {**part, "id": 1, "start": 80, "end": 120, "metadata": {"title": "one"}},
                {**part, "id": 2, "start": 120, "end": 200, "metadata": {}},
            ]
        )

    assert stylized(remux(clip, tmp_path / "in.mkv", add), tmp_path / target).lost == ()
    with av.open(str(tmp_path / target)) as made:
        found = [(one["start"] * one["time_base"], one["metadata"].get("title")) for one in made.chapters()]
    empty = [] if target == "out.mkv" else [(0, "")]
    untitled = None if target == "out.mkv" else ""
    assert found == [*empty, (Fraction(2, 25), "one"), (Fraction(3, 25), untitled)]


@pytest.mark.parametrize("sound", ["pcm_s16le", "libmp3lame"])
def test_audio_that_players_refuse_in_mp4_is_re_encoded_unless_asked(tmp_path, sound):
    source = clips.write(tmp_path / "in.mkv", TIMES, sound=sound)
    done = stylized(source, tmp_path / "out.mp4")
    assert done.lost == ()
    assert any("re-encoded as aac" in note and "--audio copy" in note for note in done.notes)
    assert streams(tmp_path / "out.mp4")[1] == ("audio", "aac")
    assert stylized(source, tmp_path / "copy.mp4", audio="copy").notes == ()
    assert streams(tmp_path / "copy.mp4")[1][1] in ("pcm_s16le", "mp3float", "mp3")
    assert stylized(source, tmp_path / "out.mov").notes == ()


def test_reason_for_re_encoding_names_pyav(tmp_path):
    """Matroska supports WMA, but PyAV does not copy it there."""
    with av.open(str(tmp_path / "in.wmv"), "w", format="asf") as container:
        video, audio = container.add_stream("wmv2", rate=25), container.add_stream("wmav2", rate=48000)
        video.width, video.height, video.pix_fmt, audio.bit_rate = 64, 48, "yuv420p", 64000
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            container.mux(video.encode(picture))
        piece = av.AudioFrame.from_ndarray(np.zeros((2, 2048), np.float32), "fltp", "stereo")
        piece.sample_rate = 48000
        for stream in (video, audio):
            container.mux(stream.encode(piece if stream is audio else None))
        container.mux(audio.encode(None))
    done = stylized(tmp_path / "in.wmv", tmp_path / "out.mkv")
    assert done.lost == ()
    assert done.notes == (
        f"{tmp_path}/out.mkv: audio wmav2 is re-encoded as aac: PyAV does not copy it to this container",
    )


def test_re_encoded_audio_lasts_as_long(tmp_path):
    source = clips.write(tmp_path / "in.mkv", TIMES, sound="pcm_s16le")
    stylized(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert 24000 <= len(heard) < 27000
    assert np.abs(heard).max() > 0.1


def test_audio_with_a_coarse_clock_is_re_encoded(tmp_path):
    """AVI counts MP3 in packets of 24 ms."""
    source = clips.write(tmp_path / "in.avi", list(range(12)), base=Fraction(1, 25), sound="libmp3lame")
    assert stylized(source, tmp_path / "out.mp4").lost == ()
    heard = [time for time, _ in clips.packets(tmp_path / "out.mp4")]
    assert np.diff(heard) == pytest.approx(1024 / 48000, abs=1e-3)


def annotated(path: Path) -> Path:
    """A Matroska file with tags of its streams and chapters, and with audio that is a commentary."""
    chapter = {"start": 0, "end": 200, "time_base": Fraction(1, 1000), "id": 1}
    with av.open(str(path), "w") as container:
        container.set_chapters([{**chapter, "metadata": {"title": "one", "author": "somebody"}}])
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata.update(language="deu", title="picture", comment="first cut")
        audio = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        audio.metadata.update(language="eng", title="director", comment="loud")
        audio.disposition = av.stream.Disposition.comment
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), "s16", "mono")
        piece.pts, piece.sample_rate, piece.time_base = 0, 48000, Fraction(1, 48000)
        for stream in (video, audio):
            container.mux(stream.encode(piece if stream is audio else None))
        container.mux(audio.encode(None))
    return path


@pytest.mark.parametrize("resume", [False, True])
def test_tags_of_streams_and_chapters_are_copied_into_matroska(tmp_path, resume):
    done = stylized(annotated(tmp_path / "in.mkv"), tmp_path / "out.mkv", resume=resume)
    assert done.lost == ()
    with av.open(str(tmp_path / "out.mkv")) as container:
        video, audio = (stream.metadata for stream in container.streams)
        assert (video["title"], video["COMMENT"], audio["COMMENT"]) == ("picture", "first cut", "loud")
        assert container.streams[1].disposition & av.stream.Disposition.comment
        assert container.chapters()[0]["metadata"]["AUTHOR"] == "somebody"


def test_tags_and_marks_that_mov_does_not_hold_are_named(tmp_path):
    done = stylized(annotated(tmp_path / "in.mkv"), tmp_path / "out.mov")
    assert done.lost == (
        "tag author of chapters",
        "tag comment of the video",
        "tag comment of audio pcm_s16le (eng, director)",
        "mark 'commentary' of audio pcm_s16le (eng, director)",
    )
    with av.open(str(tmp_path / "out.mov")) as container:
        assert languages.same(container.streams[0].metadata["language"], "deu")


def test_tags_of_the_video_are_named_for_animations(tmp_path):
    lost = stylized(annotated(tmp_path / "in.mkv"), tmp_path / "out.gif").lost
    assert {"language of the video", "title of the video", "tag comment of the video"} <= {*lost}


def test_data_stream_is_named_beside_chapters(tmp_path):
    chapter = {"start": 0, "end": 200, "time_base": Fraction(1, 1000), "id": 1}
    chapters = [{**chapter, "metadata": {"title": "one"}}]
    stylized(clips.write(tmp_path / "in.mp4", TIMES), tmp_path / "plain.mp4")
    source = remux(tmp_path / "plain.mp4", tmp_path / "in.mov", lambda new: new.set_chapters(chapters))
    assert stylized(source, tmp_path / "out.mp4").lost == ()
    first, second = Source(), Sink()
    with av.open(str(source)) as container:
        (track,) = (stream for stream in container.streams if stream.type == "data")
        camera = SimpleNamespace(index=9, type="data", name="bin_data", metadata={}, codec_context=None)
        first.streams, first.has_chapters = [track, camera], True
        first.chapters = second.chapters = container.chapters()
        assert lost(first, second) == ["data bin_data"]
