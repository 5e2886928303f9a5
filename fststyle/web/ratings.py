"""Star ratings, blind comparisons, and the ranking."""

import csv
import io
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from fststyle.bradley_terry import CHOICES, Comparison, strengths
from fststyle.errors import InputError
from fststyle.web.database import Database, JsonObject
from fststyle.web.errors import NotFoundError

OPEN_SHEETS = 1000
"""Maximum number of stored comparisons without votes. The newest are kept."""


@dataclass(frozen=True)
class Stars:
    """Summary of the star ratings of a style: their mean, from 1 to 5, and their number."""

    mean: float
    count: int


@dataclass(frozen=True)
class Sheet:
    """A blind comparison of one photo in the styles ``a`` and ``b``.

    ``sheet`` is the identifier of the comparison. ``painting`` is the title of the painting of both styles,
    or "" if they have different or unknown paintings. ``photo`` is the name of the photo.
    """

    sheet: str
    painting: str
    photo: str
    a: str
    b: str


class Ratings:
    """Star ratings and votes in the database.

    The argument ``judge`` of the methods identifies a client (`fststyle.web.client.anonymous_id`). Exported
    votes have the format of `bench/blind.py`.
    """

    def __init__(self, database: Database):
        self._database = database
        self._ranking: tuple[JsonObject, dict[str, float]] = {}, {}

    def rate(self, style: str, stars: int, judge: str, settings: JsonObject | None = None) -> None:
        """Store a rating of a style, 1 to 5 stars. It replaces an earlier rating by the same ``judge``.

        ``settings`` contains the settings of the rated result, which are stored as JSON. Raises `InputError`
        for a number of stars outside 1 to 5.
        """
        if not 1 <= stars <= 5:
            raise InputError(f"stars: {stars} is not between 1 and 5")
        self._database.run("DELETE FROM ratings WHERE style = ? AND judge = ?", (style, judge))
        self._database.run(
            "INSERT INTO ratings (created, style, stars, judge, settings) VALUES (?, ?, ?, ?, ?)",
            (time.time(), style, stars, judge, json.dumps(settings or {})),
        )

    def stars(self) -> dict[str, Stars]:
        """Return a dict from the name of each rated style to the mean and the number of its star ratings."""
        query = "SELECT style, AVG(stars) AS mean, COUNT(*) AS count FROM ratings GROUP BY style"
        return {row["style"]: Stars(row["mean"], row["count"]) for row in self._database.rows(query)}

    def new_sheet(self, styles: dict[str, str], photos: Sequence[str]) -> Sheet:
        """Create and return a comparison of two styles.

        The pair with the fewest votes so far is chosen. Among pairs with equally few votes, styles of the
        same painting are preferred, and remaining ties are broken at random. The photo and the order of the
        two styles are random. Comparisons without votes are deleted unless they are among the newest
        `OPEN_SHEETS` comparisons.

        Args:
            styles: dict from style names to the titles of their paintings, "" if unknown.
            photos: names of the photos, at least one.

        Raises:
            InputError: there are fewer than two styles.
        """
        names = sorted(styles)
        if len(names) < 2:
            raise InputError("a comparison needs at least two styles")
        met: dict[frozenset[str], int] = {}
        for comparison in self.comparisons():
            pair = frozenset((comparison.first, comparison.second))
            met[pair] = met.get(pair, 0) + 1
        rng = random.SystemRandom()
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]

        def order(pair: tuple[str, str]) -> tuple[float, float]:
            same = bool(styles[pair[0]]) and styles[pair[0]] == styles[pair[1]]
            return met.get(frozenset(pair), 0) - 0.5 * same, rng.random()

        a, b = min(pairs, key=order)
        if rng.random() < 0.5:
            a, b = b, a
        painting = styles[a] if styles[a] == styles[b] else ""
        sheet = Sheet(f"{rng.getrandbits(64):016x}", painting, rng.choice(list(photos)), a, b)
        self._database.run(
            "INSERT INTO sheets (sheet, created, painting, photo, a, b) VALUES (?, ?, ?, ?, ?, ?)",
            (sheet.sheet, time.time(), sheet.painting, sheet.photo, sheet.a, sheet.b),
        )
        self._database.run(
            "DELETE FROM sheets WHERE sheet NOT IN (SELECT sheet FROM votes) AND sheet NOT IN (SELECT sheet"
            " FROM sheets ORDER BY created DESC LIMIT ?)",
            (OPEN_SHEETS,),
        )
        return sheet

    def sheet(self, name: str) -> Sheet:
        """Return the comparison with the identifier ``name``. Raises `NotFoundError` if there is none."""
        rows = self._database.rows("SELECT sheet, painting, photo, a, b FROM sheets WHERE sheet = ?", (name,))
        if not rows:
            raise NotFoundError("the comparison does not exist or has been deleted")
        return Sheet(**rows[0])

    def vote(self, sheet: str, choice: str, judge: str) -> Sheet:
        """Store a vote in the comparison with the identifier ``sheet``, and return the comparison.

        ``choice`` is "A", "B" or "tie", in upper or lower case. The vote replaces an earlier vote by the same
        ``judge``. Raises `InputError` for an invalid choice, and `NotFoundError` for an unknown comparison.
        """
        found = self.sheet(sheet)
        if choice.upper() not in CHOICES:
            raise InputError(f"choice: {choice!r} is not A, B or tie")
        self._database.run(
            "INSERT OR REPLACE INTO votes (sheet, judge, choice, created) VALUES (?, ?, ?, ?)",
            (sheet, judge, "tie" if choice.upper() == "TIE" else choice.upper(), time.time()),
        )
        return found

    def votes(self) -> list[dict[str, str]]:
        """Return all votes, oldest first, as dicts with the keys ``sheet``, ``choice`` and ``judge``."""
        return self._database.rows("SELECT sheet, choice, judge FROM votes ORDER BY created")

    def votes_csv(self) -> str:
        """Return all votes, oldest first, as CSV with a header line.

        The columns are sheet, choice and judge.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, ("sheet", "choice", "judge"))
        writer.writeheader()
        writer.writerows(self.votes())
        return text.getvalue()

    def key(self) -> JsonObject:
        """Return an object that names styles A and B of each comparison that has votes.

        It has the format of the key files of `bench/blind.py`, so that this program can score the votes.
        """
        query = "SELECT * FROM sheets WHERE sheet IN (SELECT sheet FROM votes) ORDER BY created"
        sheets = [
            {
                "sheet": row["sheet"],
                "kind": "whole",
                "painting": row["painting"] or "different",
                "photo": row["photo"],
                "a": row["a"],
                "b": row["b"],
                "place": [0, 0, 0, 0],
                "sha256": "",
            }
            for row in self._database.rows(query)
        ]
        return {"sheets": sheets}

    def comparisons(self) -> list[Comparison]:
        """Return one `Comparison` per vote, oldest first, with its two styles in alphabetical order."""
        query = (
            "SELECT a, b, photo, painting, choice FROM votes JOIN sheets ON votes.sheet = sheets.sheet"
            " ORDER BY votes.created"
        )
        found = []
        for row in self._database.rows(query):
            share = CHOICES[row["choice"].upper()]
            first, second = row["a"], row["b"]
            if first > second:
                first, second, share = second, first, 1 - share
            found.append(Comparison(first, second, share, row["painting"], row["photo"], "whole"))
        return found

    def ranking(self) -> dict[str, float]:
        """Return a dict from the name of each compared style to its strength, strongest first.

        The value is the log strength in the Bradley-Terry model (`fststyle.bradley_terry.strengths`). The
        mean over the styles is 0.
        """
        (last,) = self._database.rows("SELECT COUNT(*) AS count, TOTAL(created) AS sum FROM votes")
        if self._ranking[0] != last:
            comparisons = self.comparisons()
            found = strengths(comparisons) if comparisons else {}
            self._ranking = last, dict(sorted(found.items(), key=lambda item: -item[1]))
        return dict(self._ranking[1])

    def remove_style(self, style: str) -> None:
        """Delete the ratings of a style, and its comparisons with their votes."""
        sheets = "SELECT sheet FROM sheets WHERE a = ? OR b = ?"
        self._database.run("DELETE FROM ratings WHERE style = ?", (style,))
        self._database.run(f"DELETE FROM votes WHERE sheet IN ({sheets})", (style, style))
        self._database.run("DELETE FROM sheets WHERE a = ? OR b = ?", (style, style))
