"""The scripts of tools/ as modules."""

import importlib
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch):
    """Import a script of tools/ by its name. Their names are common, so they are removed again."""
    monkeypatch.syspath_prepend(TOOLS)
    yield importlib.import_module
    for path in TOOLS.glob("*.py"):
        sys.modules.pop(path.stem, None)
