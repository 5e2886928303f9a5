"""Files whose end is missing are reported as damaged, and complete files are not."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.stated_size import missing_bytes
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

COUNT = 50
FASTSTART = {"movflags": "+faststart"}
FRAGMENTS = {"movflags": "+frag_keyframe+empty_moov"}
CONTAINERS = {
    "faststart.mp4": ("mp4", "libx264", "aac", FASTSTART),
    "fragments.mp4": ("mp4", "libx264", "aac", FRAGMENTS),
    "silent.mov": ("mov", "libx264", None, FASTSTART),
    "hevc.m4v": ("mp4", "libx265", "aac", FASTSTART),
    "plain.mkv": ("matroska", "libx264", "aac", {}),
    "live.mkv": ("matroska", "libx264", "aac", {"live": "1"}),
    "plain.webm": ("webm", "libvpx", "libopus", {}),
    "plain.avi": ("avi", "mpeg4", "libmp3lame", {}),
    "plain.ts": ("mpegts", "libx264", "aac", {}),
    "mpeg2.ts": ("mpegts", "mpeg2video", "mp2", {}),
    "bluray.m2ts": ("mpegts", "libx264", "ac3", {"mpegts_m2ts_mode": "1"}),
    "plain.mpg": ("mpeg", "mpeg1video", "mp2", {}),
    "dvd.vob": ("vob", "mpeg2video", "ac3", {}),
    "plain.flv": ("flv", "flv", "libmp3lame", {}),
    "plain.wmv": ("asf", "wmv2", None, {}),
    "plain.ogv": ("ogg", "libvpx", "libopus", {}),
    "plain.mxf": ("mxf", "mpeg2video", "pcm_s16le", {}),
    "phone.3gp": ("3gp", "mpeg4", "aac", FASTSTART),
}


def write(path: Path) -> Path:
    """Two seconds of video, with as much audio if the kind of the file has it."""
    kind, video, audio, options = CONTAINERS[path.name]
    with av.open(str(path), "w", format=kind, options=options) as container:
        picture = container.add_stream(video, rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        picture.options = {"g": "12", "x265-params": "log-level=none"} if video == "libx265" else {"g": "12"}
        sound = container.add_stream(audio, rate=44100 if kind == "flv" else 48000) if audio else None
        if sound is not None and audio == "pcm_s16le":
            sound.codec_context.layout = "mono"
        resampler = None
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(picture.encode(frame))
            if sound is not None:
                rate = sound.codec_context.rate
                resampler = resampler or av.AudioResampler(sound.codec_context.format, sound.layout, rate)
                tone = np.sin(np.arange(number * rate // 25, (number + 1) * rate // 25) / 20) * 8000
                piece = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None], "s16", "mono")
                piece.pts, piece.sample_rate = number * rate // 25, rate
                piece.time_base = Fraction(1, rate)
                for part in resampler.resample(piece):
                    container.mux(sound.encode(part))
        for stream in (picture, *([sound] if sound is not None else [])):
            container.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[int, str | None]:
    """Number of frames, and why the file is damaged."""
    reader = Reader(path)
    try:
        return sum(isinstance(item, TimedFrame) for item in reader), reader.broken
    finally:
        reader.close()


@pytest.mark.parametrize("name", CONTAINERS)
def test_complete_file_is_not_damaged_and_each_cut_one_is(tmp_path, name):
    content = write(tmp_path / name).read_bytes()
    assert read(tmp_path / name) == (COUNT, None)
    (tmp_path / "cut").mkdir()
    for missing in (0.01, 0.05, 0.1, 0.25):
        cut = tmp_path / "cut" / name
        cut.write_bytes(content[: int(len(content) * (1 - missing)) | 1])  # odd: inside of a packet
        assert read(cut)[1], missing


def test_missing_frames_of_an_mp4_are_counted(tmp_path):
    source = write(tmp_path / "silent.mov")
    content = source.read_bytes()
    with av.open(str(source)) as container:
        stored = sorted(entry.pos for entry in container.streams.video[0].index_entries)
    for missing in (1, 2, 7):
        source.write_bytes(content[: stored[-missing]])
        frames, broken = read(source)
        names = {1: "its last frame is missing"}
        assert broken == names.get(COUNT - frames, f"its last {COUNT - frames} frames are missing")
        assert missing <= COUNT - frames <= missing + 3  # B-frames need later frames


def test_missing_seconds_of_a_matroska_file_are_named(tmp_path):
    source = write(tmp_path / "plain.mkv")
    source.write_bytes(source.read_bytes()[:-6000])
    assert "at least its last 0." in read(source)[1]


def test_files_with_other_data_after_their_end_are_complete(tmp_path):
    for name in ("faststart.mp4", "plain.mkv", "plain.avi"):
        with write(tmp_path / name).open("ab") as file:
            file.write(b"other data" * 20)
        assert read(tmp_path / name) == (COUNT, None)


@pytest.mark.usefixtures("style_folder")
def test_cut_video_ends_with_exit_code_1(tmp_path, program):
    source = write(tmp_path / "faststart.mp4")
    source.write_bytes(source.read_bytes()[:-1500])
    done = program("video", source.name, "out.mp4", "-s", "invert", "--device", "cpu")
    assert done.returncode == 1
    assert b"faststart.mp4: is damaged (at least its last 0." in done.stderr


@pytest.mark.usefixtures("style_folder")
def test_part_of_a_cut_video_that_is_complete_is_not_damaged(tmp_path):
    source = write(tmp_path / "faststart.mp4")
    source.write_bytes(source.read_bytes()[:-1500])
    done = stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu", end=1.0)
    assert (done.frames, done.broken) == (25, None)


@pytest.mark.usefixtures("style_folder")
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
    done = stylize_video(tmp_path / "in.mp4", tmp_path / "out.mp4", style="invert", device="cpu")
    assert (done.frames, done.broken) == (12, None)


def checksum(page: bytes) -> int:
    """Checksum of an Ogg page whose own checksum is 0 (RFC 3533)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def test_ogg_file_without_a_mark_at_its_end_is_complete(tmp_path):
    source = write(tmp_path / "plain.ogv")
    pages = [bytearray(b"OggS" + page) for page in source.read_bytes().split(b"OggS")[1:]]
    for page in pages:
        if page[5] & 4:
            page[5] &= ~4
            page[22:26] = bytes(4)
            page[22:26] = checksum(page).to_bytes(4, "little")
    content = b"".join(pages)
    source.write_bytes(content)
    assert read(source) == (COUNT, None)
    for missing in (3, len(pages[-1]) - 2, len(pages[-1]) - 20):
        source.write_bytes(content[:-missing])
        assert read(source)[1].startswith("at least its last ")


def test_flv_file_without_the_length_of_its_last_tag_is_complete(tmp_path):
    source = write(tmp_path / "plain.flv")
    content = source.read_bytes()
    for size in (-1, -4):
        source.write_bytes(content[:size])
        assert read(source) == (COUNT, None)
    source.write_bytes(content[:-5])
    assert read(source)[1]


def test_missing_bytes_of_a_file_that_cannot_be_read_are_zero(tmp_path):
    assert missing_bytes(tmp_path / "none.mp4", "mov,mp4") == 0
