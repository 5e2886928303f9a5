"""Training of a translator, from two folders to the output files, and interruptions of it."""

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError, InputError, TrainingError  # noqa: E402
from fststyle.runtime.style import load_style  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.export import export_checkpoint  # noqa: E402
from fststyle.train.networks.patch import PatchDiscriminator  # noqa: E402
from fststyle.train.style.init_weights import read_initial_weights  # noqa: E402
from fststyle.train.translate.settings import TranslateSettings  # noqa: E402
from fststyle.train.translate.train import train_translator  # noqa: E402
from fststyle.train.translate.trainer import learning_rate  # noqa: E402

TINY = {
    "network": "live",
    "width": 2,
    "blocks": 1,
    "discriminator_width": 2,
    "size": 32,
    "batch": 1,
    "steps": 6,
    "device": "cpu",
    "precision": "float32",
    "save_every": 2,
    "preview_every": 0,
}


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    folder = tmp_path / "paintings"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(np.random.default_rng(i).integers(0, 60, (40, 50 + i, 3), dtype=np.uint8)).save(
            folder / f"{i}.png"
        )
    return folder


@pytest.fixture
def train(paintings, photos, tmp_path, monkeypatch):
    """`train_translator` with tiny settings, without the export, which has its own tests."""
    import fststyle.train.results as results

    monkeypatch.setattr(results, "traced", lambda net: None)
    monkeypatch.setattr(results, "export_module", lambda net, card, path, *_, **__: path.write_bytes(b"onnx"))
    return lambda **changes: train_translator(
        **{"paintings": paintings, "photos": photos, "output": tmp_path / "out", **TINY, **changes}
    )


def whole(path: Path) -> dict:
    return checkpoint.load(path, "translate")


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_writes_style_checkpoint_and_preview(train, tmp_path):
    seen, said = [], []
    trained = train(on_progress=seen.append, on_message=said.append)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if "int8" not in path.name) == [
        "translator-preview.jpg",
        "translator.onnx",
        "translator.pt",
    ]
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert set(seen[0].losses) == {
        "adversarial",
        "discriminator",
        "spread",
        "contrastive",
        "identity",
        "grid",
    }
    assert "3 paintings of" in said[0]
    assert "photos of" in said[0]
    content = whole(trained.checkpoint)
    assert (content["network"], content["step"]) == ("live", 6)
    assert same(
        content["model"],
        {
            k.removeprefix("generator."): v
            for k, v in content["weights"].items()
            if k.startswith("generator.")
        },
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"adversary": "wgan-gp"},
        {"contrastive_weight": 0.0, "cycle_weight": 10.0},
        {"network": "johnson", "cycle_weight": 1.0},
    ],
)
def test_every_loss_trains_every_network(train, tmp_path, changes):
    """After three steps, every weight has changed."""
    before = whole(train(output=tmp_path / "a", steps=1, learning_rate=1e-8, **changes).checkpoint)["weights"]
    after = whole(train(output=tmp_path / "b", steps=3, learning_rate=1e-2, **changes).checkpoint)["weights"]
    still = {
        name
        for name in before
        if before[name].is_floating_point() and torch.allclose(before[name], after[name], atol=1e-6)
    }
    # A constant, which a difference of scores removes.
    moved_by_nothing = {"discriminator.layers.11.bias"} if "adversary" in changes else set()
    assert not {name for name in still - moved_by_nothing if "running" not in name}
    parts = {name.partition(".")[0] for name in before}
    assert ("heads" in parts) == (changes.get("contrastive_weight") != 0.0)
    assert ("back" in parts and "back_discriminator" in parts) == ("cycle_weight" in changes)


def test_learns_dark_paintings(train):
    """All paintings are dark, so the stylized images must become dark too."""
    # Images of 32 pixels have too few blocks to measure a grid.
    trained = train(
        steps=60, width=4, discriminator_width=4, learning_rate=1e-2, contrastive_weight=0.1, grid_weight=0.0
    )
    net = checkpoint.restore(whole(trained.checkpoint), trained.checkpoint).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 3, 32, 32) * 2 - 1).mean() < -0.4


def test_resume_is_step_exact(train, tmp_path):
    unbroken = whole(train(output=tmp_path / "whole").checkpoint)

    def stop(progress):
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted, match="after step 4 of 6"):
        train(output=tmp_path / "parts", on_progress=stop)
    parts = whole(train(output=tmp_path / "parts", resume=True).checkpoint)
    assert same(unbroken["weights"], parts["weights"])
    for one, other in zip(unbroken["optimizers"], parts["optimizers"], strict=True):
        for key, state in one["state"].items():
            assert same(state, other["state"][key])


def test_result_depends_on_the_seed_only(train, tmp_path):
    a, b, c = (
        whole(train(output=tmp_path / str(i), seed=seed).checkpoint)["weights"]
        for i, seed in enumerate((1, 1, 2))
    )
    assert same(a, b)
    assert not same(a, c)


@pytest.mark.parametrize("network", ["live", "johnson"])
def test_file_keeps_the_frame_contract(paintings, photos, tmp_path, network):
    trained = train_translator(
        paintings, photos=photos, output=tmp_path / "out", **{**TINY, "network": network, "steps": 1}
    )
    frame = np.random.default_rng(0).integers(0, 255, (37, 50, 3), dtype=np.uint8)
    stylized = load_style(trained.onnx, "cpu", precision="float")(frame)
    assert (stylized.shape, stylized.dtype) == (frame.shape, np.uint8)
    path, _ = export_checkpoint(trained.checkpoint, output=tmp_path / "again.onnx")
    assert (load_style(path, "cpu", precision="float")(frame) == stylized).all()
    assert (
        read_initial_weights(str(trained.checkpoint)).keys()
        == checkpoint.load(trained.checkpoint, "translate")["model"].keys()
    )


def test_initial_weights_are_those_of_the_base_network_by_default(paintings, photos, tmp_path, monkeypatch):
    import fststyle.train.results as results

    monkeypatch.setattr(results, "traced", lambda net: None)
    monkeypatch.setattr(
        results, "export_module", lambda net, card, path, *_, **__: path.write_bytes(card.base.encode())
    )
    changes = {**TINY, "width": TranslateSettings.width, "blocks": None, "steps": 1, "learning_rate": 1e-8}
    trained = train_translator(paintings, photos=photos, output=tmp_path / "out", **changes)
    content = whole(trained.checkpoint)
    assert content["settings"]["from_"] == "live-base"
    assert trained.onnx.read_text() == content["base"] != ""
    photo = torch.rand(1, 3, 64, 64) * 2 - 1
    smooth = torch.nn.functional.avg_pool2d(photo, 9, 1, 4)
    with torch.no_grad():
        assert (checkpoint.restore(content, trained.checkpoint).eval()(smooth) - smooth).abs().mean() < 0.1


def test_bad_input(train, tmp_path, painting, photos, paintings):
    one, none = tmp_path / "one", tmp_path / "none"
    one.mkdir(), none.mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(one / "a.png")
    for changes, said in (
        ({"paintings": one}, r"one: contains only one image, a\.png; .*; for one painting"),
        ({"photos": one}, r"one: contains only one image, a\.png; at least two are needed$"),
        ({"paintings": none}, "no image"),
        ({"paintings": tmp_path / "nowhere"}, "nowhere"),
        ({"name": "../evil"}, "--name"),
        ({"adversary": "hinge"}, "--adversary"),
        ({"contrastive_weight": 0.0}, "--cycle-weight"),
        ({"resume": True}, r"no .*translator\.pt"),
        ({"from_": "nobody"}, "nobody"),
    ):
        with pytest.raises(Exception, match=said) as caught:
            train(**changes)
        assert getattr(caught.value, "exit_code", None) == 2, changes
    assert not list((tmp_path / "out").glob("*.pt"))


def test_default_folder_with_one_photo_is_named(train, tmp_path, monkeypatch):
    (tmp_path / "downloaded").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "downloaded" / "a.png")
    monkeypatch.setattr("fststyle.train.data.loader.prepared_photos", lambda: tmp_path / "downloaded")
    with pytest.raises(InputError, match=r"downloaded: contains only one image, a\.png"):
        train(photos=None)


def test_damaged_images_are_skipped_and_counted(train, photos, paintings):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    (paintings / "empty.png").write_bytes(b"")
    trained = train(steps=30)
    assert sorted(Path(path).name for path in trained.skipped) == ["broken.jpg", "empty.png"]


def test_checkpoints_of_other_kinds_are_refused(train, tmp_path):
    path = train().checkpoint
    good = torch.load(path, weights_only=True)

    def resumed(**changes):
        torch.save({**good, **changes}, path)
        train(resume=True, steps=6)

    with pytest.raises(CheckpointError, match="of kind style"):
        resumed(kind="style")
    with pytest.raises(CheckpointError, match="damaged"):
        resumed(weights=None)
    with pytest.raises(CheckpointError, match="do not match"):
        resumed(weights={**good["weights"], "discriminator.layers.0.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="optimizer"):
        resumed(optimizers=[{}, {}])
    with pytest.raises(CheckpointError, match="damaged"):
        resumed(optimizers=[good["optimizers"][0]])
    broken = {
        key: {**state, "exp_avg": torch.full_like(state["exp_avg"], float("nan"))}
        for key, state in good["optimizers"][0]["state"].items()
    }
    with pytest.raises(CheckpointError, match="optimizer"):
        resumed(optimizers=[{**good["optimizers"][0], "state": broken}, good["optimizers"][1]])
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="may contain code"):
        train(resume=True)


def test_checkpoint_with_former_names_is_resumed(train):
    path = train().checkpoint
    saved = torch.load(path, weights_only=True)
    former = {key.replace("discriminator", "critic"): value for key, value in saved["weights"].items()}
    settings = {
        key.replace("discriminator_width", "critic_width"): value for key, value in saved["settings"].items()
    }
    assert former.keys() != saved["weights"].keys()
    assert "critic_width" in settings
    torch.save({**saved, "weights": former, "settings": settings}, path)
    assert same(whole(train(resume=True).checkpoint)["weights"], saved["weights"])


def test_former_name_of_the_discriminator_width_is_deprecated(tmp_path):
    with (
        pytest.warns(DeprecationWarning, match="critic_width is renamed to discriminator_width") as warned,
        pytest.raises(InputError),
    ):
        train_translator(tmp_path, critic_width=0)
    assert [warning.filename for warning in warned] == [__file__]


def test_resume_refuses_other_settings(train):
    train()
    with pytest.raises(InputError, match="--contrastive-weight"):
        train(resume=True, contrastive_weight=3.0)
    with pytest.raises(InputError, match="--overwrite"):
        train()


def test_nan_loss_keeps_the_last_good_checkpoint(train, tmp_path, monkeypatch):
    from fststyle.train.translate import trainer

    real, calls = trainer.generator_loss, []

    def fail_in_step_5(kind, scores):
        calls.append(1)
        return real(kind, scores) * (float("nan") if len(calls) == 5 else 1)

    monkeypatch.setattr(trainer, "generator_loss", fail_in_step_5)
    with pytest.raises(TrainingError, match=r"step 5: .*checkpoint of step 4"):
        train()
    assert all(
        torch.isfinite(value).all() for value in whole(tmp_path / "out" / "translator.pt")["weights"].values()
    )


def test_discriminator_sees_70_pixels():
    """The receptive field of the paper: a score depends on 70x70 pixels."""
    torch.manual_seed(0)
    net = PatchDiscriminator(2)
    for module in net.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda x: x  # it sees the whole map
    image = torch.zeros(1, 3, 256, 256, requires_grad=True)
    scores = net(image)
    assert scores.shape == (1, 1, 30, 30)
    scores[0, 0, 15, 15].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 70


def test_learning_rate_is_constant_then_decays_to_zero():
    settings = TranslateSettings(paintings=Path("x"), steps=100, learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in range(101)]
    assert rates[:51] == [1.0] * 51
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0
