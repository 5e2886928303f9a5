"""`export_checkpoint` of styles: settings that do not apply to the precision."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import InputError  # noqa: E402
from fststyle.train import checkpoint  # noqa: E402
from fststyle.train.export import export_checkpoint  # noqa: E402
from fststyle.train.networks import build  # noqa: E402


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    shape = {"width": 2, "blocks": 1}
    content = {"kind": "style", "network": "johnson", "network_settings": shape, "step": 1, "settings": {}}
    checkpoint.save(tmp_path / "a.pt", {**content, "model": build("johnson", shape).state_dict()})
    return tmp_path / "a.pt"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "fp16-weights"])
def test_data_option_is_for_int8(saved, photos, precision):
    with pytest.raises(InputError, match=rf"^--data: is for int8 and int8-weights, not for {precision}$"):
        export_checkpoint(saved, precision=precision, data=photos)
    assert not list(saved.parent.glob("*.onnx"))
