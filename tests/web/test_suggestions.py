"""Proposed settings follow similar paintings and ratings."""

import importlib.util
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.errors import InputError
from fststyle.web import suggestions
from fststyle.web.pages import STATIC
from fststyle.web.suggestions import Rated, average, propose

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")


def rated(name, weight, size=384, stars=(4.0, 10), painting=Path("none")):
    return Rated(name, painting, weight, size, stars)


def test_nearest_styles_count_most():
    target = np.array([1.0, 0.0])
    statistics = {"near": np.array([1.0, 0.1]), "far": np.array([0.0, 1.0])}
    found = average([rated("near", 2.0, 256), rated("far", 8.0, 512)], target, statistics)
    assert found.style_weight == pytest.approx(2.0, abs=0.05)
    assert found.style_size == 256
    assert found.styles["near"] > 0.99


def test_better_rated_styles_count_more():
    target, same = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    styles = [rated("good", 2.0, stars=(5.0, 20)), rated("bad", 8.0, stars=(1.0, 20))]
    found = average(styles, target, {"good": same, "bad": same})
    assert found.style_weight < 2.2


def test_single_rating_is_regularized_to_the_mean():
    assert rated("a", 1, stars=(5.0, 1)).score < rated("b", 1, stars=(4.5, 30)).score


@needs_torch
def test_without_ratings_there_is_no_proposal(tmp_path):
    with pytest.raises(InputError, match="no rated style"):
        propose(tmp_path / "x", [], tmp_path)


@needs_torch
def test_same_painting_is_the_nearest(tmp_path):
    folder = STATIC / "app" / "paintings"
    wave, starry = folder / "the-great-wave-off-kanagawa.jpg", folder / "the-starry-night.jpg"
    styles = [
        rated("great-wave", 2.0, painting=wave),
        rated("starry-night", 4.0, painting=starry),
        rated("bad", 100.0, stars=(1.0, 9), painting=starry),
    ]
    found = propose(wave, styles, tmp_path / "cache")
    assert found.styles["great-wave"] == pytest.approx(1)
    assert found.styles["starry-night"] < 0.95
    assert 2 < found.style_weight < 4
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert propose(wave, styles, tmp_path / "cache") == found


@needs_torch
def test_error_names_why_statistics_cannot_be_computed(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    painting = tmp_path / "a b" / "text.png"
    painting.write_text("no image")
    with pytest.raises(InputError, match=r"cannot be computed \(.*InputError: text\.png.*\)$") as caught:
        propose(painting, [rated("a", 1.0, painting=painting)], tmp_path / "cache")
    assert "/" not in str(caught.value)
    monkeypatch.setattr(suggestions, "SECONDS", 0.01)
    with pytest.raises(InputError, match=r"cannot be computed \(not finished after 0\.01 seconds\)$"):
        propose(painting, [rated("a", 1.0, painting=painting)], tmp_path / "cache")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "OSError: [Errno 2] No such file: '/home/me/.cache/w.bin'",
            "OSError: [Errno 2] No such file: 'w.bin'",
        ),
        (r"OSError: C:\Users\me\w.bin: no space", "OSError: w.bin: no space"),
        ("ValueError: 3/4 of and/or https://a.org/b/c", "ValueError: 3/4 of and/or https://a.org/b/c"),
        ("", "exit code 1"),
    ],
)
def test_cause_contains_no_folder_of_the_server(line, cause):
    error = subprocess.CalledProcessError(1, ["/usr/bin/python", "/srv/painting.png"], stderr=line)
    assert suggestions._cause(error, []) == cause
