"""Print the frames per second of the camera filter in Chromium with WebAssembly, next to those of the Python
runtime.

    python bench/browser.py udnie starry-night --threads 2 --size 320x240

The site of `fststyle export-web` is served locally with the headers that threads need. Chromium plays a clip
of 60 frames per second as its camera, so 60 is the maximum in the browser. The frame rate in the browser is
the one that the page shows, from the camera to the screen, after the warm-up. The Python runtime stylizes the
same frames from memory. Measurements of both alternate. Needs playwright and Chromium.
"""

import argparse
import functools
import http.server
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from program import Row, run, show
from rich.console import Console
from rich.table import Table

from fststyle.arrays import RGB
from fststyle.errors import DependencyError
from fststyle.export.site import export_site
from fststyle.export.site_settings import SiteSettings
from fststyle.runtime.style import load_style
from fststyle.runtime.video.formats.raw import parse_size

RATE = 60
"""Frame rate of the camera clip."""
HEADERS = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""HTTP headers that browsers require for threads."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("styles", nargs="*", default=["udnie", "starry-night"])
    parser.add_argument("--threads", type=int, default=2, help="threads of both runtimes")
    parser.add_argument("--size", default="320x240", help="WIDTHxHEIGHT of the camera")
    parser.add_argument(
        "--seconds", type=float, default=10, help="duration of each measurement, after the warm-up"
    )
    parser.add_argument(
        "--warmup",
        type=float,
        default=15,
        help="duration of the warm-up in seconds, during which the browser compiles",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    return run(lambda console: _measure(args, console), lambda rows: _print(rows, args))


def _measure(args: argparse.Namespace, console: Console) -> list[Row]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise DependencyError(f"this needs playwright: pip install playwright [{error}]") from error
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise DependencyError("this needs Chromium: install chromium or google-chrome")
    width, height = parse_size(args.size, "--size")
    clip = frames(width, height)
    rows = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        camera = Path(scratch) / "camera.y4m"
        write_clip(camera, clip)
        browser = driver.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        for precision in ("int8", "float"):
            folder = Path(scratch) / precision
            export_site(args.styles, SiteSettings(output=folder))
            if precision == "float":
                listed = json.loads((folder / "styles.json").read_text())
                for style in listed["styles"]:
                    style["int8"] = None
                (folder / "styles.json").write_text(json.dumps(listed))
            with served(folder) as address:
                for name in args.styles:
                    found: dict[str, list[float]] = {"browser": [], "python": []}
                    for number in range(args.rounds):
                        console.print(f"{name} {precision}, round {number + 1} of {args.rounds}")
                        found["browser"].append(in_browser(browser, address, name, max(width, height), args))
                        found["python"].append(in_python(name, precision, clip, args))
                    rows.append(
                        {"style": name, "precision": precision}
                        | {key: statistics.median(values) for key, values in found.items()}
                    )
        browser.close()
    return rows


def _print(rows: list[Row], args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps({"threads": args.threads, "size": args.size, "rows": rows}, indent=1))
        return
    table = Table(title=f"frames per second at {args.size}, {args.threads} threads")
    for name in ("style", "precision", "browser", "python"):
        table.add_column(name, justify="left" if name in ("style", "precision") else "right")
    for row in rows:
        table.add_row(row["style"], row["precision"], f"{row['browser']:.1f}", f"{row['python']:.1f}")
    show(table)


def frames(width: int, height: int, count: int = 30) -> list[RGB]:
    """Return synthetic frames, uint8 (H, W, 3): a disc that moves over smooth noise."""
    ground = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    still = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    clip = []
    for index in range(count):
        center = (int(width * (0.2 + 0.6 * index / count)), height // 2)
        clip.append(cv2.circle(still.copy(), center, height // 4, (250, 220, 40), -1))
    return clip


def write_clip(path: Path, clip: list[RGB]) -> None:
    """Write the frames as a Y4M file."""
    height, width = clip[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in clip:
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Context manager that yields the local address of a server for `folder`."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in HEADERS.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *values: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def in_browser(browser: Any, address: str, name: str, side: int, args: argparse.Namespace) -> float:
    """Return the frames per second on the page: the median of the displayed values, which are read every half
    second.
    """
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{address}/?style={name}&threads={args.threads}")
    page.wait_for_selector("[data-ready]")
    page.get_by_label("Computed by").select_option("wasm")
    page.get_by_label("Size").select_option(str(side))
    page.get_by_role("button", name="Start the camera").click()
    page.locator(".filter-status[data-fps]").wait_for()
    page.wait_for_timeout(args.warmup * 1000)
    shown = []
    for _ in range(max(1, int(args.seconds * 2))):
        page.wait_for_timeout(500)
        shown.append(float(page.locator(".filter-status").get_attribute("data-fps")))
    context.close()
    return statistics.median(shown)


def in_python(name: str, precision: str, clip: list[RGB], args: argparse.Namespace) -> float:
    """Return the frames per second of the Python runtime on the CPU."""
    style = load_style(name, device="cpu", threads=args.threads, precision=precision)
    for frame in clip:
        style(frame)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < args.seconds:
        style(clip[count % len(clip)])
        count += 1
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
