"""The classifier learns, resumes bit-identically, and its file equals the network."""

import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import InputError  # noqa: E402
from fststyle.export.model import FrameInput  # noqa: E402
from fststyle.io import dataset  # noqa: E402
from fststyle.runtime.generative.classify import evaluate, load_classifier  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.generative.classifier import train_classifier  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.networks.classifier import halvings  # noqa: E402
from tests.digits import write_idx  # noqa: E402

TINY = {"width": 2, "features": 8, "batch": 20, "device": "cpu", "save_every": 2, "shift": 0}


@pytest.fixture
def data(tmp_path):
    write_idx(tmp_path / "bars", 200, 60)
    return tmp_path / "bars"


def test_learns_and_exports(data, tmp_path):
    said = []
    trained = train_classifier(
        data,
        output=tmp_path / "out",
        **{**TINY, "width": 4, "features": 16, "epochs": 15, "learning_rate": 1e-2},
        on_message=said.append,
    )
    assert trained.accuracy > 0.9  # one in ten by chance
    assert trained.confusion.sum() == 60
    assert any("epoch 3 of 15" in text for text in said)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bars-classifier-preview.png",
        "bars-classifier.onnx",
        "bars-classifier.pt",
    ]

    classifier = load_classifier(trained.onnx, "cpu")
    test = dataset.load(data)[1]
    np.testing.assert_array_equal(evaluate(classifier, test), trained.confusion)
    assert classifier.classes == tuple("0123456789")
    net = checkpoint.restore(checkpoint.load(trained.checkpoint, "classifier"), trained.checkpoint).eval()
    frames = test.rgb[:7].repeat(3, axis=3)
    with torch.inference_mode():
        wanted = FrameInput(net, 1)(torch.from_numpy(frames))
    for got, want in zip(classifier(frames), wanted, strict=True):
        np.testing.assert_allclose(got, want.numpy(), atol=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_resume_is_step_exact(data, tmp_path, monkeypatch, optimizer):
    monkeypatch.setattr("fststyle.train.generative.classifier.export.write", lambda *_: 0.0)
    whole = checkpoint.load(
        train_classifier(data, output=tmp_path / "whole", epochs=1, optimizer=optimizer, **TINY).checkpoint,
        "classifier",
    )

    def stop(progress):
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted):
        train_classifier(
            data, output=tmp_path / "parts", epochs=1, optimizer=optimizer, on_progress=stop, **TINY
        )
    path = train_classifier(
        data, output=tmp_path / "parts", epochs=1, optimizer=optimizer, resume=True, **TINY
    ).checkpoint
    parts = checkpoint.load(path, "classifier")
    assert all(torch.equal(parts["model"][name], value) for name, value in whole["model"].items())


def test_resume_refuses_other_images(data, tmp_path, monkeypatch):
    monkeypatch.setattr("fststyle.train.generative.classifier.export.write", lambda *_: 0.0)
    train_classifier(data, output=tmp_path / "out", name="a", epochs=1, **TINY)
    write_idx(data, 190, 60)
    with pytest.raises(InputError, match="images other than those"):
        train_classifier(data, output=tmp_path / "out", name="a", epochs=1, resume=True, **TINY)


def test_images_without_classes(tmp_path):
    from tests.io.test_dataset import folder_of

    with pytest.raises(InputError, match="has no classes"):
        train_classifier(folder_of(tmp_path / "a", 10), size=28, output=tmp_path / "out", **TINY)


@pytest.mark.parametrize(("side", "count"), [(28, 2), (32, 2), (64, 3), (128, 4)])
def test_every_size_has_a_network(side, count):
    assert halvings(side) == count
    logits, features = build(
        "classifier", {"side": side, "channels": 3, "classes": 5, "width": 2, "features": 6}
    ).eval()(torch.zeros(2, 3, side, side))
    assert (logits.shape, features.shape) == ((2, 5), (2, 6))
