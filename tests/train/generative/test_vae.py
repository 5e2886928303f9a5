"""The ELBO is a lower bound, the VAE learns and resumes bit-identically, and its files equal the network."""

import math
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.export.model import FrameInput, PictureOutput  # noqa: E402
from fststyle.io import dataset  # noqa: E402
from fststyle.runtime.generative import latents  # noqa: E402
from fststyle.runtime.generative.sample import Encoder, Generator  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train import networks as registry  # noqa: E402
from fststyle.train.generative.vae import bound, held_out_elbo, train_vae  # noqa: E402
from fststyle.train.losses.elbo import bernoulli, binarize, gaussian, kl, reparameterize  # noqa: E402
from fststyle.train.networks import vae as networks  # noqa: E402
from tests.digits import write_idx  # noqa: E402
from tests.io.test_dataset import folder_of  # noqa: E402

TINY = {"latent": 3, "width": 2, "batch": 20, "epochs": 1, "device": "cpu", "save_every": 1}


@pytest.fixture
def data(tmp_path):
    write_idx(tmp_path / "bars", 200, 40)
    return tmp_path / "bars"


def test_kl_against_monte_carlo():
    """The mean of log q(z) - log p(z) over samples of q."""
    torch.manual_seed(0)
    mean, log_variance = torch.tensor([[0.5, -1.2, 0.0]]), torch.tensor([[0.3, -1.0, 0.0]])
    z = reparameterize(mean.expand(400_000, -1), log_variance.expand(400_000, -1)).double()
    log_q = torch.distributions.Normal(mean.double(), (log_variance.double() / 2).exp()).log_prob(z).sum(1)
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    difference = log_q - log_p
    error = float(difference.std()) / math.sqrt(len(z))
    assert kl(mean, log_variance).item() == pytest.approx(float(difference.mean()), abs=5 * error)
    assert error < 0.005
    assert kl(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_likelihoods_against_torchs_distributions():
    torch.manual_seed(0)
    drawn, pixels = torch.randn(4, 1, 5, 5), torch.rand(4, 1, 5, 5)
    hard = binarize(pixels)
    assert set(hard.unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(
        bernoulli(drawn, hard), torch.distributions.Bernoulli(logits=drawn).log_prob(hard).sum((1, 2, 3))
    )
    wanted = torch.distributions.Normal(drawn, math.exp(-1.5)).log_prob(pixels).sum((1, 2, 3))
    torch.testing.assert_close(gaussian(drawn, pixels, torch.tensor(-1.5)), wanted)
    torch.testing.assert_close(
        gaussian(drawn, pixels, torch.tensor(-99.0)),
        gaussian(drawn, pixels, torch.tensor(networks.MIN_LOG_DEVIATION)),
    )


def test_gray_is_the_probability_of_white():
    torch.manual_seed(0)
    assert binarize(torch.full((100_000,), 0.3)).mean().item() == pytest.approx(0.3, abs=0.01)


def test_bound_is_below_the_likelihood():
    """For a decoder that ignores z, the likelihood has a closed form, and the ELBO is the likelihood minus
    the KL divergence for every encoder.
    """
    torch.manual_seed(0)
    net = registry.build("vae", {"side": 28, "channels": 1, "latent": 2, "width": 2})
    for module in net.decoder:
        if isinstance(module, torch.nn.ConvTranspose2d):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
    likelihood, divergence = bound(net, torch.rand(3, 1, 28, 28) * 2 - 1)
    assert likelihood.tolist() == pytest.approx([-784 * math.log(2)] * 3, rel=1e-5)
    assert (divergence > 0).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_learns_and_exported_files_match_the_network(data, tmp_path, likelihood):
    said = []
    trained = train_vae(
        data,
        output=tmp_path / "out",
        likelihood=likelihood,
        **{**TINY, "epochs": 8, "learning_rate": 5e-3},
        on_message=said.append,
    )
    elbos = [float(text.split("ELBO ")[1].split()[0]) for text in said if text.startswith("epoch")]
    assert len(elbos) == 8
    assert elbos[-1] > elbos[0] + 20
    assert elbos[-1] == pytest.approx(trained.elbo, abs=0.01)

    net = checkpoint.restore(checkpoint.load(trained.checkpoint, "vae"), trained.checkpoint).eval()
    assert held_out_elbo(net, dataset.load(data)[1], torch.device("cpu")) == pytest.approx(
        trained.elbo, rel=1e-4
    )
    decoder = Generator(trained.onnx, ("vae",), "cpu")
    encoder = Encoder(decoder, "cpu")
    latent = latents.sample(4, 3, 0)
    frames = dataset.load(data)[1].rgb[:4].repeat(3, axis=3)
    with torch.inference_mode():
        drawn = PictureOutput(networks.Decoder(net), 1)(torch.from_numpy(latent)).numpy()
        wanted = FrameInput(networks.Encoder(net), 1)(torch.from_numpy(frames))
    assert np.abs(decoder.draw(latent).astype(int) - drawn).max() <= 1
    for got, want in zip(encoder(frames), wanted, strict=True):
        np.testing.assert_allclose(got, want.numpy(), atol=1e-4)


def test_smallest_folder_is_learned_and_exported(tmp_path):
    """One image of the folder is held out."""
    trained = train_vae(
        folder_of(tmp_path / "few", dataset.MIN_PICTURES), size=28, output=tmp_path / "out", **TINY
    )
    assert Generator(trained.onnx, ("vae",), "cpu").draw(latents.sample(3, 3, 0)).shape == (3, 28, 28, 3)
    assert len(dataset.load(tmp_path / "few", 28)[1]) == 1


def test_resume_is_step_exact(data, tmp_path, monkeypatch):
    monkeypatch.setattr("fststyle.train.generative.vae.export.write", lambda *_: 0.0)
    whole = checkpoint.load(train_vae(data, output=tmp_path / "whole", **TINY).checkpoint, "vae")

    def stop(progress):
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted):
        train_vae(data, output=tmp_path / "parts", on_progress=stop, **TINY)
    parts = checkpoint.load(train_vae(data, output=tmp_path / "parts", resume=True, **TINY).checkpoint, "vae")
    assert all(torch.equal(parts["model"][name], value) for name, value in whole["model"].items())


def test_two_dimensional_latent_preview_is_a_map(data, tmp_path, monkeypatch):
    monkeypatch.setattr("fststyle.train.generative.vae.export.write", lambda *_: 0.0)
    from PIL import Image

    with Image.open(train_vae(data, output=tmp_path / "out", **{**TINY, "latent": 2}).preview) as sheet:
        assert sheet.size == ((16 * 30 + 2) * 2,) * 2
    quantiles = latents.grid(3)
    assert quantiles.shape == (9, 2)
    np.testing.assert_allclose(quantiles[4], 0, atol=1e-7)
    assert quantiles[0, 1] == pytest.approx(0.967, abs=1e-3)


@pytest.mark.parametrize("side", [28, 32, 64, 128])
def test_every_size_has_its_network(side):
    net = registry.build("vae", {"side": side, "channels": 3, "latent": 5, "width": 2})
    assert net.mean_image(torch.randn(2, 5)).shape == (2, 3, side, side)
    assert net.encode(torch.zeros(2, 3, side, side))[0].shape == (2, 5)
