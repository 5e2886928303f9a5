"""Print the perceptual objective of styles on unseen photos, and how many iterations Gatys' optimization
needs to reach the same objective.

    python bench/quality.py --style starry-night --photos PHOTOS --image starry-night.jpg [--rival other.onnx]

Photos are cropped to squares of 256 pixels. The objective is content loss + 3 x style loss with unnormalized
Gram matrices and without total variation, with the painting at the size used in training. All files in a
table are measured with the same objective.

- itself: the objective of the photo.
- sum: the objective of the stylized photo.
- steps: the iterations of Adam on the pixels (learning rate 0.03, starting from the photo) that reach the
  same objective. 0 means no better than the photo.
- at 120: the objective after the last iteration.
- ratio: sum divided by the objective after the last iteration. 1 means as good as the optimization; lower is
  better.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from program import Row, run, show
from rich.console import Console
from rich.table import Table
from stylizers import FrameStylizer, Source, metadata, source

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.train.data.loader import style_tensor, to_tensor
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import load_vgg
from fststyle.train.style.optimize import iterations_to_reach, optimize_from_photo

CLASSIC = {"style_size": 384, "content_weight": 1.0, "style_weight": 3.0}
"""Default settings of the objective: shorter side of the painting in pixels, and weights."""


def main() -> int:
    args = _arguments()

    def report(rows: list[Row]) -> None:
        if args.json:
            print(
                json.dumps(
                    {
                        "size": args.size,
                        "iterations": args.iterations,
                        "lr": args.lr,
                        "rows": rows,
                        "means": _means(rows, args.iterations),
                    },
                    indent=1,
                )
            )
        else:
            _print(rows, args.iterations)

    return run(lambda console: list(_rows(args, console)), report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--style",
        action="append",
        default=[],
        help="name of an included style, or a style file; may be repeated",
    )
    parser.add_argument(
        "--image",
        action="append",
        required=True,
        type=Path,
        help="the painting of each --style, in the same order",
    )
    parser.add_argument(
        "--photos", required=True, type=Path, help="folder of photos that the styles were not trained on"
    )
    parser.add_argument(
        "--rival",
        action="append",
        default=[],
        help="other network, float NCHW in 0..255 (FILE@1: in 0..1), measured with every --image",
    )
    parser.add_argument("--limit", type=int, default=8, help="number of photos, evenly spaced in the folder")
    parser.add_argument("--iterations", type=int, default=120, help="iterations of the optimizer")
    parser.add_argument(
        "--lr", type=float, default=0.03, help="learning rate of the optimizer, for pixels in 0..1"
    )
    parser.add_argument("--size", type=int, default=256, help="side of the photos in pixels")
    parser.add_argument(
        "--style-size",
        type=int,
        help="shorter side of the painting in pixels; default: as in training",
    )
    parser.add_argument("--content-weight", type=float)
    parser.add_argument("--style-weight", type=float)
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu", help="device of the optimizer"
    )
    parser.add_argument("--threads", type=int, default=0, help="threads of the optimizer and of ONNX Runtime")
    parser.add_argument("--curves", type=Path, help="JSON file that caches the curves of the optimizer")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    if len(args.image) != max(1, len(args.style)):
        parser.error("give one --image for each --style")
    if not args.style and not args.rival:
        parser.error("give a --style or a --rival")
    if args.limit < 1 or args.iterations < 1 or args.size < 16:
        parser.error("--limit and --iterations must be at least 1, and --size at least 16")
    return args


def _rows(args: argparse.Namespace, console: Console) -> Iterator[Row]:
    if args.threads:
        torch.set_num_threads(args.threads)
    vgg, curves = load_vgg().to(args.device), Curves(args.curves)
    photos = [(path.name, square(path, args.size)) for path in evenly(images.find(args.photos), args.limit)]
    rivals = [source(text) for text in args.rival]
    for number, image in enumerate(args.image):
        own = source(args.style[number]) if args.style else None
        wanted = _settings(own, image, args, console)
        style = style_tensor(image, int(wanted["style_size"]))
        objective = Objective(
            vgg,
            style.to(args.device),
            content_weight=wanted["content_weight"],
            style_weight=wanted["style_weight"],
        )
        stylizers = [
            (what.label, FrameStylizer(what, args.threads)) for what in ([own] if own else []) + rivals
        ]
        for name, photo in photos:
            x = to_tensor(photo)[None].to(args.device)
            key = [
                hashlib.sha256(photo.tobytes() + style.numpy().tobytes()).hexdigest(),
                wanted,
                args.iterations,
                args.lr,
            ]
            curve = curves.get(key)
            if curve is None:
                with console.status(f"{image.stem}: optimizing {name}"):
                    curve = optimize_from_photo(x, objective, args.iterations, args.lr)[1]
                curves.put(key, curve)
            for label, stylizer in stylizers:
                with torch.no_grad():
                    stylized = to_tensor(stylizer(photo))[None].to(args.device)
                    terms = objective(stylized, x)
                ours = terms.total.item()
                yield {
                    "painting": image.stem,
                    "stylizer": label,
                    "photo": name,
                    "photo_itself": curve[0],
                    "content": terms.content.item(),
                    "style": terms.style.item(),
                    "objective": ours,
                    "iterations": iterations_to_reach(curve, ours),
                    "optimized": curve[-1],
                    "ratio": ours / curve[-1],
                }


def _settings(
    own: Source | None, image: Path, args: argparse.Namespace, console: Console
) -> dict[str, float]:
    """Return the settings of the objective: those given as options, or else the style size used in training,
    or else those of `CLASSIC`.

    Prints a warning if the style was trained on a file other than `image`.
    """
    card = metadata(own.path) if own else {}
    digest = card.get("style_sha256") or card.get("trained_with", {}).get("style_sha256")
    if digest and digest != hashlib.sha256(image.read_bytes()).hexdigest():
        console.print(
            f"warning: {own.label if own else ''} was trained on a different file than {image.name}, so its"
            " objective is probably higher",
            highlight=False,
        )
    given = {name: getattr(args, name) for name in CLASSIC if getattr(args, name) is not None}
    trained = {name: value for name, value in card.get("trained_with", {}).items() if name == "style_size"}
    return {**CLASSIC, **trained, **given}


class Curves:
    """A cache of the optimizer's objective curves, which are slow to compute. It is stored in the file
    `path`, or only in memory if `path` is None.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.known: dict[str, list[float]] = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, key: list[Any]) -> list[float] | None:
        """Return the cached curve, or None."""
        return self.known.get(self._text(key))

    def put(self, key: list[Any], curve: list[float]) -> None:
        """Add a curve to the cache."""
        self.known[self._text(key)] = curve
        if self.path:
            self.path.write_text(json.dumps(self.known))

    @staticmethod
    def _text(key: list[Any]) -> str:
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def evenly(paths: list[Path], limit: int) -> list[Path]:
    """Return at most `limit` evenly spaced items of `paths`."""
    return [paths[i] for i in np.linspace(0, len(paths) - 1, min(limit, len(paths))).round().astype(int)]


def square(path: Path, size: int) -> NDArray[np.uint8]:
    """Return the central square of a photo, scaled to (size, size, 3)."""
    image = Image.fromarray(images.read(path).opaque)
    side = min(image.size)
    if side < 16:
        raise InputError(f"{path}: the minimum is 16x16 pixels")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(
        image.resize((size, size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    )


def _means(rows: list[Row], last: int) -> list[Row]:
    """Return the means per painting and file.

    Where the optimizer does not reach the objective, the mean number of iterations is a lower bound;
    ``beyond`` is the number of such photos.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["painting"], row["stylizer"]), []).append(row)
    means = []
    for (painting, stylizer), group in groups.items():
        mean = {
            name: float(np.mean([row[name] for row in group]))
            for name in ("photo_itself", "content", "style", "objective", "optimized", "ratio")
        }
        steps = [last if row["iterations"] is None else row["iterations"] for row in group]
        beyond = sum(row["iterations"] is None for row in group)
        means.append(
            {
                "painting": painting,
                "stylizer": stylizer,
                "photos": len(group),
                **mean,
                "iterations": float(np.mean(steps)),
                "beyond": beyond,
            }
        )
    return means


def _print(rows: list[Row], last: int) -> None:
    for mean in _means(rows, last):
        table = Table(title=f"{mean['stylizer']} on {mean['painting']} (objective in thousands)")
        table.add_column("photo", overflow="fold")
        for name in ("itself", "content", "style", "sum", "steps", f"at {last}", "ratio"):
            table.add_column(name, justify="right")
        for row in rows:
            if (row["painting"], row["stylizer"]) == (mean["painting"], mean["stylizer"]):
                _add(
                    table,
                    row["photo"],
                    row,
                    f">{last}" if row["iterations"] is None else f"{row['iterations']:.1f}",
                )
        table.add_section()
        _add(table, "mean", mean, f"{'>' if mean['beyond'] else ''}{mean['iterations']:.1f}")
        show(table)


def _add(table: Table, name: str, row: Row, iterations: str) -> None:
    k = [
        f"{row[column] / 1000:.0f}"
        for column in ("photo_itself", "content", "style", "objective", "optimized")
    ]
    table.add_row(name, *k[:4], iterations, k[4], f"{row['ratio']:.2f}")


if __name__ == "__main__":
    sys.exit(main())
