import os
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from fststyle.errors import DependencyError, InputError
from fststyle.train.networks.vgg import LAYERS, MEAN, VGG16, load_vgg, repeat_edges


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG16().eval()


def test_layer_names():
    assert LAYERS == (
        "relu1_1",
        "relu1_2",
        "relu2_1",
        "relu2_2",
        "relu3_1",
        "relu3_2",
        "relu3_3",
        "relu4_1",
        "relu4_2",
        "relu4_3",
    )


def test_only_requested_layers_are_returned(vgg):
    found = vgg(torch.zeros(2, 3, 32, 48))
    assert tuple(found) == LAYERS
    assert found["relu1_2"].shape == (2, 64, 32, 48)
    assert found["relu4_3"].shape == (2, 512, 4, 6)
    assert set(vgg(torch.zeros(1, 3, 32, 32), ("relu3_3", "relu1_2"))) == {"relu1_2", "relu3_3"}


def test_unknown_layer_is_refused(vgg):
    with pytest.raises(InputError, match="relu5_1"):
        vgg(torch.zeros(1, 3, 32, 32), ("relu5_1",))


def test_input_is_scaled_to_bytes_minus_the_mean(vgg):
    pixels = torch.tensor([0.0, 128.0, 255.0]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    expected = torch.relu(vgg.features[0](pixels - torch.tensor(MEAN).view(1, 3, 1, 1)))
    torch.testing.assert_close(
        vgg(pixels / 127.5 - 1, ("relu1_1",))["relu1_1"], expected, rtol=1e-4, atol=1e-3
    )


def test_equals_torchvision_layer_for_layer(vgg):
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    theirs = models.vgg16(weights=None).features.eval()
    missing, unexpected = theirs.load_state_dict(vgg.features.state_dict(), strict=False)
    assert not unexpected
    assert all(name.startswith(("24.", "26.", "28.")) for name in missing)
    x = torch.rand(1, 3, 32, 40) * 2 - 1
    ours = vgg(x)
    y = (x + 1) * 127.5 - torch.tensor(MEAN).view(1, 3, 1, 1)
    relus = []
    for layer in theirs[:23]:
        y = layer(y)
        if isinstance(layer, torch.nn.ReLU):
            relus.append(y)
            y = y.clone()  # theirs works in place
    assert len(relus) == len(LAYERS)
    for name, value in zip(LAYERS, relus, strict=True):
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-3)


def test_shipped_slice_is_the_original_network():
    """The first filter has these values for red, green and blue; in the ImageNet weights of torchvision one
    of them is -0.55. Activations are in the hundreds, as for inputs in 0..255.
    """
    vgg = load_vgg()
    assert not any(p.requires_grad for p in vgg.parameters())
    assert vgg.features[0].weight[0, :, 0, 0].tolist() == pytest.approx([0.4800, 0.5503, 0.4294], abs=1e-3)
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert 30 < vgg(noise, ("relu2_2",))["relu2_2"].mean() < 1000


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_own_weights_are_read(tmp_path, vgg, suffix):
    file = tmp_path / f"own{suffix}"
    state = vgg.state_dict()
    save_file(state, file) if suffix == ".safetensors" else torch.save(state, file)
    torch.testing.assert_close(load_vgg(file).features[5].weight, vgg.features[5].weight)


class _Hostile:
    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("container", [pickle.dumps, None])
def test_hostile_pickle_is_refused(tmp_path, container):
    bomb, file = _Hostile(), tmp_path / "bomb.pth"
    bomb.path = str(tmp_path / "was-run")
    if container is None:
        torch.save({"features.0.weight": bomb}, file)
    else:
        file.write_bytes(container(bomb))
    with pytest.raises(InputError):
        load_vgg(file)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_damaged_missing_and_foreign_files_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="no such file"):
        load_vgg(tmp_path / name)
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(InputError):
        load_vgg(tmp_path / name)
    foreign = {"conv.weight": torch.zeros(1)}
    (
        save_file(foreign, tmp_path / name)
        if name.endswith("safetensors")
        else torch.save(foreign, tmp_path / name)
    )
    with pytest.raises(InputError, match="missing or has a different shape"):
        load_vgg(tmp_path / name)


def test_replicate_padding_leaves_no_border():
    torch.manual_seed(0)
    vgg, plain = VGG16().eval(), torch.full((1, 3, 32, 32), 0.5)
    framed = vgg(plain)["relu2_2"]
    even = repeat_edges(vgg)(plain)["relu2_2"]
    assert framed.std((2, 3)).max() > 1e-2 * framed.abs().max()
    assert even.std((2, 3)).max() < 1e-5 * even.abs().max()
    torch.testing.assert_close(even[..., 8:10, 8:10], framed[..., 8:10, 8:10], rtol=1e-4, atol=1e-4)


def test_failed_download_of_weights_gives_one_line(monkeypatch):
    torchvision = pytest.importorskip("torchvision")
    error = OSError("<urlopen error no network>")
    monkeypatch.setattr(
        torchvision.models.VGG16_Weights, "get_state_dict", lambda *_, **__: (_ for _ in ()).throw(error)
    )
    with pytest.raises(
        InputError,
        match=r"torchvision: the weights are not available \(<urlopen error no network>\); use --vgg oxford,",
    ):
        load_vgg("torchvision")


def test_missing_safetensors_is_reported(tmp_path, monkeypatch):
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"")
    for name in ("safetensors", "safetensors.numpy", "safetensors.torch"):
        monkeypatch.setitem(sys.modules, name, None)
    for weights in ("oxford", file):
        with pytest.raises(DependencyError, match="pip install safetensors"):
            load_vgg(weights)


def test_import_does_not_need_safetensors():
    code = "import sys; sys.modules['safetensors'] = None; import fststyle.train.networks.vgg"
    subprocess.run([sys.executable, "-c", code], check=True)
