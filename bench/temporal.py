"""Print the temporal stability of stylized videos: the warping error with and without `--steady`, and that of
a moving average.

    python bench/temporal.py --style starry-night --style other.onnx --clip a.mp4 --clip b.mp4

The warping error (Lai et al. 2018, arXiv:1808.00449, equation 9) is the MSE (0-255) between a stylized frame
and the previous one, warped by the optical flow of the input frames, where the flow is reliable. The flow is
DIS (Kroeger et al. 2016) with refinement at full size and with a forward-backward check; `--steady` itself
uses a faster setting at reduced size.

- scene: the error of the input clip. It comes from grain and flow errors, so a lower value means a more
  accurate flow.
- agreed: the error where the flow of Farneback, another but less accurate method, agrees within a pixel.
- times: the error divided by that of the first style, frame by frame, on the same clip.
- detail: the mean gradient divided by that of the frame-by-frame result. A moving average is stable too, but
  blurs.
- ms: time per frame, with stylization.

`--keep-detail` and `--smooth` apply the options `--detail` and `--smooth` of `fststyle video`.
"""

import argparse
import itertools
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from program import Row, run, show
from rich.console import Console
from rich.table import Table
from stylizers import FrameStylizer, source

from fststyle.arrays import Flow, Gray
from fststyle.errors import InputError
from fststyle.runtime.details import keep_details
from fststyle.runtime.stroke_smoothing import smooth_along_strokes
from fststyle.runtime.temporal import TemporalFilter
from fststyle.runtime.video.formats.base import TimedFrame
from fststyle.runtime.video.formats.reader import Reader

Frame = NDArray[np.uint8]
Stylize = Callable[[Frame], Frame]
AVERAGED = 3
"""Length of the moving average in frames."""
FORMS = {"error": "{:.0f}", "times": "{:.2f}", "agreed": "{:.0f}", "detail": "{:.2f}", "ms": "{:.0f}"}
"""Numeric columns and their formats."""


def main() -> int:
    args = _arguments()
    return run(
        lambda console: list(_rows(args, console)),
        lambda rows: print(json.dumps(rows, indent=1)) if args.json else _print(rows),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--style",
        action="append",
        required=True,
        help="name of an included style, or a style file; the first is the reference",
    )
    parser.add_argument("--clip", action="append", required=True, type=Path, help="a video; may be repeated")
    parser.add_argument("--frames", type=int, default=40, help="number of frames from the start of each clip")
    parser.add_argument(
        "--keep-detail", type=float, default=0.0, help="amount of details of the clip, 0 to 1"
    )
    parser.add_argument("--smooth", type=int, default=0, help="pixels to smooth along the strokes")
    parser.add_argument("--size", type=int, default=480, help="maximum longer side of the frames in pixels")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def clip(path: Path, size: int, count: int) -> list[Frame]:
    """Return the first `count` frames of a video, downscaled to a longer side of at most `size` pixels."""
    reader = Reader(path)
    try:
        shots = (item.rgb for item in reader if isinstance(item, TimedFrame))
        return [_scaled(rgb, size) for rgb in itertools.islice(shots, count)]
    finally:
        reader.close()


def _scaled(rgb: Frame, size: int) -> Frame:
    """Return a frame, downscaled if its longer side is above `size`, with sides that are multiples of 8."""
    scale = min(1.0, size / max(rgb.shape[:2]))
    size_of_frame = (round(rgb.shape[1] * scale / 8) * 8, round(rgb.shape[0] * scale / 8) * 8)
    return np.asarray(cv2.resize(rgb, size_of_frame, interpolation=cv2.INTER_AREA))


class Motion:
    """Optical flow from a frame to the previous one.

    ``there`` is the position of each pixel in the previous frame, (H, W, 2). ``certain`` and ``agreed``, bool
    (H, W), are True where the flow is reliable, and where the Farneback flow agrees as well.
    """

    def __init__(self, before: Frame, after: Frame):
        old, new = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
        height, width = new.shape
        grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
        flow = _dis(new, old)
        self.there = grid + flow
        back = cv2.remap(_dis(old, new), self.there, None, cv2.INTER_LINEAR)
        # Sundaram et al. 2010, as in Ruder et al. 2016 (equation 9).
        missed = (
            np.square(flow + back).sum(2) > 0.01 * (np.square(flow).sum(2) + np.square(back).sum(2)) + 0.5
        )
        inside = (self.there >= 0).all(2) & (self.there <= (width - 1, height - 1)).all(2)
        self.certain = inside & ~missed
        self.agreed = self.certain & (np.square(flow - _farneback(new, old)).sum(2) < 1)

    def errors(self, before: Frame, after: Frame) -> tuple[float, float]:
        """Return the MSE (0-255) between `after` and the warped `before` over the pixels in `certain`, and
        over those in `agreed`.
        """
        moved = cv2.remap(before, self.there, None, cv2.INTER_LINEAR).astype(np.float32)
        square = np.square(after.astype(np.float32) - moved)
        return float(square[self.certain].mean()), float(square[self.agreed].mean())

    @property
    def cut(self) -> bool:
        """Whether the flow is unreliable for most of the image, as at a scene change."""
        return bool(self.certain.mean() < 0.3)


def _dis(a: Gray, b: Gray) -> Flow:
    """Return the DIS flow from `a` to `b`."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(0)
    flow.setVariationalRefinementIterations(10)
    return np.asarray(flow.calc(a, b, None))


def _farneback(a: Gray, b: Gray) -> Flow:
    """Return the Farneback flow from `a` to `b`."""
    return np.asarray(cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 5, 21, 5, 7, 1.5, 0))


def _refined(network: FrameStylizer, args: argparse.Namespace) -> Stylize:
    """Return the function that stylizes a frame, smooths it, and keeps details."""
    return lambda frame: keep_details(
        frame, smooth_along_strokes(network(frame), args.smooth), args.keep_detail
    )


def _ways(stylizer: Stylize) -> Iterator[tuple[str, Stylize]]:
    """Yield the name and the function of each method. The functions must be called on the frames in order."""
    steady, last = TemporalFilter(), deque[Frame](maxlen=AVERAGED)

    def average(frame: Frame) -> Frame:
        last.append(stylizer(frame))
        return np.asarray(np.mean(last, axis=0), np.uint8)

    yield "frame by frame", stylizer
    yield "steady", lambda frame: steady(frame, stylizer(frame))
    yield f"mean of {AVERAGED}", average


def _rows(args: argparse.Namespace, console: Console) -> Iterator[Row]:
    for path in args.clip:
        with console.status(f"{path.name}: motion"):
            frames = clip(path, args.size, args.frames)
            motions = [Motion(a, b) for a, b in itertools.pairwise(frames)]
        if all(motion.cut for motion in motions):
            raise InputError(f"{path}: needs at least two frames, and not only scene changes")
        first: float | None = None
        yield {"clip": path.name, "style": "", "way": "scene", **_errors(frames, motions)}
        for text in args.style:
            stylizer, plain = _refined(FrameStylizer(source(text)), args), 0.0
            for way, paint in _ways(stylizer):
                with console.status(f"{path.name}: {text}, {way}"):
                    stylized, ms = _stylized(paint, frames)
                errors, detail = _errors(stylized, motions), _detail(stylized)
                first, plain = first or errors["error"], plain or detail
                yield {
                    "clip": path.name,
                    "style": text,
                    "way": way,
                    **errors,
                    "times": errors["error"] / first,
                    "detail": detail / plain,
                    "ms": ms,
                }


def _stylized(paint: Stylize, frames: list[Frame]) -> tuple[list[Frame], float]:
    """Return the stylized frames, and the median time per frame in milliseconds."""
    paint(frames[0])
    stylized, times = [], []
    for frame in frames:
        begin = time.perf_counter()
        stylized.append(paint(frame))
        times.append((time.perf_counter() - begin) * 1000)
    return stylized, float(np.median(times))


def _errors(frames: list[Frame], motions: list[Motion]) -> dict[str, float]:
    """Return the mean errors of pairs of consecutive frames, except at scene changes. There must be at least
    one such pair.
    """
    found = [
        m.errors(a, b) for m, (a, b) in zip(motions, itertools.pairwise(frames), strict=True) if not m.cut
    ]
    return dict(zip(("error", "agreed"), np.mean(found, 0).tolist(), strict=True))


def _detail(frames: list[Frame]) -> float:
    """Return the mean horizontal gradient."""
    return float(np.mean([np.abs(np.diff(frame.astype(np.float32), axis=1)).mean() for frame in frames]))


def _print(rows: list[Row]) -> None:
    table = Table(title="warping error (MSE, 0-255)")
    for name in ("clip", "style", "way"):
        table.add_column(name)
    for name in FORMS:
        table.add_column(name, justify="right")
    for row in rows:
        if row["way"] == "scene":
            table.add_section()
        figures = [form.format(row[name]) if name in row else "" for name, form in FORMS.items()]
        table.add_row(row["clip"], Path(row["style"]).stem, row["way"], *figures)
    show(table)


if __name__ == "__main__":
    sys.exit(main())
