"""The progress of a training fits a terminal of any width."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from fststyle.cli.progress_bar import Bar

LOSSES = dict.fromkeys(("loss", "content", "style", "grid", "temporal"), 123_456.0)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_progress_bar_is_not_truncated(width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    with Bar(console, 900) as bar:
        bar.update(SimpleNamespace(step=17, steps=900, rate=5.3, seconds_left=2590.0, losses=LOSSES))
    shown = console.file.getvalue()
    for text in ("17/900", "43:10 left", "5.3 images/s", "grid 123k", "temporal 123k"):
        assert text in " ".join(shown.split()), (text, shown)
