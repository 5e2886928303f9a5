"""Training on painted frames, up to the style files."""

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

import fststyle.train.keyframe.train as module  # noqa: E402
import fststyle.train.results as results  # noqa: E402
from fststyle.errors import InputError, OutputError, TrainingError  # noqa: E402
from fststyle.runtime.style import load_style  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.export import export_checkpoint  # noqa: E402
from fststyle.train.keyframe.settings import KeyframeSettings  # noqa: E402
from fststyle.train.keyframe.shot import read_shot  # noqa: E402
from fststyle.train.keyframe.trainer import samples  # noqa: E402
from fststyle.train.style.init_weights import read_initial_weights  # noqa: E402

TINY = {
    "size": 32,
    "window": 48,
    "steps": 6,
    "from_": "none",
    "device": "cpu",
    "precision": "float32",
    "save_every": 2,
    "preview_every": 0,
}


def scene(number: int) -> np.ndarray:
    x = np.arange(80) - 2 * number
    rows = np.arange(50)[:, None] + np.zeros(80)
    rgb = [127 + 100 * np.sin(x / 5) + 0 * rows, 127 + 90 * np.sin(rows / 6 + x / 9), 60 + rows]
    return np.stack(rgb, 2).clip(0, 255).astype(np.uint8)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(1, 7):
        Image.fromarray(scene(number)).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """A painted frame whose color is a function of the original color: the negative."""
    path = tmp_path / "Ink 003.png"
    Image.fromarray(255 - scene(3)).save(path)
    return path


@pytest.fixture
def train(frames, painted, tmp_path, monkeypatch):
    """`train_keyframes` with a tiny network and without the export, which has its own tests."""
    monkeypatch.setattr(results, "traced", lambda net: None)
    monkeypatch.setattr(results, "export_module", lambda net, card, path, *_, **__: path.write_bytes(b"onnx"))
    monkeypatch.setattr(KeyframeSettings, "width", 4)
    monkeypatch.setattr(KeyframeSettings, "blocks", 1)

    def run(**changes):
        given = {"painted": [painted], "output": tmp_path / "out", **TINY, **changes}
        return module.train_keyframes(given.pop("frames", frames), given.pop("painted"), **given)

    return run


def weights(path: Path) -> dict:
    return checkpoint.load(path, "keyframe")["model"]


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_leaves_style_checkpoint_and_preview(train, tmp_path):
    seen, said = [], []
    trained = train(on_progress=seen.append, on_message=said.append)
    assert trained.name == "ink-003"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "ink-003-preview.jpg",
        "ink-003.onnx",
        "ink-003-int8.onnx",
        "ink-003.pt",
    }
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert set(seen[0].losses) == {"loss", "pixel", "feature", "style", "grid", "temporal"}
    assert seen[0].losses["loss"] == pytest.approx(
        sum(value for name, value in seen[0].losses.items() if name != "loss"), rel=1e-4
    )
    assert "6 frames of" in said[0]
    assert checkpoint.load(trained.checkpoint, "keyframe")["settings"]["painted"][0].endswith("Ink 003.png")


def test_the_network_learns_the_painted_frame(train):
    seen = []
    train(steps=40, learning_rate=1e-2, grid_weight=0.0, style_weight=0.0, on_progress=seen.append)
    losses = [p.losses["pixel"] for p in seen]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_resume_is_step_exact(train, tmp_path):
    whole = checkpoint.load(train(output=tmp_path / "whole").checkpoint, "keyframe")

    def stop(progress):
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted, match="after step 4 of 6"):
        train(output=tmp_path / "parts", on_progress=stop)
    parts = checkpoint.load(train(output=tmp_path / "parts", resume=True).checkpoint, "keyframe")
    assert same(whole["model"], parts["model"])
    for key, state in whole["optimizer"]["state"].items():
        assert same(state, parts["optimizer"]["state"][key])


def test_resume_refuses_other_settings_and_other_painted_frames(train, painted):
    train()
    with pytest.raises(InputError, match="--pixel-weight"):
        train(resume=True, pixel_weight=8.0)
    with pytest.raises(InputError, match="--overwrite"):
        train()
    Image.fromarray(scene(3)).save(painted)
    with pytest.raises(InputError, match="different painted frames"):
        train(resume=True)


def test_minutes_become_steps(train, monkeypatch):
    monkeypatch.setattr(module, "steps_within", lambda minutes, step, timed, compute: round(100 * minutes))
    said = []
    trained = train(minutes=0.05, on_message=said.append)
    assert checkpoint.load(trained.checkpoint, "keyframe")["step"] == 5
    assert "5 steps take about 0.05 minutes on this machine" in said


def test_every_sample_is_inside_its_frame_and_given_by_the_seed(frames, painted):
    shot = read_shot(frames, [painted], None)
    settings = KeyframeSettings(frames=frames, painted=[painted], **{**TINY, "window": 48})
    some = list(samples(shot, settings, 0, 50))
    assert some[20:] == list(samples(shot, settings, 20, 50))
    assert len({sample.neighbors for sample in some}) == 5
    for sample in some:
        for window, patch in ((sample.window, sample.patch), (sample.pair_window, sample.pair_patch)):
            for place, part, side in zip(window, patch, (50, 80), strict=True):
                assert 0 <= place.start < place.stop <= side
                assert place.stop - place.start == 48
                assert 0 <= part.start < part.stop <= 48
                assert part.stop - part.start == 32


def test_without_the_temporal_loss_the_next_frame_is_not_painted(train):
    trained = train(steady_weight=0.0, steps=1)
    assert set(trained.losses) == {"loss", "pixel", "feature", "style", "grid"}


def test_the_checkpoint_exports_as_a_style(train, tmp_path):
    trained = train(steps=1)
    path, _ = export_checkpoint(trained.checkpoint, output=tmp_path / "exported.onnx")
    result = load_style(path, "cpu", precision="float")(scene(5))
    assert (result.shape, result.dtype) == (scene(5).shape, np.uint8)
    assert read_initial_weights(str(trained.checkpoint)).keys() == weights(trained.checkpoint).keys()


def test_starts_from_the_pretrained_weights_by_default(train, monkeypatch):
    monkeypatch.setattr(KeyframeSettings, "width", None)
    monkeypatch.setattr(KeyframeSettings, "blocks", None)
    content = checkpoint.load(train(from_="auto", steps=1, learning_rate=1e-8).checkpoint, "keyframe")
    assert content["settings"]["from_"] == module.PRETRAINED
    assert content["base"]


def test_bad_input_leaves_nothing(train, tmp_path, painted):
    for changes, error, said in (
        ({"painted": []}, InputError, "--painted"),
        ({"at": "9"}, InputError, "frame 9 is not in"),
        ({"frames": tmp_path / "none"}, InputError, "none"),
        ({"steps": 0}, InputError, "--steps"),
        ({"name": "../evil"}, InputError, "--name"),
        ({"resume": True}, InputError, r"no .*ink-003\.pt"),
        ({"from_": "nobody"}, Exception, "nobody"),
        ({"output": painted}, OutputError, "output folder"),
    ):
        with pytest.raises(error, match=said) as caught:
            train(**changes)
        assert getattr(caught.value, "exit_code", None) == 2, changes
    assert not list((tmp_path / "out").glob("*.pt"))


def test_not_a_number_keeps_the_last_good_checkpoint(train, tmp_path, monkeypatch):
    from fststyle.train.keyframe import trainer

    real, calls = trainer.grid_artifact_loss, []

    def fail_in_step_5(*args):
        calls.append(1)
        return real(*args) * (float("nan") if len(calls) == 5 else 1)

    monkeypatch.setattr(trainer, "grid_artifact_loss", fail_in_step_5)
    with pytest.raises(TrainingError, match=r"step 5: .*checkpoint of step 4"):
        train()
    assert all(torch.isfinite(value).all() for value in weights(tmp_path / "out" / "ink-003.pt").values())


def test_lack_of_memory_names_options_of_the_command(train, monkeypatch):
    from fststyle.train.keyframe import trainer

    def fail(*args):
        raise MemoryError

    monkeypatch.setattr(trainer, "grid_artifact_loss", fail)
    with pytest.raises(TrainingError, match="a smaller --window or --size needs less"):
        train()


def test_the_pixel_loss_compares_the_colors_of_regions():
    from fststyle.train.keyframe.trainer import pixel_loss

    wanted = torch.zeros(1, 3, 32, 32)
    strokes = torch.ones(1, 3, 32, 32)
    strokes[..., ::2] = -1
    # Strokes with the correct mean color have a loss at full size only; a wrong color has one at all three
    # sizes.
    assert pixel_loss(strokes, wanted).item() == pytest.approx(0.5 / 3)
    assert pixel_loss(wanted + 1, wanted).item() == pytest.approx(0.5)
