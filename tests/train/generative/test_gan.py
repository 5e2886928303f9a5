"""GANs of each kind train, resume bit-identically and warn of divergence, and their file equals the
network.
"""

import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError, InputError  # noqa: E402
from fststyle.export.model import PictureOutput  # noqa: E402
from fststyle.runtime.generative import latents  # noqa: E402
from fststyle.runtime.generative.sample import Generator  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.generative.augment import augmented, colored, cutout, shifted  # noqa: E402
from fststyle.train.generative.gan import spread, train_gan, update_average  # noqa: E402
from fststyle.train.generative.settings import GANS  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.networks.gan import Score  # noqa: E402
from tests.digits import write_idx  # noqa: E402

TINY = {
    "latent": 4,
    "width": 2,
    "batch": 8,
    "steps": 12,
    "device": "cpu",
    "save_every": 1,
    "preview_every": 0,
}


@pytest.fixture
def data(tmp_path):
    write_idx(tmp_path / "bars", 100, 20)
    return tmp_path / "bars"


@pytest.fixture
def unexported(monkeypatch):
    monkeypatch.setattr("fststyle.train.generative.gan.export.write", lambda *_: 0.0)


@pytest.mark.parametrize("kind", GANS)
def test_exported_generator_matches_the_network(data, tmp_path, kind):
    trained = train_gan(data, kind=kind, output=tmp_path / "out", **TINY)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"bars-{kind}-preview.png",
        f"bars-{kind}.onnx",
        f"bars-{kind}.pt",
    ]
    generator = Generator(trained.onnx, device="cpu")
    assert generator.metadata["kind"] == "gan"
    assert f'"kind": "{kind}"' in generator.metadata["trained_with"]
    latent = latents.sample(5, generator.latent, 3)
    drawn = generator.draw(latent)
    assert (drawn.shape, drawn.dtype) == ((5, 28, 28, 3), np.uint8)
    net = checkpoint.restore(checkpoint.load(trained.checkpoint, "gan"), trained.checkpoint).average.eval()
    with torch.inference_mode():
        wanted = PictureOutput(net, 1)(torch.from_numpy(latent)).numpy()
    assert np.abs(drawn.astype(int) - wanted).max() <= 1


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("kind", GANS)
def test_resume_is_step_exact(data, tmp_path, kind):
    """Both networks, their optimizers and the moving average, with random augmentation."""
    whole = checkpoint.load(train_gan(data, kind=kind, output=tmp_path / "whole", **TINY).checkpoint, "gan")

    def stop(progress):
        if progress.step == 6:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted, match="after step 7 of 12"):
        train_gan(data, kind=kind, output=tmp_path / "parts", on_progress=stop, **TINY)
    parts = checkpoint.load(
        train_gan(data, kind=kind, output=tmp_path / "parts", resume=True, **TINY).checkpoint, "gan"
    )
    assert all(torch.equal(parts["model"][name], value) for name, value in whole["model"].items())
    for name, optimizer in whole["optimizer"].items():
        for key, state in optimizer["state"].items():
            assert all(
                torch.equal(parts["optimizer"][name]["state"][key][part], value)
                for part, value in state.items()
            )


@pytest.mark.usefixtures("unexported")
def test_learns_the_brightness_of_its_images(data, tmp_path):
    """A GAN learns the brightness first. Random images are mid-gray, while the bars are on a nearly black
    ground.
    """
    trained = train_gan(
        data,
        kind="dcgan",
        output=tmp_path / "out",
        **{**TINY, "steps": 200, "width": 8, "batch": 16, "learning_rate": 1e-3, "average": 0.9},
    )
    net = checkpoint.restore(checkpoint.load(trained.checkpoint, "gan"), trained.checkpoint).average.eval()
    with torch.inference_mode():
        drawn = PictureOutput(net, 1)(torch.randn(64, 4, generator=torch.Generator().manual_seed(1))).float()
    assert drawn.mean() < 80


@pytest.mark.usefixtures("unexported")
def test_mode_collapse_is_reported(data, tmp_path, monkeypatch):
    monkeypatch.setattr("fststyle.train.generative.divergence.PATIENCE", 5)
    said = []
    train_gan(
        data, kind="mlp", output=tmp_path / "out", on_message=said.append, **{**TINY, "learning_rate": 1e-8}
    )
    assert sum("mode collapse" in text for text in said) == 1


def test_spread():
    real = torch.randn(50, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert spread(real, real).item() == pytest.approx(1)
    assert spread(real[:1].expand(50, -1, -1, -1), real).item() == pytest.approx(0)
    assert spread(real / 2 + 3, real).item() == pytest.approx(0.5)


@pytest.fixture
def score(monkeypatch):
    """Groups of four; the score of a group is the sum of what is found of it, an image alone has none."""
    monkeypatch.setattr(Score, "GROUP", 4)
    score = Score(1, 2)
    score.group = torch.nn.Linear(3, 1)
    for weights in (score.one.weight, score.one.bias, score.group.bias):
        torch.nn.init.zeros_(weights)
    torch.nn.init.ones_(score.group.weight)
    return score


def test_group_score_by_hand(score):
    """Groups consist of every n-th image."""
    x = torch.zeros(8, 1, 2, 2)
    x[[0, 4]] = 1.0  # images 0, 2, 4 and 6 are one group: half of them bright; the other is all alike
    told = score(x)
    assert told.shape == (8, 1)
    # Mean of the features, their deviation, and the mean deviation of the pixels.
    torch.testing.assert_close(told[::2], torch.full((4, 1), 0.5 + 0.5 + 0.5))
    torch.testing.assert_close(told[1::2], torch.full((4, 1), 2e-4))
    torch.testing.assert_close(score(x[[4, 3, 6, 5, 2, 7, 0, 1]]), told)
    assert score(x[:3]).shape == (3, 1)


def test_single_image_score(score):
    torch.nn.init.ones_(score.one.weight)
    torch.nn.init.zeros_(score.group.weight)
    x = torch.arange(8.0)[:, None, None, None].expand(8, 1, 2, 2)
    torch.testing.assert_close(score(x), 4 * torch.arange(8.0)[:, None])


def test_running_mean_by_hand():
    net, average = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    torch.nn.init.constant_(net.weight, 5.0)
    net.num_batches_tracked += 7
    update_average(average, net, 0.9, 0)
    assert average.weight.item() == pytest.approx(1 * 0.1 + 5 * 0.9)
    assert average.num_batches_tracked == 7
    before = average.weight.item()
    update_average(average, net, 0.9, 10_000)
    assert average.weight.item() == pytest.approx(before * 0.9 + 5 * 0.1)


@pytest.mark.parametrize("change", [colored, cutout, lambda x: shifted(x, 4), augmented])
def test_augmentation_is_random_differentiable_and_keeps_the_shape(change):
    torch.manual_seed(0)
    x = torch.ones(6, 3, 32, 32).requires_grad_(True)
    y = change(x)
    assert y.shape == x.shape
    assert not torch.equal(y[0], y[1])
    y.sum().backward()
    assert (x.grad != 0).any()


def test_shift_moves_whole_pixels():
    torch.manual_seed(1)
    x = torch.zeros(200, 1, 9, 9)
    x[:, :, 4, 4] = 1
    moved = shifted(x, 2).sum(0)[0]
    assert moved.sum() == 200
    assert (moved[2:7, 2:7] > 0).all()
    torch.testing.assert_close(
        shifted(torch.full((3, 1, 8, 8), -1.0), 3, "replicate"), torch.full((3, 1, 8, 8), -1.0)
    )


def test_cutout_by_hand():
    torch.manual_seed(2)
    zeros = (cutout(torch.ones(100, 1, 8, 8)) == 0).flatten(1).sum(1)
    assert zeros.max() == 16
    assert zeros.min() >= 4


@pytest.mark.parametrize("kind", GANS)
@pytest.mark.parametrize("side", [28, 32, 64, 128])
def test_every_size_has_its_networks(kind, side):
    gan = build("gan", {"kind": kind, "side": side, "channels": 3, "latent": 5, "width": 2})
    drawn = gan.generator(torch.randn(3, 5))
    assert drawn.shape == (3, 3, side, side)
    assert gan.discriminator(drawn).shape == (3, 1)


def test_bad_input(data, tmp_path):
    train = lambda **more: train_gan(data, output=tmp_path, **{**TINY, "steps": 1, **more})  # noqa: E731
    with pytest.raises(InputError, match="not one of mlp"):
        train(kind="vae")
    with pytest.raises(InputError, match="--size"):
        train(size=48)
    torch.save({"format": "other"}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="not an fststyle checkpoint"):
        train(name="a", resume=True)
    checkpoint.save(
        tmp_path / "a.pt",
        {"kind": "style", "network": "live", "network_settings": {}, "model": {}, "step": 1, "settings": {}},
    )
    with pytest.raises(CheckpointError, match="of kind style, not gan"):
        train(name="a", resume=True)
