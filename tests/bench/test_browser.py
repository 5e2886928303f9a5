"""bench/browser.py measures the browser and the Python runtime."""

import argparse
import shutil

import pytest
from rich.console import Console

pytestmark = pytest.mark.slow


def test_both_sides_are_measured(bench, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("playwright", reason="needs the extra test: pip install '.[test]'")
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        pytest.skip("no chromium is installed")
    script = bench("browser")
    args = argparse.Namespace(
        styles=["poppies"], threads=1, size="128x96", seconds=0.5, warmup=1, rounds=1, json=False
    )
    rows = script._measure(args, Console(stderr=True))
    assert [row["precision"] for row in rows] == ["int8", "float"]
    assert all(0 < row["browser"] <= 61 and row["python"] > 0 for row in rows)
    script._print(rows, args)
    assert "poppies" in capsys.readouterr().out
