"""The scripts of bench/ as modules."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Import a script of bench/ by its name. Their names are common, so they are removed again.

    Tables are wide enough for all their columns, whatever the terminal.
    """
    monkeypatch.syspath_prepend(BENCH)
    monkeypatch.setenv("COLUMNS", "200")
    yield importlib.import_module
    for path in BENCH.glob("*.py"):
        sys.modules.pop(path.stem, None)
