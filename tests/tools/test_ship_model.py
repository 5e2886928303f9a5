"""The script that adds a trained generator, VAE or classifier to the shipped files."""

import importlib
import json
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.generative.vae import train_vae  # noqa: E402
from tests.digits import write_idx  # noqa: E402

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_vae_ships_with_its_encoder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    ship, listing = importlib.import_module("ship_model"), importlib.import_module("listing")
    shipped, page = tmp_path / "weights", tmp_path / "styles.md"
    shipped.mkdir()
    (shipped / "catalogue.json").write_text("[]")
    page.write_text(f"{listing.BEGIN}{listing.END}")
    for module in (ship, listing):
        monkeypatch.setattr(module, "SHIPPED", shipped)
    monkeypatch.setattr(listing, "PAGE", page)
    write_idx(tmp_path / "bars", 48, 16)
    tiny = {"width": 8, "batch": 8, "latent": 4, "epochs": 1, "device": "cpu"}
    train_vae(tmp_path / "bars", name="bars", output=tmp_path, **tiny)
    checkpoint = str(tmp_path / "bars.pt")
    monkeypatch.setattr("sys.argv", ["ship_model.py", checkpoint, "--title", "Bars", "--credit", "a test"])
    try:
        ship.main()
    finally:
        for name in ("ship_model", "listing"):
            sys.modules.pop(name, None)
    entries = json.loads((shipped / "catalogue.json").read_text())
    kinds = {entry["name"]: entry["kind"] for entry in entries}
    assert kinds == {"bars": "vae", "bars-encoder": "vae-encoder"}
    assert all(entry["title"] == "Bars" and (shipped / entry["file"]).is_file() for entry in entries)
