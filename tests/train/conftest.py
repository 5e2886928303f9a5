"""A painting, photos and settings for trainings of a few seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

TINY: dict[str, Any] = {
    "network": "johnson",
    "size": 32,
    "style_size": 32,
    "width": 2,
    "blocks": 1,
    "adversarial_weight": 0,
    "steps": 6,
    "device": "cpu",
    "save_every": 2,
    "preview_every": 0,
    "precision": "float32",
}


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    path = tmp_path / "Starry Night.png"
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for i in range(5):
        Image.fromarray(rng.integers(0, 255, (48 + i, 64, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def train(
    painting: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """`train_style` with tiny settings, without the export, which is the slowest part and has its own
    tests.
    """
    import fststyle.train.results as results
    import fststyle.train.style.train as style

    monkeypatch.setattr(results, "traced", lambda net: None)
    monkeypatch.setattr(results, "export_module", lambda net, card, path, *_, **__: path.write_bytes(b"onnx"))

    def run(**changes: Any) -> Any:
        return style.train_style(painting, **{**TINY, "data": photos, "output": tmp_path / "out", **changes})

    return run
