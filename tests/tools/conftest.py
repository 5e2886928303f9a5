"""Scripts in tools/ as modules."""

import importlib
import sys
from pathlib import Path

import pytest

from fststyle import catalogue

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch):
    """Import a script in tools/ by name, and remove it afterwards, since the names are common."""
    monkeypatch.syspath_prepend(TOOLS)
    yield importlib.import_module
    for path in TOOLS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def ship_tool(tool, tmp_path, monkeypatch):
    """Import a script that adds included files, by name. It writes to ``tmp_path / "weights"``."""

    def imported(name):
        script, listing = tool(name), tool("listing")
        folder, page = tmp_path / "weights", tmp_path / "styles.md"
        folder.mkdir()
        (folder / "catalogue.json").write_text("[]")
        page.write_text(f"before\n{listing.BEGIN}{listing.END}\nafter\n")
        for module in (script, listing, catalogue):
            monkeypatch.setattr(module, "SHIPPED", folder)
        monkeypatch.setattr(listing, "PAGE", page)
        return script

    return imported
