"""Scripts in bench/ as modules."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Import a script in bench/ by name, and remove it afterwards, since the names are common. Tables are
    wide enough for all columns.
    """
    monkeypatch.syspath_prepend(BENCH)
    monkeypatch.setenv("COLUMNS", "200")
    yield importlib.import_module
    for path in BENCH.glob("*.py"):
        sys.modules.pop(path.stem, None)
