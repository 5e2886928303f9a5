"""The script that prepares the scan of a print for training."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle.io import images

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def clean_scan(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("clean_scan")


@pytest.fixture
def print_with_grain():
    """A dark blue disk on gray paper with low contrast and grain, uint8 (64, 96, 3)."""
    rows, columns = np.mgrid[:64, :96]
    disk = (rows - 32) ** 2 + (columns - 48) ** 2 < 20**2
    colors = np.where(disk[..., None], (70, 80, 120), (180, 175, 160))
    grain = np.random.default_rng(0).normal(0, 4, (64, 96, 1))
    return (colors + grain).round().clip(0, 255).astype(np.uint8)


def test_grain_is_removed_and_tones_are_stretched(clean_scan, print_with_grain):
    cleaned = clean_scan.clean(print_with_grain, 64, 1.0)
    assert cleaned.shape == (64, 96, 3)
    paper, disk = np.s_[4:20, 4:20], np.s_[26:38, 42:54]
    contrast = [float(rgb[paper].mean() - rgb[disk].mean()) for rgb in (print_with_grain, cleaned)]
    assert contrast[1] > 2 * contrast[0]
    grain = [rgb[paper].std((0, 1)).mean() for rgb in (print_with_grain, cleaned)]
    assert grain[1] / contrast[1] < 0.3 * grain[0] / contrast[0]


def test_part_of_the_scan_is_written(clean_scan, print_with_grain, tmp_path, monkeypatch):
    Image.fromarray(print_with_grain).save(tmp_path / "scan.png")
    out = tmp_path / "new" / "clean.png"
    command = ["clean_scan.py", str(tmp_path / "scan.png"), str(out), "--side", "128", "--right", "0.5"]
    monkeypatch.setattr("sys.argv", command)
    clean_scan.main()
    assert images.read(out).size == (128, 96)
