"""Stacked networks, losses and optimizer equal those of `fststyle train` for each network."""

import itertools
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle import catalogue  # noqa: E402
from fststyle.train import checkpoint, muon  # noqa: E402
from fststyle.train.compute import Compute  # noqa: E402
from fststyle.train.data.surroundings import surplus  # noqa: E402
from fststyle.train.losses.temporal import CUT, temporal_loss  # noqa: E402
from fststyle.train.networks.live import Live  # noqa: E402
from fststyle.train.networks.vgg import load_vgg, repeat_edges  # noqa: E402
from fststyle.train.style import loss as product  # noqa: E402
from fststyle.train.style.settings import TrainSettings  # noqa: E402
from tests import styles  # noqa: E402

SHIPPED = catalogue.SHIPPED
SIZE = 64


@pytest.fixture
def states():
    """The weights of three networks, with noise and with random instance norms."""
    torch.manual_seed(0)
    nets = [Live() for _ in range(3)]
    for net in nets:
        for name, value in net.named_parameters():
            if "norm" in name or "noise" in name:
                value.data += 0.3 * torch.randn_like(value)
    return [net.state_dict() for net in nets]


@pytest.fixture
def paintings(tmp_path):
    folder = tmp_path / "paintings"
    folder.mkdir()
    for number, name in enumerate(("Great Wave", "udnie")):
        Image.fromarray(styles.photo(40, 48, number)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, shape in enumerate(((70, 100), (120, 60), (300, 40), (64, 64))):
        Image.fromarray(styles.photo(*shape, number)).save(folder / f"{number}.png")
    (folder / "damaged.png").write_bytes(b"not an image")
    return folder


@pytest.fixture
def settings(paintings):
    common = TrainSettings(style=paintings, size=SIZE, style_size=32, batch=2)
    return [
        replace(common, style=paintings / "Great Wave.png", fine=0.75, style_weight=22.0),
        replace(common, style=paintings / "udnie.png", fine=0.5, content_weight=2.0),
    ]


def images(count, side=SIZE, seed=0):
    found = np.stack([styles.photo(side, side, seed + number) for number in range(count)])
    return torch.from_numpy(found.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)


def net_of(state):
    net = Live().eval()
    net.load_state_dict(state)
    return net


def gradients(networks, number):
    """The gradients of one network, by name, in the layout of `Live`."""
    found = {name: value.grad[number] for name, value in networks.named().items()}
    return {name: g.permute(0, 3, 1, 2) if g.ndim == 4 else g for name, g in found.items()}


@pytest.fixture
def step(tool, states, settings, photos):
    """A training step of two paintings and the identity, with random inputs."""
    together = tool("together")
    networks = together.Stacked(states, torch.float32)
    losses = together.StackedLosses(together.fast(load_vgg(), torch.float32), settings)
    source = together.crops.Photos(photos, SIZE, torch.device("cpu"))
    step = together.Step(networks, together.StackedMuon(networks), losses, settings, source)
    step.feed(np.random.default_rng(0))
    return step


def test_stacked_networks_are_live_networks(tool, states):
    networks, photo = tool("stacked").Stacked(states, torch.float32), images(2, 80)
    with torch.no_grad():
        stylized = networks(photo).unflatten(0, (3, 2))
        for number, state in enumerate(states):
            assert (stylized[number] - net_of(state)(photo)).abs().max() < 1e-4
    for number, state in enumerate(states):
        found = networks.state(number)
        assert list(found) == list(state)
        assert all(torch.equal(found[name], state[name]) for name in state)


def test_noise_depends_on_the_position(tool, states):
    networks, photo = tool("stacked").Stacked(states, torch.float32), images(1)
    net = net_of(states[1])
    for noise in networks.noises:
        noise.place.copy_(torch.tensor([noise.side - 1, 3]))
    for name in ("noise4", "noise8", "noise16"):
        module = getattr(net, name)
        module.field = module.field.roll((1, -3), (1, 2))
    with torch.no_grad():
        assert (networks(photo)[1] - net(photo)[0]).abs().max() < 1e-4


def test_stacked_networks_are_constrained_like_live_networks(tool, states):
    networks = tool("stacked").Stacked(states, torch.float32)
    networks.constrain()
    for number, state in enumerate(states):
        net = net_of(state)
        net.constrain()
        found = networks.state(number)
        for name, value in net.state_dict().items():
            torch.testing.assert_close(found[name], value, msg=name)


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)])
def test_orthogonalizing_many_matrices_is_orthogonalizing_each(tool, shape):
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = tool("stacked_muon").orthogonal(matrices)
    for matrix, value in zip(matrices, found, strict=True):
        torch.testing.assert_close(value, muon.orthogonal(matrix))


def test_stacked_losses_and_gradients_are_those_of_each_painting(tool, states, settings):
    stacked_losses = tool("stacked_losses")
    losses = stacked_losses.StackedLosses(stacked_losses.fast(load_vgg(), torch.float32), settings)
    networks, photo = tool("stacked").Stacked(states[:2], torch.float32), images(2, SIZE, 3)
    found = losses(networks(photo), photo, 16)
    (product.minimized(found) * 2).backward()
    vgg, compute = repeat_edges(load_vgg()), Compute(torch.device("cpu"), False)
    for number, one in enumerate(settings):
        net = net_of(states[number])
        expected = product.StyleLosses(vgg, one, compute)(net(photo), photo, 16)
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert value.min() > 0
            torch.testing.assert_close(found[name][number], value, rtol=1e-3, atol=1e-5, msg=name)
        product.minimized(expected).backward()
        mine = gradients(networks, number)
        for name, value in net.named_parameters():
            assert (mine[name] - value.grad).norm() < 1e-3 * value.grad.norm() + 1e-6, name


def test_steps_of_stacked_networks_are_those_of_muon(tool, states):
    networks = tool("stacked").Stacked(states, torch.float32)
    optimizer = tool("stacked_muon").StackedMuon(networks)
    optimizer.learning_rate.fill_(1e-2)
    nets = [net_of(state) for state in states]
    theirs = [muon.Muon(net, lr=1e-2) for net in nets]
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        for net in nets:
            for value in net.parameters():
                value.grad = torch.randn(value.shape, generator=random)
        named = [dict(net.named_parameters()) for net in nets]
        for name, value in networks.named().items():
            value.grad = tool("stacked").stack([found[name].grad for found in named])
        optimizer.step(tied=False)
        for net, one in zip(nets, theirs, strict=True):
            one.step()
            net.constrain()
    for number, net in enumerate(nets):
        found = networks.state(number)
        for name, value in net.named_parameters():
            torch.testing.assert_close(found[name], value.detach(), rtol=1e-3, atol=1e-4, msg=name)


def test_tied_networks_keep_their_shared_parameters_equal(tool, states, step):
    networks, shared = step.networks, step.networks.shared_names()
    with torch.no_grad():
        for name in shared:
            networks.named()[name].copy_(networks.named()[name][:1].expand_as(networks.named()[name]))
    before = networks.state(0)
    step.optimizer.learning_rate.fill_(1e-3)
    step(tied=True)
    first, second = networks.state(0), networks.state(1)
    assert {"stem.weight", "body16.0.first.conv.weight", "noise4.project.weight"} <= set(shared)
    for name in first:
        assert not torch.equal(first[name], before[name]), name
        assert torch.allclose(first[name], second[name], rtol=0, atol=1e-6) == (name in shared), name
    step(tied=False)
    first, second = networks.state(0), networks.state(1)
    assert not any(torch.allclose(first[name], second[name], rtol=0, atol=1e-6) for name in first)


def test_step_minimizes_the_losses_of_each_painting(tool, step, states, settings):
    crops = tool("crops")
    torch.manual_seed(5)
    total, means = step.loss()
    torch.manual_seed(5)
    photo, moved = crops.shifted_crops(step.photos.crop(step.draws, SIZE + surplus(SIZE) + CUT), step.shift)
    wide = torch.cat([photo, moved])
    top, left = step.place.tolist()
    photo = photo[..., top : top + SIZE, left : left + SIZE]
    vgg, compute = repeat_edges(load_vgg()), Compute(torch.device("cpu"), False)
    expected = []
    for number in range(3):
        net = net_of(states[number])
        for scale in (4, 8, 16):
            noise = getattr(net, f"noise{scale}")
            place = next(one.place for one in step.networks.noises if one.side == noise.field.shape[1])
            noise.field = noise.field.roll((-int(place[0]), -int(place[1])), (1, 2))
        with torch.no_grad():
            raw = net(wide)[..., top : top + SIZE, left : left + SIZE]
        if number == 2:
            difference = (raw[:2] - photo).flatten(1)
            expected.append({"identity": difference.abs().mean(1) + 5 * difference.square().mean(1)})
            continue
        stylized = raw.clamp(-1, 1)
        losses = product.StyleLosses(vgg, settings[number], compute)(stylized[:2], photo, 16)
        down, right = step.shift.tolist()
        here, there = stylized[:1, :, 8:-8, 8:-8], stylized[2:].roll((-down, -right), (2, 3))[..., 8:-8, 8:-8]
        temporal = settings[number].steady_weight * temporal_loss(here, there, (0, 0)).expand(2)
        expected.append({**losses, "temporal": temporal})
    assert sum(product.minimized(one) for one in expected).item() == pytest.approx(total.item(), rel=1e-4)
    for found, one in zip(means, expected, strict=True):
        assert found.item() == pytest.approx(sum(one.values()).mean().item(), rel=1e-3)


def test_shifted_crops_show_the_same_scene_in_their_overlap(tool):
    crops, photo = tool("crops"), images(2, SIZE + CUT)
    for shift in ((8, -8), (-3, 0), (0, 5)):
        here, there = crops.shifted_crops(photo, torch.tensor(shift))
        assert here.shape == (2, 3, SIZE, SIZE)
        assert there.shape == (1, 3, SIZE, SIZE)
        stylized, shaken = crops.overlap(here[:1], there, torch.tensor(shift))
        noise = (shaken - stylized) * 127.5
        assert 2 < noise.std() < 4.5
        assert (noise.abs() < 30).all()


def test_crops_are_parts_of_the_photos(tool, photos):
    source = tool("crops").Photos(photos, SIZE, torch.device("cpu"))
    assert [path.name for path in source.skipped] == ["damaged.png"]
    # Shorter sides of 9/8 of the crop, longer ones up to 3/2 of that.
    assert source.sides.tolist() == [[72, 103], [108, 72], [108, 72], [72, 72]]
    draws = source.draw(np.random.default_rng(0), 500)
    number, top, left, side, _ = draws.numpy().T
    height, width = source.sides[number.astype(int)].T
    for start, extent in ((top, height), (left, width)):
        assert (start >= np.minimum(0, extent - side) - 1e-3).all()
        assert (start + side <= np.maximum(side, extent) + 1e-3).all()
        assert (start < 0).any()
    inner = side / (1 + surplus(SIZE) / SIZE)
    assert 0.4 < (inner > 0.82 * 72).mean() < 0.7
    assert inner.min() < 0.5 * 72
    assert inner.max() <= 72 + 1e-3
    whole = torch.tensor([[3, 0, 0, 72, 0], [3, 0, 0, 72, 1]], dtype=torch.float32)
    plain, mirrored = source.crop(whole, 72)
    torch.testing.assert_close(plain, source.pixels[3, :, :72, :72] / 127.5 - 1, rtol=0, atol=1e-4)
    torch.testing.assert_close(mirrored, plain.flip(2), rtol=0, atol=1e-4)
    # Twelve more pixels at the left and at the top, by reflection.
    larger = source.crop(torch.tensor([[3, -12, -12, 96, 0]], dtype=torch.float32), 96)[0]
    torch.testing.assert_close(larger[:, 12:84, 12:84], plain, rtol=0, atol=1e-4)
    torch.testing.assert_close(larger[:, 12:84, :12], plain[:, :, :12].flip(2), rtol=0, atol=1e-4)


@pytest.fixture
def shipped(tool, tmp_path, monkeypatch):
    """An empty folder for the included weights."""
    folder, listing = tmp_path / "weights", tool("listing")
    folder.mkdir()
    (folder / "catalogue.json").write_text("[]")
    page = tmp_path / "styles.md"
    page.write_text(f"{listing.BEGIN}{listing.END}")
    monkeypatch.setattr(listing, "PAGE", page)
    for module in (catalogue, listing, tool("together")):
        monkeypatch.setattr(module, "SHIPPED", folder)
    return folder


def test_training_writes_shippable_checkpoints(tool, paintings, photos, tmp_path, shipped, monkeypatch):
    together, out = tool("together"), tmp_path / "together"
    # It is read three times a step, and once at the end of a phase.
    clock = itertools.count(step=30.0)
    monkeypatch.setattr(together, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["together.py", *map(str, args)])
        together.main()
        catalogue._listed.cache_clear()  # as in a new process

    tiny = f"--device cpu --size {SIZE} --style-size 32 --batch 1 --minutes 5 --tied-minutes 3"
    folders = "--paintings", paintings, "--data", photos, "--out", out, "--from", SHIPPED / "live-base.onnx"
    run(*folders, *tiny.split(), "--tune", "great-wave:0.75:22")
    assert sorted(path.name for path in out.iterdir()) == [
        "great-wave.pt",
        "identity.pt",
        "mean.pt",
        "udnie.pt",
    ]
    contents = {path.stem: checkpoint.load(path) for path in out.iterdir()}
    for name, content in contents.items():
        checkpoint.restore(content, out / name)
    assert contents["great-wave"]["step"] == 3
    assert contents["mean"]["step"] == contents["identity"]["step"] == 2
    kept = {name: (c["settings"]["fine"], c["settings"]["style_weight"]) for name, c in contents.items()}
    assert (kept["great-wave"], kept["udnie"]) == ((0.75, 22.0), (0.6, 6.0))
    models = {name: content["model"] for name, content in contents.items()}
    assert torch.equal(models["mean"]["stem.weight"], models["identity"]["stem.weight"])
    assert not torch.equal(models["great-wave"]["stem.weight"], models["udnie"]["stem.weight"])

    run("--ship-base", out / "identity.pt", "--data", photos)
    assert catalogue.base_network("live-base").trained_with == {
        "paintings": ["great-wave", "udnie"],
        "steps": 2,
    }
    base = checkpoint.load(out / "great-wave.pt")["base"]
    assert base == catalogue.base_network("live-base").sha256
    cards = []

    def exported(net, card, path, precision, photos):
        assert torch.equal(net.stem.weight, models["mean"]["stem.weight"])
        cards.append((path, card.base, precision))
        path.write_bytes(b"onnx")
        return {}

    monkeypatch.setattr(together, "export_module", exported)
    run("--ship", out / "mean.pt", "--data", photos)
    assert cards == [(shipped / "live-start.onnx", base, "int8-weights")]
    assert catalogue.initial_weights("live-start").trained_with["steps"] == 2


@pytest.mark.parametrize("text", ["great-wave:0.75", "scream:0.5:24", "udnie:a:24"])
def test_tuning_names_a_painting_and_two_numbers(tool, paintings, text, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["together.py", "--paintings", str(paintings), "--tune", text])
    with pytest.raises(SystemExit, match=f"--tune {text}"):
        tool("together").main()
