"""The benchmark of smoothing and details."""

import sys

import pytest


@pytest.fixture
def script(bench):
    return bench("refinement")


def test_rows_for_each_step_and_size(script, monkeypatch, capsys):
    options = ["--style", "great-wave", "--size", "32x48", "64x64", "--frames", "1"]
    monkeypatch.setattr(sys, "argv", ["refinement.py", *options])
    assert script.main() == 0
    printed = capsys.readouterr().out
    for word in ("32x48", "64x64", "network", "smooth", "detail", "1.00"):
        assert word in printed


def test_unknown_style_is_one_line(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["refinement.py", "--style", "nothing"])
    assert script.main() == 2
    assert "nothing" in capsys.readouterr().err
