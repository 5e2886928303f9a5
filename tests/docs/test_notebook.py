"""The code cells of examples/quickstart.ipynb run in order, without Jupyter."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]


def test_notebook_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((REPOSITORY / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    monkeypatch.chdir(REPOSITORY / "examples")
    before = set(Path().iterdir())
    names: dict[str, Any] = {}
    for number, cell in enumerate(cell for cell in notebook["cells"] if cell["cell_type"] == "code"):
        assert cell["outputs"] == [], "clear the outputs before you commit the notebook"
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert "starry-night" in capsys.readouterr().out
    assert isinstance(names["image"], Image.Image)
    assert names["image"].size == names["photo"].size
    assert len(names["frames"]) == 4
    assert set(Path().iterdir()) == before
