"""The script that adds a trained style to the included ones."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle import catalogue  # noqa: E402
from fststyle.external_data import is_shared  # noqa: E402
from fststyle.runtime.style import load_style  # noqa: E402
from fststyle.train import checkpoint  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from tests.styles import photo  # noqa: E402

SHAPE = {"width": 8, "blocks": 0, "coarse_blocks": 1}


@pytest.fixture
def ship(ship_tool):
    """tools/ship.py as a module that writes to a folder of the test."""
    return ship_tool("ship")


@pytest.fixture
def trained(tmp_path):
    """A checkpoint of a small live network, and a folder of photos."""
    torch.manual_seed(0)
    net = build("live", SHAPE)
    for value in net.state_dict().values():
        value.add_(torch.randn_like(value) * 0.015)
    path = tmp_path / "tiny.pt"
    checkpoint.save(
        path,
        {
            "kind": "style",
            "network": "live",
            "network_settings": SHAPE,
            "model": net.state_dict(),
            "step": 3,
            "settings": {"steps": 3},
        },
    )
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(4):
        Image.fromarray(photo(256, 256, seed)).save(photos / f"{seed}.png")
    return path, photos


@pytest.mark.slow
def test_live_style_ships_its_kernels_once(ship, trained, tmp_path, monkeypatch):
    path, photos = trained
    alone = []  # the int8 file as the exporter writes it
    share_weights = ship.share_weights
    monkeypatch.setattr(
        ship, "share_weights", lambda model, path: alone.append(model) or share_weights(model, path)
    )
    options = {
        "name": "tiny",
        "title": "Tiny",
        "artist": "A. FrameStylizer",
        "year": "1890",
        "credit": "none",
    }
    told = [text for key, value in options.items() for text in (f"--{key}", value)]
    monkeypatch.setattr(sys, "argv", ["ship.py", str(path), *told, "--data", str(photos)])
    ship.main()
    (entry,) = json.loads((tmp_path / "weights" / "catalogue.json").read_text())
    assert (entry["file"], entry["int8"]["file"]) == ("tiny.onnx", "tiny-int8.onnx")
    assert "| `tiny` | A. FrameStylizer, *Tiny*, 1890 | live |" in (tmp_path / "styles.md").read_text()
    small = (tmp_path / "weights" / "tiny-int8.onnx").read_bytes()
    assert is_shared(small)
    assert not is_shared(alone[0])
    assert entry["int8"]["size"] == len(small) < len(alone[0])

    int8 = catalogue.find("tiny").int8
    assert int8 is not None
    assert catalogue.load(int8) == alone[0]
    (tmp_path / "alone.onnx").write_bytes(alone[0])
    frame = photo(49, 64)
    stylized = load_style("tiny", "cpu", precision="int8")(frame)
    assert stylized.std() > 5
    np.testing.assert_array_equal(stylized, load_style(tmp_path / "alone.onnx", "cpu")(frame))
