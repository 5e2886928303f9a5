"""The script that adds a trained generator, VAE or classifier to the included files."""

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.generative.vae import train_vae  # noqa: E402
from tests.digits import write_idx  # noqa: E402


def test_vae_ships_with_its_encoder(ship_tool, tmp_path, monkeypatch):
    ship, shipped = ship_tool("ship_model"), tmp_path / "weights"
    write_idx(tmp_path / "bars", 48, 16)
    tiny = {"width": 8, "batch": 8, "latent": 4, "epochs": 1, "device": "cpu"}
    train_vae(tmp_path / "bars", name="bars", output=tmp_path, **tiny)
    checkpoint = str(tmp_path / "bars.pt")
    monkeypatch.setattr("sys.argv", ["ship_model.py", checkpoint, "--title", "Bars", "--credit", "a test"])
    ship.main()
    entries = json.loads((shipped / "catalogue.json").read_text())
    kinds = {entry["name"]: entry["kind"] for entry in entries}
    assert kinds == {"bars": "vae", "bars-encoder": "vae-encoder"}
    assert all(entry["title"] == "Bars" and (shipped / entry["file"]).is_file() for entry in entries)
