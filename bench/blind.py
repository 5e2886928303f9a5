"""Write sheets for blind comparisons of systems (`make`), and print the results of the votes (`score`).

    python bench/blind.py make sheets --system ours=images/ --system lengstrom='rivals/*-lengstrom.jpg' \\
        --painting great-wave.jpg --photo examples --crops 1 --seed 1
    python bench/blind.py score sheets-key.json votes.csv [more-votes.json ...]

`make` matches the images by name (bench/matching.py: PAINTING-PHOTO-SYSTEM.jpg). A system can also be a
style, which stylizes the photos. For each painting, photo and pair of systems, `make` writes one sheet with
both whole images, and --crops sheets with the same crop of both at 1:1. The painting is at the top, and the
two images, A and B, are below it. Order, sides and crops depend on the seed. Each system of a pair is A
equally often (up to one sheet). The larger image is scaled to the size of the smaller one.

The folder contains the sheets and sheets.json, a list of {"sheet", "file", "painting", "kind"} in the order
of presentation, without the names of systems and photos. The key, by default FOLDER-key.json next to the
folder, maps A and B to systems. Give judges only the folder.

Votes are a CSV file with the header ``sheet,choice`` and one row per vote:

    sheet,choice
    0001,A
    0002,tie

or a JSON file with a list of such rows: [{"sheet": "0001", "choice": "A"}, ...]. ``choice`` is A, B or tie,
in upper or lower case. An additional column or key ``judge`` identifies the judge; without it, each file is
one judge. A judge votes at most once per sheet. The web application exports such rows.

`score` joins the votes with the key. It prints the preference for the first system of each pair (a tie is
half a vote), in total, per painting and per kind of sheet; the preference for each system over all others;
and the strength of each system in the Bradley-Terry model, which is the log odds against the average system.
The 95 % confidence interval of the strength is from a bootstrap over the pairs of painting and photo, since
sheets of one photo are not independent. One virtual tie per compared pair keeps the strength of a system that
never loses finite. "A chosen" is the share of votes for A without ties. A value far from 50 % means that
judges prefer one side.
"""

import argparse
import csv
import hashlib
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import matching
import numpy as np
from matching import RGB, StylizedImage
from PIL import Image, ImageDraw, ImageFont
from program import Row, run, show
from rich.table import Table

from fststyle.bradley_terry import CHOICES, Comparison, bootstrap, strengths
from fststyle.errors import InputError, OutputError
from fststyle.io import images

EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = ("whole", "crop")
"""Kinds of sheets."""
MARGIN, LABEL, PAINTING = 12, 26, 300
"""Sizes in pixels: margin around the images, height of the line with their letters, and maximum height of the
painting.
"""


@dataclass(frozen=True)
class Sheet:
    """One entry of the key.

    Args:
        sheet: name of the sheet.
        kind: one of `KINDS`.
        painting, photo: their names.
        a, b: the systems shown as A and as B.
        place: left, top, width and height of the shown part in pixels.
        sha256: SHA-256 of the file.
    """

    sheet: str
    kind: str
    painting: str
    photo: str
    a: str
    b: str
    place: tuple[int, int, int, int]
    sha256: str


@dataclass(frozen=True)
class Vote:
    """One vote of a judge. ``for_a`` is 1 for A, 0 for B and 0.5 for a tie."""

    judge: str
    sheet: str
    for_a: float


def make(
    stylized: Sequence[StylizedImage],
    paintings: dict[str, Path],
    folder: Path,
    key: Path,
    *,
    against: str | None = None,
    crops: int = 1,
    crop_size: int = 320,
    seed: int = 0,
) -> list[Sheet]:
    """Write the sheets and the key. Returns the entries of the key.

    Args:
        stylized: the images of all systems.
        paintings: dict from the names of the paintings to their files.
        folder: new or empty folder for the sheets.
        key: the file of the key.
        against: name of a system; only pairs with this system are compared.
        crops: number of crops per pair, in addition to the whole images.
        crop_size: side of the crops in pixels.
        seed: seed of order, sides and crops.

    Raises:
        InputError: a system has two images of one photo and painting, there is no pair to compare, `against`
            is unknown, an image cannot be read, or the images of a pair have different aspect ratios.
        OutputError: the folder is not empty, the key exists, or the key would lie in the folder.
    """
    if key.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"{key}: the key must lie outside {folder}, which the judges get")
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder}: already exists and is not empty")
    if key.exists():
        raise OutputError(f"{key}: already exists")
    rng = np.random.default_rng(seed)
    pairs = _pairs(stylized, against)
    plans = [(pair, kind) for pair in pairs for kind in ("whole", *["crop"] * crops)]
    sides = _sides(plans, rng)
    folder.mkdir(parents=True, exist_ok=True)
    key.parent.mkdir(parents=True, exist_ok=True)
    sheets: list[Sheet] = []
    for number, index in enumerate(rng.permutation(len(plans)), 1):
        (first, second), kind = plans[index]
        a, b = (second, first) if sides[index] else (first, second)
        left, right = matching.same_size(a.load(), b.load())
        place = _place(left, crop_size if kind == "crop" else 0, rng)
        top, bottom = np.s_[place[1] : place[1] + place[3]], np.s_[place[0] : place[0] + place[2]]
        painting = images.read(paintings[a.painting]).opaque
        image = draw(painting, left[top, bottom], right[top, bottom])
        name = f"{number:04}"
        path = folder / f"{name}.png"
        image.save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sheets.append(Sheet(name, kind, a.painting, a.photo, a.system, b.system, place, digest))
    shown = [
        {
            "sheet": sheet.sheet,
            "file": f"{sheet.sheet}.png",
            "painting": sheet.painting,
            "kind": sheet.kind,
        }
        for sheet in sheets
    ]
    (folder / "sheets.json").write_text(json.dumps(shown, indent=1) + "\n")
    key.write_text(json.dumps({"seed": seed, "sheets": [asdict(sheet) for sheet in sheets]}, indent=1) + "\n")
    return sheets


def _pairs(
    stylized: Sequence[StylizedImage], against: str | None
) -> list[tuple[StylizedImage, StylizedImage]]:
    """Return all pairs of images with the same painting and photo, or those with the system `against`."""
    same: dict[tuple[str, str], dict[str, StylizedImage]] = {}
    for image in stylized:
        group = same.setdefault((image.painting, image.photo), {})
        if group.setdefault(image.system, image) is not image:
            which = f"{image.photo} in the style of {image.painting}"
            raise InputError(f"{image.system} has several images of {which}")
    if against is not None and against not in {image.system for image in stylized}:
        raise InputError(f"--against {against}: no such system is given with --system")
    found = [pair for group in same.values() for pair in itertools.combinations(group.values(), 2)]
    if against is not None:
        found = [pair for pair in found if against in (pair[0].system, pair[1].system)]
    if not found:
        pair = "no two systems have" if against is None else f"{against} and another system do not have"
        raise InputError(f"{pair} an image of the same photo and painting")
    return found


def _sides(
    plans: Sequence[tuple[tuple[StylizedImage, StylizedImage], str]], rng: np.random.Generator
) -> list[bool]:
    """Return whether the two images of each planned sheet, (pair of images, kind), are swapped. Over the
    sheets of one kind with the same two systems, each system is A equally often (up to one sheet).
    """
    groups: dict[tuple[frozenset[str], str], list[int]] = {}
    for index, ((first, second), kind) in enumerate(plans):
        groups.setdefault((frozenset((first.system, second.system)), kind), []).append(index)
    swapped = [False] * len(plans)
    for group in groups.values():
        offset = int(rng.integers(2))
        for turn, index in enumerate(rng.permutation(group)):
            # Compare names, since the order within a pair may differ from photo to photo.
            first, second = plans[index][0]
            swapped[index] = bool((turn + offset) % 2) != (first.system > second.system)
    return swapped


def _place(image: RGB, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return the left, top, width and height of a random crop; the whole image if `size` is 0."""
    height, width = image.shape[:2]
    if not size:
        return 0, 0, width, height
    w, h = min(size, width), min(size, height)
    return int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h


def draw(painting: RGB, a: RGB, b: RGB) -> Image.Image:
    """Return a sheet: the painting at the top, A and B side by side below it. A and B have the same size and
    are not scaled.
    """
    height, width = a.shape[:2]
    across = 3 * MARGIN + 2 * width
    factor = min(PAINTING / painting.shape[0], (across - 2 * MARGIN) / painting.shape[1])
    shown = matching.scaled(painting, *(max(1, round(side * factor)) for side in painting.shape[:2]))
    top = 2 * MARGIN + LABEL + shown.shape[0]
    sheet = Image.new("RGB", (across, top + LABEL + height + MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for text, image, x, y in (
        ("painting", shown, (across - shown.shape[1]) // 2, MARGIN),
        ("A", a, MARGIN, top),
        ("B", b, 2 * MARGIN + width, top),
    ):
        pen.text((x, y), text, "black", font=font)
        sheet.paste(Image.fromarray(np.ascontiguousarray(image)), (x, y + LABEL))
    return sheet


def read_key(path: Path) -> dict[str, Sheet]:
    """Return the entries of the key as a dict from the names of the sheets.

    Raises:
        InputError: the file cannot be read or is not a key.
    """
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))["sheets"]
        return {line["sheet"]: Sheet(**{**line, "place": tuple(line["place"])}) for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as a key of sheets ({error})") from error


def read_votes(path: Path) -> list[Vote]:
    """Return the votes in a CSV or JSON file.

    Raises:
        InputError: the file cannot be read or is empty, a sheet or choice is missing, a choice is unknown,
            or a judge votes twice on one sheet.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if path.suffix.lower() == ".json" else _table(text)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as votes ({error})") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path}: contains no votes")
    votes: dict[tuple[str, str], Vote] = {}
    for number, row in enumerate(rows, 1):
        fields = [row.get(name) for name in ("sheet", "choice")] if isinstance(row, dict) else [None]
        if not all(isinstance(field, str) for field in fields):
            raise InputError(f"{path}: vote {number} needs sheet and choice, both as text")
        sheet, choice = (str(field).strip() for field in fields)
        judge = str(row.get("judge") or path.stem)
        if choice.upper() not in CHOICES:
            raise InputError(f"{path}: vote {number}: {choice!r} is not A, B or tie")
        if (judge, sheet) in votes:
            raise InputError(f"{path}: vote {number}: {judge} has voted on sheet {sheet} before")
        votes[judge, sheet] = Vote(judge, sheet, CHOICES[choice.upper()])
    return list(votes.values())


def _table(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file as dicts."""
    return list(csv.DictReader(text.splitlines(), strict=True))


def join(votes: Iterable[Vote], key: dict[str, Sheet]) -> list[Comparison]:
    """Return the votes as comparisons of two systems in alphabetical order.

    Raises:
        InputError: a sheet is not in the key.
    """
    comparisons = []
    for vote in votes:
        if vote.sheet not in key:
            raise InputError(f"sheet {vote.sheet!r} is not in the key")
        sheet = key[vote.sheet]
        swap = sheet.a > sheet.b
        first, second, share = (sheet.b, sheet.a, 1 - vote.for_a) if swap else (sheet.a, sheet.b, vote.for_a)
        comparisons.append(Comparison(first, second, share, sheet.painting, sheet.photo, sheet.kind))
    return comparisons


def preferences(comparisons: Sequence[Comparison]) -> list[Row]:
    """Return the counts and the preference for the first system of each pair: in total, per painting and per
    kind.
    """
    rows = []
    for first, second in sorted({(comparison.first, comparison.second) for comparison in comparisons}):
        own = [
            comparison
            for comparison in comparisons
            if (comparison.first, comparison.second) == (first, second)
        ]
        groups = {"all": own}
        for name in sorted({comparison.painting for comparison in own}):
            groups[name] = [comparison for comparison in own if comparison.painting == name]
        for kind in KINDS:
            groups[kind] = [comparison for comparison in own if comparison.kind == kind]
        for group, some in groups.items():
            if some:
                shares = [comparison.share for comparison in some]
                rows.append(
                    {
                        "first": first,
                        "second": second,
                        "group": group,
                        "wins": shares.count(1),
                        "ties": shares.count(0.5),
                        "losses": shares.count(0),
                        "preference": float(np.mean(shares)),
                    }
                )
    return rows


def totals(comparisons: Sequence[Comparison]) -> list[Row]:
    """Return the number of votes and the preference for each system over all others: in total and per
    painting.
    """
    rows = []
    for system in sorted(
        {name for comparison in comparisons for name in (comparison.first, comparison.second)}
    ):
        own = [
            (comparison.painting, comparison.share if comparison.first == system else 1 - comparison.share)
            for comparison in comparisons
            if system in (comparison.first, comparison.second)
        ]
        for group in ("all", *sorted({painting for painting, _ in own})):
            shares = [share for painting, share in own if group in ("all", painting)]
            rows.append(
                {
                    "system": system,
                    "group": group,
                    "votes": len(shares),
                    "preference": float(np.mean(shares)),
                }
            )
    return rows


def score(votes: Sequence[Vote], key: dict[str, Sheet], rounds: int = 1000) -> Row:
    """Return the results of the votes, as printed with --json, with `rounds` bootstrap samples."""
    comparisons = join(votes, key)
    decided = [vote.for_a for vote in votes if vote.for_a != 0.5]
    intervals = bootstrap(comparisons, rounds)
    ranked = sorted(strengths(comparisons).items(), key=lambda item: -item[1])
    rows = [{"system": name, "strength": value, "interval": intervals[name]} for name, value in ranked]
    return {
        "votes": len(votes),
        "judges": sorted({vote.judge for vote in votes}),
        "a_chosen": float(np.mean(decided)) if decided else None,
        "agreement": agreement(votes),
        "preferences": preferences(comparisons),
        "totals": totals(comparisons),
        "strengths": rows,
    }


def agreement(votes: Sequence[Vote]) -> float | None:
    """Return the fraction of equal choices among all pairs of votes on one sheet; None if no sheet has two
    votes.
    """
    sheets: dict[str, list[float]] = {}
    for vote in votes:
        sheets.setdefault(vote.sheet, []).append(vote.for_a)
    same = [a == b for choices in sheets.values() for a, b in itertools.combinations(choices, 2)]
    return float(np.mean(same)) if same else None


def main() -> int:
    args = _arguments()
    if args.command == "make":
        return run(lambda _: _make(args), lambda sheets: _print_sheets(args, sheets))
    return run(lambda _: _score(args), lambda found: _report(args, found))


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("make", help="write the sheets and the key").add_argument
    add("folder", type=Path, help="new folder for the sheets, which the judges get")
    add("--system", action="append", required=True, metavar="NAME=WHAT", help="folder, pattern or style")
    add("--painting", action="append", required=True, help="file, NAME=FILE, or a folder of paintings")
    add("--photo", action="append", help="file, NAME=FILE, or a folder of photos (default: examples/)")
    add("--against", metavar="NAME", help="compare only this system with the others")
    add("--crops", type=int, default=1, help="number of crops per pair, in addition to the whole images")
    add("--crop-size", type=int, default=320, help="side of the crops in pixels")
    add("--seed", type=int, default=0, help="seed of order, sides and crops")
    add("--key", type=Path, help="file of the key (default: FOLDER-key.json)")
    add("--json", action="store_true", help="print JSON instead of a table")
    add = commands.add_parser("score", help="join the votes with the key").add_argument
    add("key", type=Path, help="the key that `make` wrote")
    add("votes", type=Path, nargs="+", help="CSV or JSON files; without a column judge, one for each judge")
    add(
        "--bootstrap", type=int, default=1000, help="number of bootstrap samples for the confidence intervals"
    )
    add("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    if args.command == "make":
        if args.crops < 0 or args.crop_size < 32:
            parser.error("--crops must be at least 0, and --crop-size at least 32")
        if not all(matching.named(text)[0] for text in args.system):
            parser.error("each --system needs a name: NAME=WHAT")
    elif args.bootstrap < 1:
        parser.error("--bootstrap must be at least 1")
    return args


def _make(args: argparse.Namespace) -> list[Sheet]:
    paintings, photos = matching.by_name(args.painting), matching.by_name(args.photo or [str(EXAMPLES)])
    stylized: list[StylizedImage] = []
    for text in args.system:
        stylized += matching.stylized_images(text, paintings, photos)
    folder: Path = args.folder
    key = args.key or folder.absolute().with_name(f"{folder.absolute().name}-key.json")
    options = {"against": args.against, "crops": args.crops, "crop_size": args.crop_size, "seed": args.seed}
    return make(stylized, paintings, folder, key, **options)


def _print_sheets(args: argparse.Namespace, sheets: list[Sheet]) -> None:
    pairs: dict[tuple[str, str], int] = {}
    for sheet in sheets:
        pair = min(sheet.a, sheet.b), max(sheet.a, sheet.b)
        pairs[pair] = pairs.get(pair, 0) + 1
    if args.json:
        rows = [{"first": pair[0], "second": pair[1], "sheets": count} for pair, count in pairs.items()]
        print(json.dumps(rows, indent=1))
        return
    table = Table("first", "second", "sheets", title=f"{len(sheets)} sheets in {args.folder}")
    for pair, count in pairs.items():
        table.add_row(*pair, str(count))
    show(table)


def _score(args: argparse.Namespace) -> Row:
    votes = [vote for path in args.votes for vote in read_votes(path)]
    if len({(vote.judge, vote.sheet) for vote in votes}) < len(votes):
        raise InputError(
            "two files contain votes of the same judge on the same sheet (without a column judge, the name of"
            " the file is that of the judge)"
        )
    return score(votes, read_key(args.key), args.bootstrap)


def _report(args: argparse.Namespace, found: Row) -> None:
    if args.json:
        print(json.dumps(found, indent=1))
        return
    table = Table(title=f"{found['votes']} votes of {len(found['judges'])} judges")
    for name in ("first", "second", "of", "first wins", "ties", "second wins", "preference"):
        table.add_column(name, justify="left" if name in ("first", "second", "of") else "right")
    for row in found["preferences"]:
        counts = (str(row[name]) for name in ("wins", "ties", "losses"))
        table.add_row(row["first"], row["second"], row["group"], *counts, f"{row['preference']:.0%}")
    show(table)
    table = Table("system", "of", "votes", "preference", title="Against all others")
    for row in found["totals"]:
        table.add_row(row["system"], row["group"], str(row["votes"]), f"{row['preference']:.0%}")
    show(table)
    table = Table("system", "strength", "95 %", title="Bradley-Terry")
    for row in found["strengths"]:
        low, high = row["interval"]
        table.add_row(row["system"], f"{row['strength']:+.2f}", f"{low:+.2f} to {high:+.2f}")
    show(table)
    sides = "" if found["a_chosen"] is None else f"A chosen: {found['a_chosen']:.0%}"
    same = "" if found["agreement"] is None else f"judges agree: {found['agreement']:.0%}"
    print(", ".join(text for text in (sides, same) if text))


if __name__ == "__main__":
    sys.exit(main())
