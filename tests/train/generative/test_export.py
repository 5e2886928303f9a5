"""`fststyle export` of GANs, VAEs and classifiers whose training was interrupted."""

import signal
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.catalogue import encoder_of  # noqa: E402
from fststyle.errors import (  # noqa: E402
    CheckpointError,
    ExportError,
    InputError,
    OutputError,
    StyleError,
    TrainingError,
)
from fststyle.runtime.generative import latents  # noqa: E402
from fststyle.runtime.generative.classify import load_classifier  # noqa: E402
from fststyle.runtime.generative.sample import Encoder, Generator  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.export import export_checkpoint  # noqa: E402
from fststyle.train.generative import export  # noqa: E402
from fststyle.train.generative.classifier import train_classifier  # noqa: E402
from fststyle.train.generative.gan import train_gan  # noqa: E402
from fststyle.train.generative.vae import train_vae  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.networks.vae import Decoder  # noqa: E402
from tests.digits import digits, write_idx  # noqa: E402
from tests.runtime.generative.test_sample import drawing  # noqa: E402

TINY = {"width": 8, "batch": 8, "device": "cpu", "save_every": 1}
TRAINERS = {
    "gan": (train_gan, {"latent": 4, "steps": 12, "kind": "dcgan", "preview_every": 0}),
    "vae": (train_vae, {"latent": 4, "epochs": 3}),
    "classifier": (train_classifier, {"features": 8, "epochs": 3}),
}


@pytest.fixture
def stopped(tmp_path):
    """The checkpoint of a training that was interrupted in its fourth step."""

    def stop(progress):
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    def training(kind):
        write_idx(tmp_path / "bars", 48, 16)
        train, settings = TRAINERS[kind]
        with pytest.raises(loop.Interrupted):
            train(tmp_path / "bars", name="a", output=tmp_path, on_progress=stop, **TINY, **settings)
        assert not list(tmp_path.glob("*.onnx"))
        return tmp_path / "a.pt"

    return training


def test_exported_gan_matches_the_network(stopped):
    path, parity = export_checkpoint(stopped("gan"))
    assert parity["largest"] <= 1
    generator = Generator(path, device="cpu")
    assert generator.metadata["step"] == "4"
    assert generator.draw(latents.sample(3, generator.latent, 0)).shape == (3, 28, 28, 3)


def test_vae_is_exported_with_its_encoder(stopped):
    path, _ = export_checkpoint(stopped("vae"), name="b", title="Bars")
    decoder = Generator(path, ("vae",), device="cpu")
    assert (decoder.metadata["name"], decoder.metadata["title"]) == ("b", "Bars")
    encoder = Encoder(decoder, device="cpu")
    assert encoder(digits(2)[0][..., None].repeat(3, 3))[0].shape == (2, 4)


def test_vae_is_not_written_without_its_decoder(tmp_path, monkeypatch):
    """Neither if the decoder cannot be exported, nor if its file cannot be written."""
    shape = {"side": 28, "channels": 1, "latent": 2, "width": 2}
    net, content = build("vae", shape), {"kind": "vae", "network_settings": shape, "settings": {}}
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(OutputError, match=r"a\.onnx: cannot be written"):
        export.write(net, content, tmp_path / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]

    class Failing(Decoder):
        def forward(self, latent):
            raise RuntimeError("no graph")

    monkeypatch.setattr(export, "Decoder", Failing)
    encoder_of(tmp_path / "b.onnx").write_bytes(b"earlier")
    with pytest.raises(ExportError, match="no graph"):
        export.write(net, content, tmp_path / "b.onnx")
    assert encoder_of(tmp_path / "b.onnx").read_bytes() == b"earlier"
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "b-encoder.onnx"}


def test_encoder_of_another_vae_is_refused(stopped):
    saved = stopped("vae")
    path, _ = export_checkpoint(saved)
    (saved.parent / "links").mkdir()
    link = saved.parent / "links" / "b.onnx"
    link.symlink_to(path)
    assert Encoder(Generator(link, ("vae",), device="cpu"), device="cpu").path.name == "a-encoder.onnx"
    other = Generator(drawing(saved.parent / "c.onnx", "vae", latent=3), device="cpu")
    with pytest.raises(StyleError, match=r"its encoder, c-encoder\.onnx, is not in"):
        Encoder(other, device="cpu")
    encoder_of(path).rename(saved.parent / "c-encoder.onnx")
    with pytest.raises(StyleError, match=r"latent vectors of size 4, but c\.onnx needs 3"):
        Encoder(other, device="cpu")


def test_exported_classifier_has_class_names(stopped):
    path, _ = export_checkpoint(stopped("classifier"))
    classifier = load_classifier(path, device="cpu")
    assert classifier.classes == tuple("0123456789")
    assert classifier(digits(3)[0][..., None].repeat(3, 3))[0].shape == (3, 10)


def test_fp16_weights_halve_the_size(stopped):
    saved = stopped("gan")
    whole, _ = export_checkpoint(saved)
    half, _ = export_checkpoint(saved, precision="fp16-weights")
    assert half.name == "a-fp16-weights.onnx"
    assert half.stat().st_size < 0.75 * whole.stat().st_size
    latent = latents.sample(9, 4, 0)
    drawn = [Generator(path, device="cpu").draw(latent).astype(int) for path in (whole, half)]
    assert np.abs(drawn[0] - drawn[1]).max() <= 2
    assert any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in onnx.load(half).graph.initializer)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_precisions_of_styles_are_refused(stopped, precision):
    saved = stopped("gan")
    with pytest.raises(InputError, match=f"--precision: {precision} is for styles"):
        export_checkpoint(saved, precision=precision)
    assert not list(saved.parent.glob("*.onnx"))


def test_encoder_does_not_overwrite_the_checkpoint(stopped):
    saved = stopped("vae")
    link = saved.with_name("b-encoder.onnx")
    link.symlink_to(saved)
    with pytest.raises(OutputError, match="is one of the inputs"):
        export_checkpoint(saved, output=saved.with_name("b.onnx"))


def test_damaged_weights_in_a_valid_archive_are_detected(stopped):
    saved = stopped("gan")
    content = bytearray(saved.read_bytes())
    weights = content.index(
        torch.load(saved, weights_only=True)["model"]["generator.layers.0.weight"].numpy().tobytes()
    )
    content[weights : weights + 4] = b"\x00\x00\x80\x3f"  # a good number, but not the one
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        export_checkpoint(saved)


def test_fewer_steps_than_there_were_are_refused(stopped):
    saved = stopped("gan")
    train, settings = TRAINERS["gan"]
    with pytest.raises(InputError, match="already at step 4"):
        train(
            saved.parent / "bars",
            name="a",
            output=saved.parent,
            resume=True,
            **TINY,
            **{**settings, "steps": 3},
        )


def test_gan_resumes_with_more_steps(stopped):
    saved = stopped("gan")
    train, settings = TRAINERS["gan"]
    train(
        saved.parent / "bars", name="a", output=saved.parent, resume=True, **TINY, **{**settings, "steps": 15}
    )
    assert checkpoint.load(saved, "gan")["step"] == 15


def test_out_of_memory_gives_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 3288334336"
            " bytes"
        )

    write_idx(tmp_path / "bars", 48, 16)
    monkeypatch.setattr("fststyle.train.generative.gan.spread", full)
    with pytest.raises(TrainingError, match="step 1: out of memory; a smaller --size"):
        train_gan(tmp_path / "bars", output=tmp_path, steps=2, latent=4, preview_every=0, **TINY)
    monkeypatch.setattr("fststyle.train.generative.gan.spread", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_gan(tmp_path / "bars", output=tmp_path, steps=2, latent=4, preview_every=0, **TINY)


def test_data_option_is_for_styles(stopped):
    with pytest.raises(InputError, match="--data: is for int8 styles"):
        export_checkpoint(stopped("gan"), data=Path("photos"))
