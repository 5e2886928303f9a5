"""Print the speed of `fststyle video` relative to its network, or with --memory its memory use over a long
video.

    python bench/video.py in.mp4 --style starry-night --frames 200
    python bench/video.py --memory 20000 --size 128x96

Speed: the network alone stylizes the first frames of the clip, which are already decoded. Then `fststyle
video` stylizes the same frames from file to file, with its defaults and with --no-steady. Loading the model
is not measured; for `fststyle video`, decoding and encoding are, including the start and end of both, so use
many frames for a large network. The three measurements alternate in one process, so that drift of the machine
affects them equally. A ratio is the frame rate of `fststyle video` divided by that of the network.

Memory: a synthetic video of N frames is stylized, and resident memory is recorded after each tenth. The
growth is the difference between the last and the second tenth.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from program import Row, run, show
from rich.table import Table

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.runtime.frame_stylizer import FrameStylizer, load_for_settings
from fststyle.runtime.settings import StylizeSettings
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.raw import parse_size
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.report import Progress
from fststyle.runtime.video.stylize import stylize_video

MIB = 1 << 20


def main() -> int:
    args = _arguments()

    def report(result: Row) -> None:
        if args.json:
            print(json.dumps(result, indent=1))
            return
        table = Table(*(key.replace("_", " ") for key in result), title="fststyle video")
        table.add_row(*(_figure(value) for value in result.values()))
        show(table)

    with tempfile.TemporaryDirectory() as scratch:
        return run(lambda _: (memory if args.memory else throughput)(args, Path(scratch)), report)


def throughput(args: argparse.Namespace, scratch: Path) -> Row:
    """Return the frames per second of the network alone and of `fststyle video`; medians over the rounds."""
    if args.clip is None:
        args.clip = synthetic(scratch / "in.mp4", args.frames, parse_size(args.size))
    frames, end = _first(args.clip, args.frames)
    settings = {
        "style": args.style,
        "device": args.device,
        "threads": args.threads,
        "precision": args.precision,
    }
    loaded = StylizeSettings(**settings)
    stylizer = FrameStylizer(load_for_settings(loaded, args.style), loaded)
    stylizer.frame(frames[0])
    rounds = []
    for _ in range(args.rounds):
        begin = time.perf_counter()
        for frame in frames:
            stylizer.frame(frame)
        alone = len(frames) / (time.perf_counter() - begin)
        fps = {}
        for steady in (False, True):
            # `seconds` starts when the model has been loaded, as for the network alone.
            done = stylize_video(args.clip, scratch / "out.mp4", end=end, steady=steady, **settings)
            if done.frames != len(frames):
                raise InputError(
                    f"{args.clip}: fststyle video stylized {done.frames} frames instead of {len(frames)}"
                )
            fps[steady] = done.frames / done.seconds
        rounds.append(
            (
                alone,
                fps[False],
                fps[False] / alone,
                fps[True],
                fps[True] / alone,
                fps[False] / fps[True],
            )
        )
    height, width = frames[0].shape[:2]
    result = {
        "clip": args.clip.name,
        "style": args.style,
        "precision": args.precision,
        "size": f"{width}x{height}",
        "frames": len(frames),
    }
    keys = (
        "network_fps",
        "command_fps_not_steady",
        "ratio_not_steady",
        "command_fps",
        "ratio",
        "steadying_takes_times",
    )
    return {
        **result,
        **{
            key: statistics.median(values)
            for key, values in zip(keys, zip(*rounds, strict=True), strict=True)
        },
    }


def memory(args: argparse.Namespace, scratch: Path) -> Row:
    """Return the resident memory in MiB after each tenth of a long video."""
    clip = synthetic(scratch / "long.mp4", args.memory, parse_size(args.size))
    marks: dict[int, float] = {max(1, args.memory * tenth // 10): 0.0 for tenth in range(1, 11)}

    def note(progress: Progress) -> None:
        if progress.frames in marks:
            marks[progress.frames] = resident() / MIB

    stylize_video(
        clip,
        scratch / "out.mp4",
        style=args.style,
        device=args.device,
        threads=args.threads,
        on_progress=note,
    )
    values = list(marks.values())
    # The first tenth fills the queues and the look-ahead of the encoder.
    return {
        "style": args.style,
        "size": args.size,
        "frames": args.memory,
        "resident_mib": values,
        "growth_mib": values[-1] - values[1],
    }


def synthetic(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """Write a video of moving colors with a tone, and return its path. `size` is (H, W)."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=48000)
        for number in range(frames):
            waves = [
                127 + 120 * np.sin((x * (c + 1) + y * (3 - c)) / 29 + number / (5 + c)) for c in range(3)
            ]
            image = av.VideoFrame.from_ndarray(np.stack(waves, 2).astype(np.uint8), format="rgb24")
            image.pts, image.time_base = number, Fraction(1, 25)
            container.mux(video.encode(image))
            tone = (np.sin(np.arange(number * 1920, (number + 1) * 1920) / 20) * 8000).astype(np.int16)
            piece = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            piece.pts, piece.sample_rate, piece.time_base = number * 1920, 48000, Fraction(1, 48000)
            container.mux(sound.encode(piece))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    return path


def resident() -> int:
    """Return the resident memory of this process in bytes, or the peak on systems that report only that."""
    try:
        import os

        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _first(clip: Path, count: int) -> tuple[list[RGB], float | None]:
    """Return the first `count` frames of a clip, and the time in seconds of the next frame, or None."""
    reader = Reader(clip)
    frames: list[RGB] = []
    try:
        for item in reader:
            if isinstance(item, TimedFrame):
                if len(frames) == count:
                    return frames, item.seconds - reader.origin
                frames.append(item.rgb)
    finally:
        reader.close()
    if not frames:
        raise InputError(f"{clip}: contains no frames")
    return frames, None


def _figure(value: Any) -> str:
    """Return a value of a row as text."""
    if isinstance(value, list):
        return " ".join(f"{part:.0f}" for part in value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", nargs="?", type=Path, help="a video; a synthetic one if none is given")
    parser.add_argument("--style", default="starry-night")
    parser.add_argument("--frames", type=int, default=100, help="frames per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory",
        type=int,
        metavar="FRAMES",
        help="measure memory over a synthetic video with this number of frames instead",
    )
    parser.add_argument("--size", default="320x240", help="WIDTHxHEIGHT of synthetic videos")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="float, int8 or auto")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    if min(args.frames, args.rounds) < 1 or (args.memory is not None and args.memory < 10):
        parser.error("--frames and --rounds must be at least 1, and --memory at least 10")
    return args


if __name__ == "__main__":
    sys.exit(main())
