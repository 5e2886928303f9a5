"""Print frame rate and latency of `fststyle webcam` over minutes.

    python bench/webcam.py clip.mp4 --seconds 180

A video file is played in real time as the camera. Each row covers a part of the time: frames per second,
latency from camera to stylized frame (median and 99th percentile), camera frames that were skipped because a
newer one had arrived, and the processing size.
"""

import argparse
import statistics
import sys
import time

from program import Row, run, show
from rich.table import Table

from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.webcam.live import Live
from fststyle.runtime.webcam.view import View

PARTS = 6
"""Number of rows."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("camera", help="a video file, or a camera")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--style", default=WebcamSettings.style)
    parser.add_argument("--fps", type=float, default=30)
    args = parser.parse_args()

    def report(rows: list[Row]) -> None:
        table = Table(*rows[0], title=f"{args.camera}, {args.style}, target {args.fps:g} fps")
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        show(table)

    return run(
        lambda _: measure(WebcamSettings(camera=args.camera, style=args.style, fps=args.fps), args.seconds),
        report,
    )


def measure(settings: WebcamSettings, seconds: float) -> list[Row]:
    """Return one row for each of `PARTS` equal parts of the time, except parts with fewer than two frames.
    Raises the errors of `Live`.
    """
    live = Live(settings)
    parts: list[list[View]] = [[] for _ in range(PARTS)]
    try:
        begin = time.monotonic()
        for view in live.frames():
            part = int((time.monotonic() - begin) / seconds * PARTS)
            if part >= PARTS:
                break
            parts[part].append(view)
    finally:
        live.close()
    return [_row(number, views, seconds / PARTS) for number, views in enumerate(parts) if len(views) > 1]


def _row(number: int, views: list[View], seconds: float) -> Row:
    """Return one row of the table."""
    late = sorted(view.latency * 1000 for view in views)
    return {
        "from second": round(number * seconds),
        "fps": round(len(views) / seconds, 1),
        "latency ms": round(statistics.median(late)),
        "latency p99 ms": round(late[int(len(late) * 0.99)]),
        "skipped": views[-1].number - views[0].number + 1 - len(views),
        "size": "{}x{}".format(*views[-1].painted),
    }


if __name__ == "__main__":
    sys.exit(main())
