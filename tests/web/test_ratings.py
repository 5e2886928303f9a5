"""Stars, blind votes, and their export for bench/blind.py."""

import importlib
import json
import sys

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.errors import InputError
from fststyle.web.database import Database
from fststyle.web.errors import NotFoundError
from fststyle.web.ratings import Ratings, Stars
from tests.conftest import REPOSITORY

STYLES = {"alpha": "One", "bravo": "Two", "charlie": "Two"}


@pytest.fixture
def ratings(tmp_path):
    database = Database(tmp_path / "ratings.sqlite")
    yield Ratings(database)
    database.close()


@pytest.fixture
def blind(monkeypatch):
    """The script bench/blind.py."""
    folder = REPOSITORY / "bench"
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("blind")
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


def vote_for(ratings, order, count=60):
    """Vote in comparisons for the style that is earlier in ``order``."""
    for number in range(count):
        sheet = ratings.new_sheet(STYLES, ["cat"])
        better = order.index(sheet.a) < order.index(sheet.b)
        ratings.vote(sheet.sheet, "A" if better else "b", f"judge{number % 2}")


def test_stars_are_averaged(ratings):
    for stars, judge in ((1, "a"), (2, "a"), (5, "b")):  # the last rating of a judge counts
        ratings.rate("alpha", stars, judge)
    assert ratings.stars() == {"alpha": Stars(3.5, 2)}
    with pytest.raises(InputError):
        ratings.rate("alpha", 6, "judge")


def test_ranking_is_the_order_of_the_votes(ratings):
    assert ratings.ranking() == {}
    vote_for(ratings, ["charlie", "alpha", "bravo"])
    assert list(ratings.ranking()) == ["charlie", "alpha", "bravo"]


def test_pairs_are_balanced_and_sides_random(ratings):
    vote_for(ratings, ["alpha", "bravo", "charlie"])
    comparisons = ratings.comparisons()
    pairs = [(comparison.first, comparison.second) for comparison in comparisons]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    assert len(counts) == 3
    assert max(counts.values()) - min(counts.values()) <= 1
    sides = [row["choice"] for row in ratings.votes()]
    assert 10 < sides.count("A") < 50  # 60 fair coins


def test_comparison_of_one_painting_names_it(ratings):
    sheet = ratings.new_sheet(STYLES, ["cat"])
    assert {sheet.a, sheet.b} == {"bravo", "charlie"}
    assert sheet.painting == "Two"


def test_judge_has_one_vote(ratings):
    sheet = ratings.new_sheet(STYLES, ["cat"])
    ratings.vote(sheet.sheet, "A", "judge")
    ratings.vote(sheet.sheet, "tie", "judge")
    assert [row["choice"] for row in ratings.votes()] == ["tie"]
    with pytest.raises(InputError):
        ratings.vote(sheet.sheet, "C", "judge")
    with pytest.raises(NotFoundError):
        ratings.vote("nothing", "A", "judge")


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_bench_blind_finds_the_same_ranking(ratings, blind, tmp_path, suffix):
    vote_for(ratings, ["bravo", "charlie", "alpha"])
    text = ratings.votes_csv() if suffix == ".csv" else json.dumps(ratings.votes())
    (tmp_path / f"votes{suffix}").write_text(text)
    (tmp_path / "key.json").write_text(json.dumps(ratings.key()))
    found = blind.score(
        blind.read_votes(tmp_path / f"votes{suffix}"), blind.read_key(tmp_path / "key.json"), 20
    )
    assert {row["system"]: row["strength"] for row in found["strengths"]} == pytest.approx(ratings.ranking())
    assert found["judges"] == ["judge0", "judge1"]


def test_deleted_style_is_forgotten(ratings):
    vote_for(ratings, ["alpha", "bravo", "charlie"])
    ratings.rate("alpha", 5, "judge")
    ratings.remove_style("alpha")
    assert ratings.stars() == {}
    assert set(ratings.ranking()) == {"bravo", "charlie"}


def test_votes_on_the_page(client):
    import re

    text = client.get("/rate").text
    sheet = re.search(r'hx-post="/rate/([0-9a-f]{16})"', text)[1]
    pictures = re.findall(r'src="(/rate/[^"]+)"', text)
    assert f"/rate/{sheet}/a.jpg" in pictures
    shown = text.partition('class="ranking"')[0].partition('id="comparison"')[2]
    assert "invert" not in shown  # the comparison is blind
    for path in pictures:
        assert client.get(path).headers["content-type"] == "image/jpeg"
    after = client.post(f"/rate/{sheet}", data={"choice": "A"})
    assert after.status_code == 200
    assert "1 vote" in after.text
    assert len(client.get("/api/ranking").json()) == 2
    assert client.get("/api/votes.csv").text.startswith("sheet,choice,judge\r\n")
    assert client.post(f"/rate/{sheet}", data={"choice": "Z"}).status_code == 422
