"""Print which streams and tags `fststyle video --strength 0` keeps, for twelve kinds of video files.

    python bench/containers.py              streams, tags, chapters and frame times, before and after
    python bench/containers.py --markdown   the same as a table for docs/video.md

PyAV (Pillow for animated images) writes each input: twelve frames, at uneven times where the container allows
it, half a second of audio in videos, and tags, chapters, cover art, fonts or a timecode as the kind states.
The output has the same container, or another one where fststyle cannot write it. Streams are counted by kind,
and only tags that describe the content are counted. "time, ms" is the largest difference of a frame time, and
"lost" is what the command reports as lost.
"""

import argparse
import io
import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from program import Row, run, show
from rich.table import Table

from fststyle.io import images
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.contents import kind_of, tags
from fststyle.runtime.video.formats.open import InputOptions, open_source
from fststyle.runtime.video.stylize import stylize_video

UNEVEN = [0, 40, 80, 200, 240, 300, 340, 420, 460, 500, 560, 600]
"""Uneven frame times in milliseconds."""
EVEN = list(range(0, 480, 40))
"""Even frame times in milliseconds."""
CHAPTERS = [(0, 200, "one"), (200, 600, "two")]
"""Start and end in milliseconds, and title."""
WIDTH, HEIGHT = 96, 64


@dataclass(frozen=True)
class Kind:
    """A kind of input file.

    Args:
        suffix: suffix of the file.
        video: video encoder; empty for animated images.
        pixels: pixel format.
        audio: audio encoder, or None.
        chapters, cover, font, timecode: whether the file has them.
        tags: tags of the container.
        uneven: whether the frame times are uneven.
        target: suffix of the output; empty for the suffix of the input.
    """

    suffix: str
    video: str = "libx264"
    pixels: str = "yuv420p"
    audio: str | None = "aac"
    chapters: bool = False
    cover: bool = False
    font: bool = False
    timecode: bool = False
    tags: tuple[tuple[str, str], ...] = (("title", "a test"),)
    uneven: bool = True
    target: str = ""


PHONE = (
    ("com.apple.quicktime.make", "Apple"),
    ("com.apple.quicktime.location.ISO6709", "+48.8577+002.2950/"),
)
KINDS = {
    "MP4, H.264 and AAC, cover, chapters": Kind(".mp4", chapters=True, cover=True),
    "MOV of a phone, timecode": Kind(".mov", tags=(("title", "a test"), *PHONE), timecode=True, uneven=False),
    "MOV, ProRes 4444 and PCM": Kind(".mov", "prores_ks", "yuva444p10le", "pcm_s16le"),
    "MKV, H.264 and FLAC, font, chapters": Kind(".mkv", audio="flac", chapters=True, font=True),
    "WebM, VP9 with alpha and Opus": Kind(".webm", "libvpx-vp9", "yuva420p", "libopus", chapters=True),
    "M4V, H.265 and ALAC": Kind(".m4v", "libx265", audio="alac"),
    "AVI, MPEG-4 and MP3": Kind(".avi", "mpeg4", audio="libmp3lame", uneven=False, target=".mp4"),
    "MPEG-TS, H.264 and AC-3": Kind(".ts", audio="ac3", tags=(), target=".mp4"),
    "MPEG-PS, MPEG-2 and MP2": Kind(".mpg", "mpeg2video", audio="mp2", tags=(), uneven=False, target=".mkv"),
    "GIF": Kind(".gif", "", audio=None, tags=()),
    "WebP, animated, with alpha": Kind(".webp", "", audio=None, tags=()),
    "APNG with alpha": Kind(".apng", "", audio=None, tags=()),
}


def image(number: int) -> np.ndarray:
    """Return one frame, RGBA uint8 (H, W, 4): a bar over a gradient, with transparent upper rows."""
    rgba = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    rgba[..., 1] = np.linspace(40, 200, WIDTH).astype(np.uint8)
    rgba[:, number * 5 : number * 5 + 8, :3] = (250, 30, 30)
    rgba[:16, :, 3] = 0
    return rgba


def make(path: Path, kind: Kind) -> Path:
    """Write an input file. Returns its path."""
    if not kind.video:
        ends = [*UNEVEN[1:], UNEVEN[-1] + 40]
        shown = [after - before for before, after in zip(UNEVEN, ends, strict=True)]
        made = [image(number) for number in range(len(UNEVEN))]
        frames = [
            images.Frame(np.ascontiguousarray(p[..., :3]), np.ascontiguousarray(p[..., 3]), ms)
            for p, ms in zip(made, shown, strict=True)
        ]
        images.write(images.Picture(frames, loop=0), path)
        return path
    options = {"movflags": "use_metadata_tags"} if kind.tags[1:] else {}
    form = "mp4" if kind.suffix == ".m4v" else None
    with av.open(str(path), "w", format=form, options=options) as container:
        container.metadata.update(dict(kind.tags))
        if kind.chapters:
            container.set_chapters([chapter(*one, number) for number, one in enumerate(CHAPTERS)])
        streams, encode = video_stream(container, kind), audio_stream(container, kind)
        cover = cover_packet(container) if kind.cover else None
        if kind.font:
            container.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0 a font")
        for packet in itertools.chain(video_packets(streams, kind), encode()):
            container.mux(packet)
            if cover is not None:
                container.mux(cover)
                cover = None
    return path


def chapter(start: int, end: int, title: str, number: int) -> Any:
    """Return a chapter in the format of PyAV."""
    base = Fraction(1, 1000)
    return {"id": number, "start": start, "end": end, "time_base": base, "metadata": {"title": title}}


def video_stream(container: Any, kind: Kind) -> Any:
    """Add the video stream, and return it."""
    options = {"x265-params": "log-level=none"} if kind.video == "libx265" else {}
    stream = container.add_stream(kind.video, rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, kind.pixels
    if kind.uneven:
        stream.codec_context.time_base = Fraction(1, 1000)
    if kind.timecode:
        stream.metadata["timecode"] = "01:00:00:00"
    return stream


def video_packets(stream: Any, kind: Kind) -> Any:
    """Yield the encoded frames."""
    for number, time in enumerate(UNEVEN if kind.uneven else EVEN):
        frame = av.VideoFrame.from_ndarray(image(number), format="rgba").reformat(format=kind.pixels)
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def audio_stream(container: Any, kind: Kind) -> Callable[[], Any]:
    """Add the audio stream. Returns a function that encodes half a second of a tone."""
    if kind.audio is None:
        return lambda: ()
    stream = container.add_stream(kind.audio, rate=48000)
    stream.metadata["language"] = "eng"
    tone = (np.sin(np.arange(24000) / 20) * 8000).astype(np.int16)

    def encode() -> Any:
        resampler = av.AudioResampler(stream.format, stream.layout, 48000, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = 0, 48000, Fraction(1, 48000)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            yield from stream.encode(piece)
        yield from stream.encode(None)

    stream.codec_context.open()
    return encode


def cover_packet(container: Any) -> Any:
    """Add a stream for cover art. Returns its packet."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, "JPEG")
    stream = container.add_stream("mjpeg", rate=1)
    stream.width = stream.height = 32
    stream.pix_fmt, stream.disposition = "yuvj420p", 0x400
    packet = av.Packet(buffer.getvalue())
    packet.pts, packet.dts, packet.time_base, packet.stream = 0, 0, Fraction(1, 1000), stream
    packet.is_keyframe = True
    return packet


def content(path: Path) -> Row:
    """Return the streams by kind, the numbers of tags, chapters and frames, whether any frame is transparent,
    and the times of the frames in milliseconds.
    """
    opened = open_source(path, InputOptions())
    try:
        timed_frames = [
            (item.seconds - opened.origin, item.alpha) for item in opened if isinstance(item, TimedFrame)
        ]
        counted = Counter(kind_of(stream) for stream in opened.streams)
        found = {"video": 1, **counted}
        known = len(tags(opened.metadata))
        return {
            "streams": ", ".join(f"{count} {kind}" for kind, count in found.items()),
            "tags": known,
            "chapters": len(opened.chapters),
            "frames": len(timed_frames),
            "alpha": any(alpha is not None and alpha.min() < 250 for _, alpha in timed_frames),
            "times": [1000 * (time - timed_frames[0][0]) for time, _ in timed_frames],
        }
    finally:
        opened.close()


def measure(style: str) -> list[Row]:
    """Return one row for each kind of file."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, kind) in enumerate(KINDS.items()):
            source = make(Path(folder, f"{number}{kind.suffix}"), kind)
            target = Path(folder, "out", f"{number}{kind.target or kind.suffix}")
            done = stylize_video(source, target, style=style, device="cpu", strength=0)
            before, after = content(source), content(target)
            apart = [abs(a - b) for a, b in zip(before.pop("times"), after.pop("times"), strict=True)]
            row: Row = {"input": name, "output": target.suffix}
            row |= {key: both(before[key], after[key]) for key in before}
            row["time, ms"] = f"{max(apart):.1f}"
            row["lost"] = ", ".join(done.lost) or "nothing"
            rows.append(row)
    return rows


def both(before: Any, after: Any) -> str:
    """Return a value that did not change, or else "before → after"."""
    words = {True: "yes", False: "no"}
    first, second = (words[value] if isinstance(value, bool) else str(value) for value in (before, after))
    return first if first == second else f"{first} → {second}"


def markdown(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [[*rows[0]], ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--style", default="starry-night", help="a style that reproduces the input at strength 0"
    )
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/video.md")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    def report(rows: list[Row]) -> None:
        if args.json:
            print(json.dumps(rows, indent=1))
        elif args.markdown:
            print(markdown(rows))
        else:
            table = Table(*rows[0], title="fststyle video --strength 0")
            for row in rows:
                table.add_row(*map(str, row.values()))
            show(table)

    return run(lambda _: measure(args.style), report)


if __name__ == "__main__":
    sys.exit(main())
