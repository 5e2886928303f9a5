"""Reading of video files: parts, truncated files, ten bits and HDR, and the colors of the output."""

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle.errors import OutputError
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.colorimetry import tone_mapped
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.reader import av as library
from fststyle.runtime.video.retime import between
from fststyle.runtime.video.stylize import stylize_video
from tests import clips

SAMPLES = ("bikes.mp4", "bunny-vfr.mp4", "dog-park.mp4", "kitchen.mkv", "pedestrians.avi", "juggle-phone.mp4")


def items_from(path: Path, start: float, end: float, seek: bool) -> tuple[list, int]:
    """Times and sums of all frames and packets in a part, and the number of frames that were decoded
    for it.
    """
    reader, decoded = Reader(path), 0
    if not seek:
        reader.seek = lambda seconds: None
    upright = reader._upright

    def counting(frame):
        nonlocal decoded
        decoded += 1
        return upright(frame)

    reader._upright = counting
    try:
        kept = [
            (
                (item.pts, int(item.rgb.sum()))
                if isinstance(item, TimedFrame)
                else (item.stream.index, item.pts, bytes(item))
            )
            for item in between(reader, start, end)
        ]
    finally:
        reader.close()
    return sorted(kept, key=str), decoded


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_seeking_equals_reading_from_the_beginning(tmp_path, suffix):
    path = clips.write(
        tmp_path / f"in{suffix}", list(range(0, 400)), base=Fraction(1, 25), sound=None, keyframes=20
    )
    read, all_decoded = items_from(path, 12.02, 13, seek=False)
    found, few_decoded = items_from(path, 12.02, 13, seek=True)
    assert found == read
    assert len(found) == 24
    if suffix != ".avi":
        assert few_decoded < all_decoded / 3


def sample(name: str) -> Path:
    path = Path(os.environ.get("FSTSTYLE_TEST_DATA", "nowhere")) / "video" / name
    if not path.is_file():
        pytest.skip("needs the sample clips (FSTSTYLE_TEST_DATA)")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_seeking_in_real_clips(name):
    path = sample(name)
    reader = Reader(path)
    middle = round((reader.seconds or 6.6) / 2, 1)  # a Matroska file need not state its length
    reader.close()
    read, _ = items_from(path, middle, middle + 0.5, seek=False)
    assert items_from(path, middle, middle + 0.5, seek=True)[0] == read
    assert len(read) > 3


def test_truncated_file_is_reported(tmp_path):
    whole = clips.write(tmp_path / "whole.mkv", list(range(0, 8000, 40)), sound=None)
    assert list(Reader(whole))[-1].pts == 7960
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    reader = Reader(tmp_path / "cut.mkv")
    assert 20 < len(list(reader)) < 190
    assert "of 8.00 seconds are missing" in reader.broken
    reader = Reader(whole)
    list(reader)
    assert reader.broken is None


def ends(path: Path, start: float = 0, end: float | None = None) -> tuple[int, str | None]:
    """Number of frames in a part, and the note on the end of the file."""
    reader = Reader(path)
    try:
        return sum(isinstance(item, TimedFrame) for item in between(reader, start, end)), reader.broken
    finally:
        reader.close()


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    made = path.with_name(f"cut-{share}-{path.name}")
    made.write_bytes(content[: int(len(content) * share)])
    return made


def encoded(target: object, codec: str, times: list[int], form: str, **options: str) -> None:
    with av.open(target, "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pts in times:
            frame = av.VideoFrame.from_ndarray(clips.frame(pts), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_truncated_avi_is_reported(tmp_path):
    whole = tmp_path / "whole.avi"
    encoded(str(whole), "mpeg4", list(range(80)), "avi")
    assert ends(whole) == (80, None)
    half = cut(whole, 0.6)
    count, said = ends(half)
    assert 10 < count < 70
    assert "of 3.20 seconds" in said
    assert ends(half, end=0.2) == (5, None)  # its end was not looked for
    assert "of 3.20 seconds" in ends(half, start=0.2)[1]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_of_an_avi_are_in_presentation_order(tmp_path, codec):
    """With B-frames, whose packets have another order, and without."""
    encoded(str(tmp_path / "in.avi"), codec, list(range(60)), "avi")
    for start in (0.0, 1.52):
        reader = Reader(tmp_path / "in.avi")
        times = [timed.seconds for timed in between(reader, start, None) if isinstance(timed, TimedFrame)]
        reader.close()
        np.testing.assert_allclose(times, np.arange(60 - round(start * 25)) / 25, atol=1e-6)


def test_mp4_truncated_by_less_than_a_second_is_reported(tmp_path):
    whole = tmp_path / "whole.mp4"
    encoded(str(whole), "libx264", list(range(100)), "mp4", movflags="faststart")
    with av.open(str(whole)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.dts is not None]
    content = whole.read_bytes()
    for count in (80, 98):
        # Between two frames, so that no packet is damaged.
        (tmp_path / "cut.mp4").write_bytes(content[: places[count]])
        assert ends(tmp_path / "cut.mp4") == (count, f"its last {100 - count} frames are missing")


def test_matroska_truncated_by_less_than_a_second_is_reported(tmp_path):
    whole = tmp_path / "whole.mkv"
    encoded(str(whole), "mpeg4", list(range(100)), "matroska")
    assert ends(whole) == (100, None)
    count, said = ends(cut(whole, 0.85))
    assert 75 < count < 95
    assert "of 4.00 seconds" in said


def test_concealed_damage_is_reported(tmp_path):
    whole = tmp_path / "whole.mp4"
    encoded(str(whole), "libx264", list(range(100)), "mp4", movflags="faststart")
    with av.open(str(whole)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.dts is not None]
    content = bytearray(whole.read_bytes())
    for place, size in places[40:60:5]:
        for number in range(place + size // 2, place + size):
            content[number] ^= 0x5A
    (tmp_path / "noise.mp4").write_bytes(content)
    count, said = ends(tmp_path / "noise.mp4")
    assert count > 80
    assert "damaged" in said


def test_complete_files_are_not_reported_as_truncated(tmp_path):
    encoded(str(tmp_path / "gaps.avi"), "mpeg4", [0, 1, 2, 40, 41, 99], "avi")
    encoded(str(tmp_path / "gaps.mkv"), "libx264", [0, 1, 2, 40, 41, 99], "matroska")
    encoded(str(tmp_path / "late.mkv"), "libx264", list(range(100, 150)), "matroska")
    encoded(str(tmp_path / "gaps.mp4"), "libx264", [0, 1, 2, 40, 41, 99], "mp4")
    encoded(str(tmp_path / "late.mp4"), "libx264", list(range(100, 150)), "mp4")
    encoded(str(tmp_path / "pieces.mp4"), "libx264", list(range(100)), "mp4", movflags="frag_keyframe")
    with (tmp_path / "pipe.avi").open("wb") as file:
        encoded(Unsought(file), "mpeg4", list(range(100)), "avi")
    for name, count in (
        ("gaps.avi", 6),
        ("gaps.mkv", 6),
        ("late.mkv", 50),
        ("gaps.mp4", 6),
        ("late.mp4", 50),
        ("pieces.mp4", 100),
        ("pipe.avi", 100),
    ):
        assert ends(tmp_path / name) == (count, None), name
    # Copied from within a group of pictures. An edit list hides the frames before, which are still counted.
    source = clips.write(tmp_path / "source.mp4", list(range(0, 4000, 40)), sound=None)
    with av.open(str(source)) as container, av.open(str(tmp_path / "edited.mp4"), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.dts is not None:
                shift = round(3 / stream.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                out.mux(packet)
    reader = Reader(tmp_path / "edited.mp4")
    assert reader.stream.frames == 100
    assert ends(tmp_path / "edited.mp4") == (25, None)


class Unsought:
    """A file that is not seekable, like a pipe."""

    def __init__(self, file):
        self.write = file.write


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_real_clips_are_complete(name):
    path = sample(name)
    count, said = ends(path)
    assert (count > 60, said) == (True, None)


def colored(path: Path, pixels: str, planes: tuple[int, int, int], **color: int) -> Path:
    """Ten frames of one color, given as values of the pixel format."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx265" if "10" in pixels else "libx264",
            rate=25,
            options={"x265-params": "log-level=none", "crf": "5"},
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for name, value in color.items():
            setattr(stream.codec_context, name, value)
        for number in range(3):
            frame = av.VideoFrame(64, 48, pixels)
            for plane, value in zip(frame.planes, planes, strict=True):
                kind = np.uint16 if "10" in pixels else np.uint8
                plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
            for name, value in color.items():
                setattr(frame, name, value)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def first(path: Path) -> np.ndarray:
    reader = Reader(path)
    timed = next(iter(reader))
    reader.close()
    return timed.rgb.reshape(-1, 3).mean(0)


def test_ten_bits_and_full_range_are_converted(tmp_path):
    gray = colored(tmp_path / "ten.mp4", "yuv420p10le", (64 + 438, 512, 512), color_range=1, colorspace=1)
    assert first(gray) == pytest.approx([127.5] * 3, abs=1.6)
    full = colored(tmp_path / "full.mp4", "yuv420p", (200, 128, 128), color_range=2, colorspace=1)
    assert first(full) == pytest.approx([200] * 3, abs=1.6)


def test_primaries_are_kept_and_ten_bits_are_written_on_request(tmp_path, style_folder):
    source = colored(
        tmp_path / "in.mp4",
        "yuv420p",
        (120, 110, 150),
        color_range=1,
        colorspace=6,
        color_primaries=6,
        color_trc=6,
    )
    for options, pixels in (({}, "yuv420p"), ({"codec": "libx265", "pix_fmt": "yuv420p10le"}, "yuv420p10le")):
        stylize_video(
            source,
            tmp_path / "out.mp4",
            style="invert",
            device="cpu",
            threads=1,
            strength=0,
            crf=5,
            **options,
        )
        with av.open(str(tmp_path / "out.mp4")) as container:
            context = container.streams.video[0].codec_context
            assert context.pix_fmt == pixels
            assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (
                1,
                1,
                6,
                6,
            )
        assert first(tmp_path / "out.mp4") == pytest.approx(first(source), abs=3.5)
    for options in ({"pix_fmt": "rgb24"}, {"pix_fmt": "yuv420p99"}, {"codec": "libx264rgb"}):
        with pytest.raises(OutputError, match="support"):
            stylize_video(source, tmp_path / "no.mp4", style="invert", device="cpu", threads=1, **options)


def codes(values: list[float]) -> np.ndarray:
    return np.array([[[round(value * 65535)] * 3 for value in values]], np.uint16)


def test_hdr_is_converted_to_sdr():
    # PQ of 0, 20.3, 100, 203, 1000 and 10,000 cd/m2 (BT.2100); gray stays gray.
    pq = tone_mapped(codes([0, 0.3583, 0.5081, 0.5807, 0.7518, 1]), 16)[0]
    assert (pq[:, 0] == pq[:, 2]).all()
    assert pq[:, 0].astype(float) == pytest.approx(
        [0, 255 * 0.1 ** (1 / 2.4), 255 * (100 / 203) ** (1 / 2.4), 232, 255, 255], abs=2.5
    )
    # HLG: 0.75 is reference white, 1 the peak.
    hlg = tone_mapped(codes([0, 0.5, 0.75, 1]), 18)[0, :, 0].astype(float)
    assert hlg[2] == pytest.approx(232, abs=2.5)
    assert (hlg[0], hlg[3]) == (0, 255)
    assert 0 < hlg[1] < hlg[2]
    red = tone_mapped(np.array([[[65535 * 0.58, 0, 0]]]).astype(np.uint16), 16)[0, 0]
    assert red[0] > 200
    assert red[1:].max() < 5


def test_hdr_is_reported(tmp_path, style_folder):
    source = colored(
        tmp_path / "in.mp4",
        "yuv420p10le",
        (64 + round(876 * 0.5081), 512, 512),
        color_range=1,
        colorspace=9,
        color_primaries=9,
        color_trc=16,
    )
    assert first(source) == pytest.approx([190] * 3, abs=3)
    done = stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu", threads=1)
    assert "PQ" in done.notes[0]
    assert done.lost == ("more than 8 bits per channel", "high dynamic range (PQ)")
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.color_primaries, context.color_trc) == ("yuv420p", 1, 1)


def test_library_never_calls_python_from_its_threads():
    """With a log level, FFmpeg calls Python for each error, and a program that exits at this moment hangs."""
    assert library().logging.get_level() is None


def test_unsupported_pixel_format_is_reported(tmp_path, style_folder):
    clip = clips.write(tmp_path / "in.mp4", [0, 40], sound=None)
    with pytest.raises(OutputError, match="but no opaque yuv format"):
        stylize_video(clip, tmp_path / "out.mov", style="invert", device="cpu", codec="qtrle", pix_fmt="argb")
    with pytest.raises(OutputError, match="cannot be written with dnxhd at 64x48") as told:
        stylize_video(clip, tmp_path / "out.mov", style="invert", device="cpu", codec="dnxhd")
    assert "hardware" not in str(told.value)


def test_mono_audio_stays_mono(tmp_path, style_folder):
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        video, sound = (
            container.add_stream("libx264", rate=25),
            container.add_stream("aac", rate=48000, layout="mono"),
        )
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
            piece = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
            piece.pts, piece.sample_rate, piece.time_base = number * 1920, 48000, Fraction(1, 48000)
            container.mux(sound.encode(piece))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    stylize_video(tmp_path / "in.mp4", tmp_path / "out.webm", style="invert", device="cpu")
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams.audio[0].layout.name == "mono"


@pytest.mark.parametrize("turned", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
@pytest.mark.parametrize("mirror", [1, -1])
def test_display_matrix_is_applied(tmp_path, turned, mirror):
    """The point (x, y) is displayed at (a x + c y, b x + d y), as in ISO 14496-12, moved so that the image
    begins at 0.
    """
    a, b, c, d = turned[0] * mirror, turned[1] * mirror, turned[2], turned[3]
    path = clips.write(tmp_path / "in.mp4", [0, 40], sound=None)
    upright = next(iter(Reader(path))).rgb
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    content[place : place + 20] = struct.pack(">5i", a << 16, b << 16, 0, c << 16, d << 16)
    path.write_bytes(content)
    shown = next(iter(Reader(path))).rgb
    y, x = np.mgrid[: upright.shape[0], : upright.shape[1]]
    across, down = a * x + c * y, b * x + d * y
    expected = np.zeros_like(shown)
    expected[down - down.min(), across - across.min()] = upright
    np.testing.assert_array_equal(shown, expected)
