"""Print frame gaps and memory of the webcam filter under a stream of control messages.

    python bench/stage.py clip.mp4 --seconds 600 --changes 2

A video file is played in real time as the camera. Another process sends OSC messages over the loopback
interface: the style changes ``--changes`` times per second, and a hundred random messages per second set the
other values. One in ten of these messages is invalid. Each row covers a tenth of the time: frames per second,
gap between two frames (median, 99th percentile and largest), changes of the style that were shown, the memory
of the process (Linux only), and the number of networks in memory.
"""

import argparse
import math
import random
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from program import Row, run, show
from rich.table import Table

from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.webcam.controls.controllers import Controllers
from fststyle.runtime.webcam.live import Live
from fststyle.runtime.webcam.outputs.all_outputs import Outputs

PARTS = 10
"""Number of rows."""
PORT = 9731
"""UDP port of the OSC messages."""
RATE = 100
"""Messages per second, in addition to the changes of style."""


def main() -> int:
    if sys.argv[1:2] == ["send"]:
        return send(float(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("camera", help="a video file, or a camera")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--changes", type=float, default=2, help="changes of style per second")
    parser.add_argument("--size", type=int, help="as in fststyle webcam")
    parser.add_argument("--audio", help="as in fststyle webcam")
    parser.add_argument("--stream", help="as in fststyle webcam")
    args = parser.parse_args()

    def report(rows: list[Row]) -> None:
        table = Table(*rows[0], title=f"{args.camera}, {args.changes:g} changes of style per second")
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        show(table)

    settings = WebcamSettings(
        camera=args.camera, size=args.size, audio=args.audio, stream=args.stream, osc=str(PORT)
    )
    return run(lambda _: measure(settings, args.seconds, args.changes), report)


def send(changes: float, names: list[str]) -> int:
    """Send OSC messages until the process is terminated: per second, `changes` changes to the styles `names`
    in turn, and `RATE` random messages.
    """
    from pythonosc.udp_client import SimpleUDPClient

    client, rng = SimpleUDPClient("127.0.0.1", PORT), random.Random(0)
    begin, number, changed = time.monotonic(), 0, 0
    while True:
        if changes and (time.monotonic() - begin) * changes >= changed:
            client.send_message("/fststyle/style", names[changed % len(names)])
            changed += 1
        name = rng.choice(
            ["mix", "strength", "brush", "steadiness", "sound", "second"] if changes else ["sound"]
        )
        value: Any = rng.choice(names) if name == "second" else rng.random()
        if rng.random() < 0.1:
            value = rng.choice([math.nan, -1.0, 1e9, "none", True])
        client.send_message(f"/fststyle/{'fader/' * (name == 'brush')}{name}", value)
        number += 1
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))


def measure(settings: WebcamSettings, seconds: float, changes: float) -> list[Row]:
    """Return one row for each of `PARTS` equal parts of the time. Raises the errors of `Live`, `Controllers`
    and `Outputs`.
    """
    notes: list[str] = []
    outputs = Outputs(stream=settings.stream, on_note=notes.append)
    live = Live(settings, notes.append)
    controllers = Controllers(live.controls, settings)
    command = [sys.executable, __file__, "send", str(changes), *live.names]
    sender = subprocess.Popen(command)
    times: list[list[float]] = [[] for _ in range(PARTS)]
    rows: list[Row] = []
    styles: set[str] = set()
    before, changed = "", 0
    try:
        begin = time.monotonic()
        for view in live.frames():
            outputs.send(view)
            now = time.monotonic()
            part = int((now - begin) / seconds * PARTS)
            if part > len(rows):
                rows.append(_row(len(rows), times[len(rows)], changed, live, seconds / PARTS))
                changed = 0
            if part >= PARTS:
                break
            times[part].append(now)
            styles.add(view.style)
            changed, before = changed + (view.style != before), view.style
    finally:
        sender.terminate()
        sender.wait()
        controllers.close()
        live.close()
        outputs.close()
    sys.stderr.write("".join(f"{note}\n" for note in notes))
    sys.stderr.write(f"{len(styles)} mixtures were shown\n")
    return rows


def _row(number: int, times: list[float], changed: int, live: Live, seconds: float) -> Row:
    """Return one row of the table, from the times of its frames in seconds. With fewer than two frames, the
    gaps are None.
    """
    gaps = sorted(1000 * (after - before) for before, after in pairwise(times))
    return {
        "from second": round(number * seconds),
        "fps": round(len(times) / seconds, 1),
        "gap ms": round(statistics.median(gaps)) if gaps else None,
        "gap p99 ms": round(gaps[int(len(gaps) * 0.99)]) if gaps else None,
        "largest gap ms": round(gaps[-1]) if gaps else None,
        "changes shown": changed,
        "memory MB": _memory(),
        "networks": live.loaded,
    }


def _memory() -> float | None:
    """Return the resident memory of this process in megabytes; None if it is not known."""
    try:
        return round(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6)
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main())
