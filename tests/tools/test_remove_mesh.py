"""The script that removes the mesh from a trained network."""

import math
import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError  # noqa: E402
from fststyle.train import checkpoint  # noqa: E402
from fststyle.train.data.loader import Scenes, held_out, to_tensor  # noqa: E402
from fststyle.train.losses.mesh import mesh_log_ratio  # noqa: E402
from fststyle.train.networks import build  # noqa: E402

SHAPE = {"width": 8, "blocks": 0, "coarse_blocks": 1}


@pytest.fixture
def script(tool):
    return tool("remove_mesh")


@pytest.fixture
def meshed(tmp_path):
    """The checkpoint of a network that adds lines along the columns of pixels to every photo."""
    torch.manual_seed(0)
    net = build("live", SHAPE)
    places = torch.arange(16)
    # Every second column of a block has the opposite sign, which depends on the features.
    lines = torch.cos(math.pi * (places % 4)).repeat_interleave(3)
    net.head.weight.data += 0.5 * lines.view(-1, 1, 1, 1) * torch.randn(1, net.head.in_channels, 3, 3)
    net.constrain()
    path = tmp_path / "meshed.pt"
    common = {"kind": "style", "network": "live", "network_settings": SHAPE, "step": 1, "settings": {}}
    checkpoint.save(path, {**common, "model": net.state_dict(), "optimizer": {"state": {}}})
    return path


def ratio(path):
    net = checkpoint.restore(checkpoint.load(path), path).eval()
    crops = torch.stack([to_tensor(crop) for crop in held_out(Scenes(64), 4)])
    with torch.no_grad():
        return mesh_log_ratio(net(crops)).mean(0).max().item()


def test_mesh_is_removed_and_other_layers_are_kept(script, meshed, tmp_path, monkeypatch, capsys):
    out = tmp_path / "clean.pt"
    options = ["--steps", "40", "--batch", "2", "--size", "64"]
    monkeypatch.setattr(sys, "argv", ["remove_mesh.py", str(meshed), str(out), *options])
    # The output of this network is little more than the mesh.
    monkeypatch.setattr(script, "SAME", 1.0)
    monkeypatch.setattr(script, "RATE", 1e-2)
    script.main()
    assert "step 39 same" in capsys.readouterr().out
    assert ratio(out) < ratio(meshed) - 0.5
    before, after = checkpoint.load(meshed), checkpoint.load(out)
    changed = {
        name for name in after["model"] if not torch.equal(before["model"][name], after["model"][name])
    }
    assert changed
    assert all(name.startswith(("refine", "up.", "head.")) for name in changed)


def test_other_networks_are_refused(script, tmp_path, monkeypatch):
    net, path = build("johnson", {"width": 4, "blocks": 1}), tmp_path / "johnson.pt"
    common = {"kind": "style", "network": "johnson", "network_settings": {"width": 4, "blocks": 1}}
    checkpoint.save(path, {**common, "model": net.state_dict(), "optimizer": {}, "step": 1, "settings": {}})
    monkeypatch.setattr(sys, "argv", ["remove_mesh.py", str(path), str(tmp_path / "out.pt")])
    with pytest.raises(CheckpointError, match="johnson"):
        script.main()
