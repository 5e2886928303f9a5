"""The files of styles for the browser, and errors in them."""

import sys
from pathlib import Path

import pytest

from fststyle import catalogue
from fststyle.errors import DependencyError, StyleError
from fststyle.web.browser_styles import base_of, browser_style


@pytest.mark.parametrize("name", ["invert", "starry-night"])
def test_missing_onnx_package_is_named(
    style_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    entry = catalogue.find(name)
    base_of.cache_clear()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DependencyError, match=rf"^{entry.path.name} needs onnx: pip install onnx \["):
        browser_style(entry)


def test_damaged_file_is_refused(style_folder: Path) -> None:
    (style_folder / "damaged.onnx").write_bytes(b"damaged")
    with pytest.raises(StyleError, match=r"^damaged: cannot be read"):
        browser_style(catalogue.find("damaged"))
