"""Print the throughput of `fststyle serve` under load: many concurrent clients stylize photos.

    python bench/serve.py --clients 20 --photos 10

Each client sends photos of --size pixels one after another. For comparison, `fststyle.stylize_files`
stylizes the same photos in a separate process; this is the throughput without HTTP. Each round measures both.
The table has the photos per second of both and their ratio, the time of a request (median and 99th
percentile), the numbers of failed requests ("lost") and of results that differ ("different"), and the memory
of the server before and after each round.
"""

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from program import run, show
from rich.console import Console
from rich.table import Table

from fststyle.errors import InputError

_COMMAND_LINE = """
import json, pathlib, sys, time
from fststyle.runtime.batch import stylize_files
from fststyle.runtime.settings import ImageSettings
folder, style = sys.argv[1:]
files = sorted(pathlib.Path(folder).glob("*.jpg"))
stylize_files(files[:1], folder + "/warm/", ImageSettings(style=style))
begin = time.perf_counter()
stylize_files(files, folder + "/out/", ImageSettings(style=style))
print(json.dumps(time.perf_counter() - begin))
"""


@dataclass(frozen=True)
class Round:
    """One round of both measurements.

    Args:
        command_line, server: photos per second.
        median, slowest: median and 99th percentile of the time of a request in seconds.
        lost, different: number of requests that failed, and of results that differ from the command line.
        memory_before, memory_after: resident memory of the server in megabytes.
    """

    command_line: float
    server: float
    median: float
    slowest: float
    lost: int
    different: int
    memory_before: float
    memory_after: float


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--photos", type=int, default=10, help="photos of each client in a round")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    return run(lambda console: measure(args, console), lambda rounds: _print(args, rounds))


def measure(args: argparse.Namespace, console: Console) -> list[Round]:
    """Start a server, and return the rounds.

    Raises:
        InputError: the size is not valid, or the server does not start.
    """
    try:
        width, height = map(int, args.size.split("x"))
    except ValueError as error:
        raise InputError(f"--size: {args.size!r} is not WIDTHxHEIGHT") from error
    count = args.clients * args.photos
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count):
            (folder / f"{number:05}.jpg").write_bytes(photo(width, height, number % 8))
        command = [sys.executable, "-m", "fststyle", "serve", "--no-browser", "--port", "0"]
        command += ["--folder", str(folder / "data"), "--requests-per-minute", "1000000"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            try:
                assert server.stderr is not None
                line = server.stderr.readline()
                found = re.search(r"http://\S+", line)
                if found is None:
                    raise InputError(f"the server does not start: {line.strip()}")
                post(found.group(), args.style, photo(width, height, 0))
                rounds = []
                for number in range(args.rounds):
                    console.print(f"round {number + 1} of {args.rounds}")
                    rounds.append(_round(args, folder, found.group(), server.pid))
                return rounds
            finally:
                server.terminate()


def photo(width: int, height: int, seed: int) -> bytes:
    """Return a JPEG file with smooth areas and edges."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (9, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def post(address: str, style: str, content: bytes) -> bytes:
    """Return the stylized image that the server returns for a photo."""
    form = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n' + content
    form += b'\r\n--x\r\nContent-Disposition: form-data; name="style"\r\n\r\n' + style.encode()
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}api/paint", form + b"\r\n--x--\r\n", kind)
    with urllib.request.urlopen(request, timeout=600) as response:
        content = response.read()
    return bytes(content)


def _round(args: argparse.Namespace, folder: Path, address: str, process: int) -> Round:
    """Measure one round: `stylize_files` in a new process, then the server under load.

    Args:
        args: the options of the command line.
        folder: folder of the photos, to which the reference results are written.
        address: URL of the server.
        process: process ID of the server.
    """
    count = args.clients * args.photos
    command = [sys.executable, "-c", _COMMAND_LINE, str(folder), args.style]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    command_line = count / float(json.loads(done.stdout))
    files = sorted(folder.glob("*.jpg"))
    times: list[float] = []
    found: list[tuple[Path, bytes]] = []
    failed: list[Exception] = []

    def client(own: list[Path]) -> None:
        for path in own:
            begin = time.perf_counter()
            try:
                found.append((path, post(address, args.style, path.read_bytes())))
            except Exception as error:
                failed.append(error)
            times.append(time.perf_counter() - begin)

    before = _memory(process)
    threads = [threading.Thread(target=client, args=(files[i :: args.clients],)) for i in range(args.clients)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    different = sum((folder / "out" / path.name).read_bytes() != content for path, content in found)
    times.sort()
    return Round(
        command_line,
        len(found) / seconds,
        statistics.median(times),
        times[int(0.99 * (len(times) - 1))],
        len(failed),
        different,
        before,
        _memory(process),
    )


def _memory(process: int) -> float:
    """Return the resident memory of a process in megabytes (Linux)."""
    text = Path(f"/proc/{process}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _print(args: argparse.Namespace, rounds: list[Round]) -> None:
    if args.json:
        print(json.dumps([vars(one) for one in rounds], indent=1))
        return
    heads = ("command line", "server", "ratio", "median", "slowest of 100", "lost", "different", "memory")
    title = f"{args.clients} clients with {args.photos} photos of {args.size} each, {args.style}"
    table = Table(*heads, title=title)
    for one in rounds:
        values: tuple[Any, ...] = (
            f"{one.command_line:.2f}/s",
            f"{one.server:.2f}/s",
            f"{one.server / one.command_line:.2f}",
            f"{one.median:.2f} s",
            f"{one.slowest:.2f} s",
            one.lost,
            one.different,
            f"{one.memory_before:.0f} -> {one.memory_after:.0f} MB",
        )
        table.add_row(*map(str, values))
    show(table)


if __name__ == "__main__":
    sys.exit(main())
