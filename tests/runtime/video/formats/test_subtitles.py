"""Text subtitles: copied, converted to the text format of another container, or named as lost."""

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fststyle.runtime.video.formats import writer
from fststyle.runtime.video.stylize import PaintedVideo, stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
LINES = [(200, 700, "Hello <i>world</i> & all"), (1000, 800, "zwei Zeilen\näöü")]
"""Start and duration in milliseconds, and text."""
DELAY = 30
"""Milliseconds by which a container may move all times, for the delay of the audio encoder."""
STYLE = "Fontname, Fontsize, PrimaryColor, SecondaryColor, OutlineColor, BackColor, Bold, Italic, Underline"
HEADER = (
    f"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, {STYLE}, StrikeOut, ScaleX, ScaleY,"
    " Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\nStyle:"
    " Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n[Events]\nFormat:"
    " Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
).encode()


def stylized(source: Path, target: Path, **changes) -> PaintedVideo:
    return stylize_video(source, target, style="invert", device="cpu", threads=1, **changes)


def subtitled(path: Path, codec: str, disposition: av.stream.Disposition | None = None, lines=LINES) -> Path:
    """A video of two seconds with audio and with subtitles in German."""
    plain = clips.write(path.with_name("plain.mp4"), list(range(0, 2000, 40)))
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        made = [new.add_stream_from_template(stream, opaque=True) for stream in old.streams]
        stream = new.add_stream(codec)
        stream.metadata["language"], stream.time_base = "deu", Fraction(1, 1000)
        if disposition is not None:
            stream.disposition = disposition
        copied = []
        for packet in old.demux():
            if packet.dts is not None:
                copied.append(av.Packet(bytes(packet)))
                copied[-1].pts, copied[-1].dts, copied[-1].time_base = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                )
                copied[-1].is_keyframe, copied[-1].stream = packet.is_keyframe, made[packet.stream.index]
        if codec != "dvbsub":
            stream.codec_context.subtitle_header = HEADER
            new.start_encoding()
            copied += [text_packet(stream, *line) for line in lines]
        for packet in sorted(copied, key=lambda packet: packet.dts * packet.time_base):
            new.mux(packet)
    return path


def text_packet(stream, start: int, duration: int, text: str):
    event = text.replace("\n", "\\N").replace("<i>", "{\\i1}").replace("</i>", "{\\i0}")
    made = av.subtitles.subtitle.SubtitleSet.create(f"0,0,Default,,0,0,0,,{event}".encode(), 0, duration)
    packet = stream.codec_context.encode_subtitle(made)
    packet.pts = packet.dts = start
    packet.duration, packet.time_base, packet.stream = duration, Fraction(1, 1000), stream
    return packet


def lines_of(path: Path) -> list[tuple[int, int, str]]:
    """The lines of the subtitles, like `LINES`, with ASS markup."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            if packet.size and (shown := stream.decode2(packet)) is not None:
                tick = packet.time_base * 1000
                text = shown[0].ass.decode().split(",", 8)[8].replace("\\N", "\n")
                found.append((round(packet.pts * tick), round(packet.duration * tick), text))
    return found


@pytest.mark.parametrize(
    ("codec", "source", "target", "expected"),
    [
        ("subrip", "in.mkv", "out.mp4", "mov_text"),
        ("ass", "in.mkv", "out.mov", "mov_text"),
        ("webvtt", "in.mkv", "out.mp4", "mov_text"),
        ("mov_text", "in.mp4", "out.mkv", "subrip"),
        ("mov_text", "in.mp4", "out.webm", "webvtt"),
        ("subrip", "in.mkv", "out.webm", "webvtt"),
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_text_is_converted_to_the_format_of_the_container(tmp_path, codec, source, target, expected, resume):
    done = stylized(subtitled(tmp_path / source, codec), tmp_path / target, resume=resume)
    assert done.lost == ()
    assert [note for note in done.notes if f"is converted to {expected}" in note and "(deu" in note]
    with av.open(str(tmp_path / target)) as container:
        assert container.streams.subtitles[0].metadata["language"] in ("deu", "ger")
    for (start, duration, text), (at, shown, found) in zip(LINES, lines_of(tmp_path / target), strict=True):
        assert abs(at - start) <= DELAY
        assert abs(shown - duration) <= 1
        assert ("{\\i1}" in found) == ("<i>" in text)
        assert re.sub(r"\{.*?\}", "", found) == re.sub(r"<.*?>", "", text)


def test_text_that_the_container_supports_is_copied(tmp_path):
    source = subtitled(tmp_path / "in.mkv", "ass")
    done = stylized(source, tmp_path / "out.mkv")
    assert (done.lost, done.notes) == ((), ())
    assert clips.packets(tmp_path / "out.mkv", "subtitle") == clips.packets(source, "subtitle")


@pytest.mark.parametrize(("codec", "target"), [("subrip", "out.mp4"), ("ass", "out.mkv")])
@pytest.mark.parametrize("resume", [False, True])
def test_text_that_is_shown_at_the_start_or_the_end_is_clipped(tmp_path, codec, target, resume):
    source = subtitled(tmp_path / "in.mkv", codec)
    for start, end, expected in (
        (0.8, None, [(0, 100), (200, 800)]),
        (0.8, 1.2, [(0, 100), (200, 200)]),
        (0.4, 0.8, [(0, 400)]),
        (0.96, None, [(40, 800)]),
        (1.4, None, [(0, 400)]),
    ):
        done = stylized(source, tmp_path / target, start=start, end=end, resume=resume)
        assert not [name for name in done.lost if "subtitle" in name]
        found = [line[:2] for line in lines_of(tmp_path / target)]
        np.testing.assert_allclose(found, expected, atol=DELAY)


def test_text_far_before_the_first_frame_that_is_read_is_clipped(tmp_path):
    plain = clips.write(tmp_path / "plain.mkv", list(range(0, 12000, 40)), keyframes=25, sound=None)
    with av.open(str(plain)) as old, av.open(str(tmp_path / "in.mkv"), "w") as new:
        video = new.add_stream_from_template(old.streams[0], opaque=True)
        text = new.add_stream("subrip")
        text.codec_context.subtitle_header = HEADER
        new.start_encoding()
        new.mux(text_packet(text, 500, 11000, "long"))
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = video
                new.mux(packet)
    stylized(tmp_path / "in.mkv", tmp_path / "out.mkv", start=11)
    ((at, shown, text),) = lines_of(tmp_path / "out.mkv")
    assert (at, "long" in text) == (0, True)
    assert 400 <= shown <= 500  # the clock of the file begins at its first packet


@pytest.mark.parametrize(
    ("second", "target", "lost"),
    [
        (300, "out.mp4", ("overlap of 1 text of subtitle subrip (deu) with the next text",)),
        (800, "out.mp4", ("overlap of 2 texts of subtitle subrip (deu) with the next texts",)),
        (300, "out.mkv", ()),
    ],
)
def test_texts_that_overlap_end_early_in_mp4_and_are_named(tmp_path, second, target, lost):
    lines = [(200, 1500, "one"), (600, second, "two"), (1000, 200, "three")]
    source = subtitled(tmp_path / "in.mkv", "subrip", lines=lines)
    assert stylized(source, tmp_path / target).lost == lost


def test_marks_of_subtitles_are_kept(tmp_path):
    """FFmpeg marks the first subtitles in MP4 as default."""
    marks = av.stream.Disposition
    for wanted in (marks.forced, marks.default | marks.forced):
        subtitled(tmp_path / "in.mkv", "subrip", wanted)
        for source, target in (("in.mkv", "out.mp4"), ("out.mp4", "out.mov"), ("in.mkv", "out.mkv")):
            done = stylized(tmp_path / source, tmp_path / target)
            with av.open(str(tmp_path / target)) as container:
                found = container.streams.subtitles[0].disposition
            unmarked = target == "out.mov" and wanted & marks.forced  # which MOV does not hold
            assert found == (wanted & ~marks.forced if unmarked else wanted), target
            assert bool(done.lost) == bool(unmarked)


def test_subtitles_that_are_pictures_are_named(tmp_path):
    source = subtitled(tmp_path / "in.mkv", "dvbsub")
    assert stylized(source, tmp_path / "out.mov").lost == ("subtitle dvb_subtitle (deu)",)


def test_texts_are_named_if_no_text_format_of_the_container_is_known(tmp_path, monkeypatch):
    monkeypatch.setitem(writer.FORMATS, ".flv", "flv")
    source = subtitled(tmp_path / "in.mkv", "subrip")
    done = stylized(source, tmp_path / "out.flv")
    assert done.frames == 50
    assert "subtitle subrip (deu)" in done.lost


def test_damaged_packets_are_counted(tmp_path):
    source = clips.write(tmp_path / "in.mkv", list(range(0, 500, 40)))
    content = bytearray(source.read_bytes())
    for _, packet in clips.packets(source)[5:8]:
        at = content.index(packet)
        content[at : at + len(packet)] = bytes([0xFF]) * len(packet)
    source.write_bytes(content)
    notes = stylized(source, tmp_path / "out.webm").notes
    assert [note for note in notes if note.endswith("audio aac: 3 damaged packets are skipped")]


def test_subtitle_without_an_end_is_shown_until_the_next_one_or_the_end(tmp_path):
    """FFmpeg states that it lasts 2**32 - 1 ms."""
    lines = [(100, 2**32 - 1, "one"), (500, 2**32 - 1, "two")]
    source = subtitled(tmp_path / "in.mkv", "subrip", lines=lines)
    for target in ("out.mp4", "out.mkv"):
        stylized(source, tmp_path / target)
        with av.open(str(tmp_path / target)) as made:
            end = round(made.duration / 1000)
        texts = [line for line in lines_of(tmp_path / target) if line[2]]
        assert texts[0][1] == 400
        assert abs(texts[1][0] - 500) <= DELAY
        assert 2000 - DELAY <= texts[1][0] + texts[1][1] <= end < 2000 + 2 * DELAY
