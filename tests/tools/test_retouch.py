"""The script that removes the mesh of a trained network and raises its local contrast."""

import math
import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError, OutputError  # noqa: E402
from fststyle.train import checkpoint  # noqa: E402
from fststyle.train.data.loader import Scenes, held_out, to_tensor  # noqa: E402
from fststyle.train.losses.clamp import clamp_output  # noqa: E402
from fststyle.train.losses.mesh import mesh_log_ratio  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.style.init_weights import load_initial_weights  # noqa: E402
from fststyle.train.style.retouching import Tone, retouched  # noqa: E402

SHAPE = {"width": 8, "blocks": 0, "coarse_blocks": 1}


@pytest.fixture
def script(tool):
    return tool("retouch")


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
    return saved(net, "live", SHAPE, tmp_path / "meshed.pt")


def saved(net, network, shape, path):
    common = {"kind": "style", "network": network, "network_settings": shape, "step": 1, "settings": {}}
    checkpoint.save(path, {**common, "model": net.state_dict(), "optimizer": {"state": {}}})
    return path


def photo_crops():
    return torch.stack([to_tensor(crop) for crop in held_out(Scenes(64), 4)])


def stylized(path):
    net = checkpoint.restore(checkpoint.load(path), path).eval()
    with torch.no_grad():
        return clamp_output(net(photo_crops()))


def ratio(path):
    return mesh_log_ratio(stylized(path)).mean(0).max().item()


def test_mesh_is_removed(script, meshed, tmp_path, monkeypatch, capsys):
    out = tmp_path / "clean.pt"
    options = ["--steps", "40", "--batch", "2", "--size", "64"]
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(meshed), str(out), *options])
    # The output of this network is little more than the mesh.
    monkeypatch.setattr(script, "SAME", 1.0)
    monkeypatch.setattr(script, "RATE", 3e-2)
    script.main()
    assert "step 39 same" in capsys.readouterr().out
    assert ratio(out) < ratio(meshed) - 0.5


def test_network_learns_to_retouch(script, tmp_path, monkeypatch):
    shape = {"width": 48, "blocks": 2, "coarse_blocks": 3}
    net = build("live", shape)
    load_initial_weights(net, "live-start")
    path, out = saved(net, "live", shape, tmp_path / "soft.pt"), tmp_path / "vivid.pt"
    options = ["--local-contrast", "1", "--details", "1", "--steps", "40", "--batch", "1", "--size", "64"]
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(path), str(out), *options])
    script.main()
    photos, before, after = photo_crops(), stylized(path), stylized(out)
    tones = Tone.of(photos, before)
    target = retouched(before, photos, local_contrast=1, details=1, tone=0, tones=tones)
    assert (after - target).square().mean() < 0.6 * (before - target).square().mean()


def test_other_networks_are_refused(script, tmp_path, monkeypatch):
    shape = {"width": 4, "blocks": 1}
    path = saved(build("johnson", shape), "johnson", shape, tmp_path / "johnson.pt")
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(path), str(tmp_path / "out.pt")])
    with pytest.raises(CheckpointError, match="johnson"):
        script.main()


def test_style_is_read_with_its_metadata(script):
    content = script.read("the-scream")
    assert content["network"] == "live"
    assert content["settings"]["style_size"] == 384
    assert content["base"]
    assert content["style_sha256"]
    assert "head.weight" in content["model"]


@pytest.mark.parametrize("name", ["out.onnx", "none/out.pt", "here/out.pt"])
def test_output_is_checked_first(script, meshed, tmp_path, monkeypatch, name):
    (tmp_path / "here" / "out.pt").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(meshed), str(tmp_path / name)])
    monkeypatch.setattr(script, "retouch", None)
    with pytest.raises(OutputError, match=r"out\.(onnx|pt): "):
        script.main()


@pytest.mark.parametrize(
    "options",
    [
        ["--size", "66"],
        ["--size", "48"],
        ["--steps", "0"],
        ["--tone", "1.5"],
        ["--strokes", "17"],
    ],
)
def test_invalid_options_are_refused(script, tmp_path, monkeypatch, capsys, options):
    monkeypatch.setattr(
        sys, "argv", ["retouch.py", str(tmp_path / "in.pt"), str(tmp_path / "out.pt"), *options]
    )
    with pytest.raises(SystemExit):
        script.main()
    assert "must be" in capsys.readouterr().err


def test_checkpoint_is_not_overwritten_and_old_state_is_dropped(script, meshed, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(meshed), str(meshed), "--steps", "1", "--size", "64"])
    with pytest.raises(OutputError):
        script.main()
    out = tmp_path / "out.pt"
    options = ["--steps", "1", "--batch", "1", "--size", "64", "--details", "0.5", "--strokes", "3"]
    monkeypatch.setattr(sys, "argv", ["retouch.py", str(meshed), str(out), *options])
    script.main()
    content = checkpoint.load(out)
    assert "optimizer" not in content
    assert content["settings"]["retouched"] == {
        "local_contrast": 0.0,
        "details": 0.5,
        "tone": 0.0,
        "strokes": 3,
    }
