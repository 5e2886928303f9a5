"""Blind sheets do not reveal the systems, and the score recovers the order in the votes."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError, OutputError
from fststyle.io import images

SYSTEMS = ("alpha", "bravo", "charlie")
PHOTOS = ("china", "coffee")


@pytest.fixture
def candidates(bench, tmp_path):
    """Images of three systems. Each system has one color, so a sheet shows which one is where."""
    matching = bench("matching")
    Image.new("RGB", (60, 40), (9, 9, 9)).save(tmp_path / "udnie.png")
    stylized = []
    for photo in PHOTOS:
        for level, system in zip((50, 100, 150), SYSTEMS, strict=True):
            pixels = np.full((64, 96, 3), level, np.uint8)
            stylized.append(matching.StylizedImage("udnie", photo, system, pixels))
    return stylized, {"udnie": tmp_path / "udnie.png"}


def _make(bench, candidates, folder, **options):
    key = folder.with_name(f"{folder.name}-key.json")
    return bench("blind").make(*candidates, folder, key, **{"crop_size": 32, "crops": 2, **options})


def test_sheets_match_the_key(bench, candidates, tmp_path):
    blind = bench("blind")
    sheets = _make(bench, candidates, tmp_path / "sheets")
    assert len(sheets) == 3 * len(PHOTOS) * 3
    level = dict(zip(SYSTEMS, (50, 100, 150), strict=True))
    for sheet in sheets:
        shown = images.read(tmp_path / "sheets" / f"{sheet.sheet}.png").opaque
        width, height = sheet.place[2:]
        assert (width, height) == ((96, 64) if sheet.kind == "whole" else (32, 32))
        row = shown[-blind.MARGIN - height // 2]
        assert row[blind.MARGIN + width // 2, 0] == level[sheet.a]
        assert row[2 * blind.MARGIN + width + width // 2, 0] == level[sheet.b]
        assert (shown == 9).all(2).sum() >= 40 * 60
    assert blind.read_key(tmp_path / "sheets-key.json") == {sheet.sheet: sheet for sheet in sheets}


def test_sheets_do_not_leak_names(bench, candidates, tmp_path):
    _make(bench, candidates, tmp_path / "sheets")
    secrets = [*SYSTEMS, *PHOTOS, "seed", str(tmp_path)]
    for path in (tmp_path / "sheets").iterdir():
        content = path.read_bytes().lower()
        assert not [word for word in secrets if word.encode() in content or word in path.name]
        if path.suffix == ".png":
            with Image.open(path) as sheet:
                assert not sheet.info
    listed = json.loads((tmp_path / "sheets" / "sheets.json").read_text())
    assert [line["file"] for line in listed] == [f"{i:04}.png" for i in range(1, len(listed) + 1)]
    assert set(listed[0]) == {"sheet", "file", "painting", "kind"}


def test_sheets_depend_on_the_seed_only_and_sides_are_balanced(bench, candidates, tmp_path):
    first, same = (_make(bench, candidates, tmp_path / name, seed=1) for name in "xy")
    other = _make(bench, candidates, tmp_path / "z", seed=2)
    assert first == same
    assert [(s.a, s.b, s.photo) for s in first] != [(s.a, s.b, s.photo) for s in other]
    for pair in (("alpha", "bravo"), ("alpha", "charlie"), ("bravo", "charlie")):
        own = [sheet for sheet in first if {sheet.a, sheet.b} == set(pair)]
        assert abs(sum(sheet.a == pair[0] for sheet in own) - len(own) / 2) <= 1


def test_only_pairs_with_one_system(bench, candidates, tmp_path):
    sheets = _make(bench, candidates, tmp_path / "sheets", against="bravo")
    assert len(sheets) == 2 * len(PHOTOS) * 3
    assert all("bravo" in (sheet.a, sheet.b) for sheet in sheets)
    with pytest.raises(InputError, match="no such system"):
        _make(bench, candidates, tmp_path / "others", against="delta")


def test_key_is_outside_the_folder_of_sheets(bench, candidates, tmp_path):
    blind = bench("blind")
    with pytest.raises(OutputError, match="outside"):
        blind.make(*candidates, tmp_path / "sheets", tmp_path / "sheets" / "key.json")
    _make(bench, candidates, tmp_path / "sheets")
    with pytest.raises(OutputError, match="already exists"):
        _make(bench, candidates, tmp_path / "sheets")


def test_system_has_one_image_of_a_photo(bench, candidates, tmp_path):
    stylized, paintings = candidates
    again = dataclasses.replace(stylized[0], pixels=stylized[1].pixels)
    with pytest.raises(InputError, match="several images"):
        _make(bench, ([*stylized, again], paintings), tmp_path / "sheets")


def _key(bench, rounds=40):
    """A key without sheet files: all pairs of four systems, on alternating sides."""
    blind = bench("blind")
    names, found = ("best", "good", "poor", "worst"), {}
    for turn in range(rounds):
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                a, b = (first, second) if turn % 2 else (second, first)
                name = f"{len(found):04}"
                kind, painting = blind.KINDS[turn % 3 == 0], ("udnie", "candy")[turn % 2]
                found[name] = blind.Sheet(name, kind, painting, f"photo{turn % 10}", a, b, (0, 0, 9, 9), "")
    return names, found


def test_bradley_terry_recovers_a_known_order(bench):
    blind = bench("blind")
    names, key = _key(bench)
    truth = dict(zip(names, (1.5, 0.5, -0.5, -1.5), strict=True))
    rng, votes = np.random.default_rng(0), []
    for sheet in key.values():
        wins = rng.random() < 1 / (1 + np.exp(truth[sheet.b] - truth[sheet.a]))
        votes.append(blind.Vote("me", sheet.sheet, float(wins)))
    found = blind.score(votes, key, 50)
    assert [row["system"] for row in found["strengths"]] == list(names)
    for row in found["strengths"]:
        assert row["strength"] == pytest.approx(truth[row["system"]], abs=0.45)
        low, high = row["interval"]
        assert low < row["strength"] < high
        assert high - low < 2
    assert 0.35 < found["a_chosen"] < 0.65
    assert found["agreement"] is None


def test_preferences_count_ties_half_and_groups(bench):
    blind = bench("blind")
    sheets = (
        ("1", "whole", "udnie", "x", "y"),
        ("2", "whole", "udnie", "y", "x"),
        ("3", "crop", "candy", "y", "x"),
    )
    key = {}
    for name, kind, painting, a, b in sheets:
        key[name] = blind.Sheet(name, kind, painting, "china", a, b, (0, 0, 9, 9), "")
    choices = ("me", "1", 1.0), ("me", "2", 0.5), ("me", "3", 1.0), ("you", "3", 0.0)
    votes = [blind.Vote(*choice) for choice in choices]
    rows = {row["group"]: row for row in blind.preferences(blind.join(votes, key))}
    assert set(rows) == {"all", "udnie", "candy", "whole", "crop"}
    assert (rows["all"]["first"], rows["all"]["second"]) == ("x", "y")
    assert [rows["all"][name] for name in ("wins", "ties", "losses", "preference")] == [2, 1, 1, 0.625]
    assert rows["udnie"]["preference"] == 0.75
    assert rows["crop"]["preference"] == 0.5
    totals = {(row["system"], row["group"]): row for row in blind.totals(blind.join(votes, key))}
    assert totals["x", "all"] == {"system": "x", "group": "all", "votes": 4, "preference": 0.625}
    assert totals["y", "udnie"]["preference"] == 0.25
    assert blind.agreement(votes) == 0
    with pytest.raises(InputError, match="not in the key"):
        blind.join([blind.Vote("me", "9", 1.0)], key)


def test_strength_without_a_defeat_is_finite(bench):
    blind = bench("blind")
    found = blind.strengths([blind.Comparison("x", "y", 1.0, "udnie", "china", "whole")] * 9)
    assert found["x"] == pytest.approx(-found["y"])
    assert found["x"] - found["y"] == pytest.approx(np.log(9.5 / 0.5), abs=1e-3)


def test_votes_as_csv_and_json(bench, tmp_path):
    blind = bench("blind")
    table, data = tmp_path / "me.csv", tmp_path / "you.json"
    table.write_text("sheet,choice\n0001,a\n0002, Tie \n0003,B\n")
    data.write_text(json.dumps([{"sheet": "0001", "choice": "B", "judge": "web"}]))
    found = [(vote.judge, vote.sheet, vote.for_a) for vote in blind.read_votes(table)]
    assert found == [("me", "0001", 1), ("me", "0002", 0.5), ("me", "0003", 0)]
    assert blind.read_votes(data) == [blind.Vote("web", "0001", 0)]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", "sheet,choice\n0001,C\n", "not A, B or tie"),
        ("a.csv", "sheet,choice\n0001,A\n0001,B\n", "voted on sheet 0001 before"),
        ("a.csv", "sheet,vote\n0001,A\n", "needs sheet and choice"),
        ("a.csv", "sheet,choice\n", "no votes"),
        ("a.json", "{", "cannot be read"),
        ("a.json", "[1]", "needs sheet and choice"),
        ("a.json", "{}", "no votes"),
    ],
)
def test_damaged_votes(bench, tmp_path, name, content, problem):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=problem):
        bench("blind").read_votes(tmp_path / name)


def test_end_to_end(bench, tmp_path, monkeypatch, capsys, style_folder):
    blind = bench("blind")
    photos, folder = tmp_path / "photos", tmp_path / "bravo"
    photos.mkdir()
    folder.mkdir()
    Image.new("RGB", (60, 40), (9, 99, 9)).save(tmp_path / "udnie.png")
    for number, name in enumerate(PHOTOS):
        Image.new("RGB", (96, 64), (40 * number, 20, 90)).save(photos / f"{name}.png")
        Image.new("RGB", (96, 64), (90, 90, 90)).save(folder / f"udnie-{name}.png")
    systems = ["--system", f"ours={style_folder / 'invert.onnx'}", "--system", f"bravo={folder}"]
    others = ["--painting", str(tmp_path / "udnie.png"), "--photo", str(photos), "--crop-size", "32"]
    make = ["blind.py", "make", str(tmp_path / "sheets"), *systems, *others, "--seed", "3"]
    monkeypatch.setattr(sys, "argv", make)
    assert blind.main() == 0
    key = json.loads((tmp_path / "sheets-key.json").read_text())["sheets"]
    assert len(key) == 4
    lines = [f"{sheet['sheet']},{'A' if sheet['a'] == 'ours' else 'B'}" for sheet in key]
    (tmp_path / "votes.csv").write_text("\n".join(["sheet,choice", *lines]))
    capsys.readouterr()
    files = [str(tmp_path / "sheets-key.json"), str(tmp_path / "votes.csv")]
    score = ["blind.py", "score", *files, "--bootstrap", "5"]
    monkeypatch.setattr(sys, "argv", [*score, "--json"])
    assert blind.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert found["strengths"][0]["system"] == "ours"
    assert found["preferences"][0]["preference"] == 0
    monkeypatch.setattr(sys, "argv", score)
    assert blind.main() == 0
    assert "A chosen: 50%" in capsys.readouterr().out
