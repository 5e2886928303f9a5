"""Training on one style image, up to the output files, and interruptions of it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError, DeviceError, InputError, OutputError, TrainingError  # noqa: E402
from fststyle.io import images  # noqa: E402
from fststyle.settings import to_dict  # noqa: E402
from fststyle.train import checkpoint, loop  # noqa: E402
from fststyle.train.style import trainer  # noqa: E402
from fststyle.train.style.settings import TrainSettings, recorded_settings  # noqa: E402
from fststyle.train.style.train import style_name  # noqa: E402
from fststyle.train.style.trainer import learning_rate  # noqa: E402
from fststyle.train.timing import duration_message  # noqa: E402


def weights(path: Path) -> dict:
    return checkpoint.load(path)["model"]


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_preview_shows_chosen_photos(tmp_path):
    from fststyle.train.style.preview import chosen_photos

    for number, (height, width) in enumerate([(100, 300), (300, 100), (64, 64), (512, 512), (90, 90)]):
        image = np.full((height, width, 3), 40 * number, np.uint8)
        image[height // 2 - 30 : height // 2 + 30, width // 2 - 30 : width // 2 + 30, 0] = 255
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    photos = chosen_photos(tmp_path, 64)
    assert [photo.shape for photo in photos] == [(256, 256, 3)] * 4
    assert [photo[128, 128].tolist() for photo in photos] == [[255, 40 * i, 40 * i] for i in range(4)]
    with pytest.raises(InputError, match="no such folder"):
        chosen_photos(tmp_path / "none", 64)


def test_mode_of_the_network_is_restored_if_the_preview_fails(tmp_path):
    from fststyle.train.style.preview import write_sheet

    net = torch.nn.Conv2d(5, 3, 1).train()
    photo = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(RuntimeError):
        write_sheet(tmp_path / "a.png", net, torch.device("cpu"), photo, [photo])
    assert net.training


def test_writes_style_checkpoint_and_preview(train, tmp_path):
    seen = []
    trained = train(on_progress=seen.append)
    assert trained.name == "starry-night"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "starry-night-preview.jpg",
        "starry-night.onnx",
        "starry-night.pt",
    ]
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert set(seen[0].losses) == {"loss", "content", "style", "grid", "temporal"}
    with Image.open(trained.preview) as sheet:
        assert sheet.height > 64
    assert checkpoint.load(trained.checkpoint)["settings"]["width"] == 2


def test_training_lowers_the_objective(train):
    seen = []
    train(steps=40, width=4, learning_rate=1e-2, on_progress=seen.append)
    losses = [p.losses["content"] + p.losses["style"] for p in seen]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.parametrize("steady", [0.0, 50.0])
def test_losses_see_the_clamped_output(train, tmp_path, steady):
    content = checkpoint.load(train(steps=1).checkpoint)
    losses = []
    for level in (2.0, 50.0):
        content["model"]["head.conv.weight"].zero_()
        content["model"]["head.conv.bias"].fill_(level)
        checkpoint.save(tmp_path / "white.pt", content)
        losses.append(
            train(
                steps=1, from_=str(tmp_path / "white.pt"), output=tmp_path / str(level), steady_weight=steady
            ).losses
        )
    assert losses[0] == losses[1]
    assert losses[0]["content"] > 0


def test_result_depends_on_the_seed_only(train, tmp_path):
    a, b, c = (
        weights(train(output=tmp_path / str(i), seed=seed).checkpoint) for i, seed in enumerate((1, 1, 2))
    )
    assert same(a, b)
    assert not same(a, c)


def test_resume_is_step_exact(train, tmp_path, monkeypatch):
    whole = checkpoint.load(train(output=tmp_path / "whole").checkpoint)
    stopped_at = 3

    def stop_there(progress):
        if progress.step == stopped_at:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(
        loop.Interrupted, match="after step 4 of 6"
    ):  # the signal comes in step 3's report, step 4 ends first
        train(output=tmp_path / "parts", on_progress=stop_there)
    assert checkpoint.load(tmp_path / "parts" / "starry-night.pt")["step"] == 4
    parts = checkpoint.load(train(output=tmp_path / "parts", resume=True).checkpoint)
    assert same(whole["model"], parts["model"])
    for key, state in whole["optimizer"]["state"].items():
        assert same(state, parts["optimizer"]["state"][key])


def test_adversarial_training_is_step_exact_on_resume(train, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "WARM_UP", 1)
    given = {"size": 64, "adversarial_weight": 0.3, "steps": 3}
    seen = []
    whole = checkpoint.load(train(output=tmp_path / "whole", on_progress=seen.append, **given).checkpoint)
    assert ["adversarial" in p.losses for p in seen] == [False, True, True]

    def stop_there(progress):
        if progress.step == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(loop.Interrupted):
        train(output=tmp_path / "parts", on_progress=stop_there, **given)
    parts = checkpoint.load(train(output=tmp_path / "parts", resume=True, **given).checkpoint)
    assert same(whole["model"], parts["model"])
    assert same(whole["discriminator"]["model"], parts["discriminator"]["model"])
    plain = checkpoint.load(train(output=tmp_path / "plain", size=64, steps=3).checkpoint)
    assert not same(whole["model"], plain["model"])
    assert "discriminator" not in plain


def test_missing_and_damaged_discriminator_is_one_line(train, tmp_path):
    given = {"size": 64, "adversarial_weight": 0.3, "steps": 2}
    path = train(**given).checkpoint
    content = checkpoint.load(path)
    for state in (None, "x", {"model": content["discriminator"]["model"], "optimizer": "x"}):
        checkpoint.save(path, {**content, "discriminator": state})
        with pytest.raises(CheckpointError, match=path.name):
            train(resume=True, **given)


def test_checkpoint_without_optimizer_names_the_alternative(train):
    path = train().checkpoint
    content = checkpoint.load(path)
    del content["optimizer"]
    checkpoint.save(path, content)
    with pytest.raises(CheckpointError, match="contains no state of the optimizer; use --from, not"):
        train(resume=True)


def test_adversarial_training_works_with_the_smallest_crops(train, monkeypatch):
    monkeypatch.setattr(trainer, "WARM_UP", 0)
    seen = []
    train(size=32, adversarial_weight=0.3, steps=1, on_progress=seen.append)
    assert np.isfinite(seen[0].losses["adversarial"])


def test_resume_refuses_other_settings_and_other_paintings(train, painting):
    train()
    with pytest.raises(InputError, match="--style-weight"):
        train(resume=True, style_weight=8.0)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(painting)
    with pytest.raises(InputError, match="an image other than"):
        train(resume=True)


def test_checkpoint_from_before_an_option_resumes_with_the_option_off(train):
    path = train(local_contrast=0).checkpoint
    content = checkpoint.load(path)
    del content["settings"]["local_contrast"]
    checkpoint.save(path, content)
    with pytest.raises(InputError, match=r"trained with --local-contrast 0.0, not 0.4"):
        train(resume=True)
    train(resume=True, local_contrast=0)


def test_earlier_training_is_not_overwritten(train):
    before = weights(train().checkpoint)
    with pytest.raises(InputError, match="--overwrite"):
        train(seed=5)
    assert same(before, weights(train(resume=True).checkpoint))
    assert not same(before, weights(train(seed=5, overwrite=True).checkpoint))


def test_unwritable_results_are_refused_before_the_first_step(train, tmp_path, monkeypatch):
    monkeypatch.setattr("fststyle.train.style.train._train", lambda *_: pytest.fail("was trained"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.onnx").write_bytes(b"kept")
    (tmp_path / "out" / "kept.onnx").chmod(0o444)
    with pytest.raises(OutputError, match=r"kept\.onnx: cannot be written \(the file is write-protected\)"):
        train(output=tmp_path / "out", name="kept", overwrite=True)


def test_stale_int8_file_is_removed(train, tmp_path, monkeypatch):
    """CPUs prefer the int8 file. If the new style has none, an old one would still be used."""
    old = train().onnx.with_name("starry-night-int8.onnx")
    old.write_bytes(b"old")
    train(overwrite=True, network="johnson", width=4, blocks=1)
    assert not old.exists()


def test_results_in_the_folder_of_photos_are_not_photos(train, photos):
    files = images.find(photos)
    seen = []
    trained = train(output=photos, on_message=seen.append)
    assert trained.preview.parent == photos
    train(output=photos, resume=True, on_message=seen.append)
    told = [line for line in seen if f"on {len(files)} photos" in line]
    assert ["resuming after step" in line for line in told] == [False, True]


def test_resuming_with_other_photos_is_reported(train, photos):
    train(steps=2)
    seen = []
    train(steps=2, resume=True, on_message=seen.append)
    assert not [line for line in seen if "the earlier steps" in line]
    train(steps=2, resume=True, data=photos / ".", on_message=seen.append)
    train(steps=2, resume=True, data=None, on_message=seen.append)
    assert len([line for line in seen if f"the earlier steps used {photos}" in line]) == 1


def test_initial_weights_are_not_overwritten(train, tmp_path):
    checkpoint = train(output=tmp_path / "a").checkpoint
    with pytest.raises(OutputError, match="one of the inputs"):
        train(output=tmp_path / "a", from_=str(checkpoint), overwrite=True)


@pytest.mark.parametrize(
    ("network", "size", "near"),
    [
        ("live", 100, "16 for live, for example 96 or 112"),
        ("johnson", 33, "4 for johnson, for example 32 or 36"),
    ],
)
def test_unsupported_size_is_refused(train, network, size, near):
    with pytest.raises(InputError, match=f"--size {size}: must be a multiple of {near}"):
        train(network=network, size=size)


def test_small_crops_are_refused_for_live_networks_with_the_grid_loss(train):
    with pytest.raises(InputError, match="--size 48: must be at least 64 for live"):
        train(network="live", size=48)
    train(network="live", size=48, grid_weight=0, blocks=0, steps=1)


def test_resume_without_a_checkpoint(train):
    with pytest.raises(InputError, match=r"no .*starry-night\.pt"):
        train(resume=True)


def test_damaged_and_tiny_photos_are_skipped_and_counted(train, photos):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    (photos / "empty.png").write_bytes(b"")
    Image.fromarray(np.zeros((7, 7, 3), np.uint8)).save(photos / "tiny.png")
    Image.fromarray(np.full((40, 50), 90, np.uint8)).save(photos / "gray.png")
    trained = train(steps=30)
    assert sorted(Path(p).name for p in trained.skipped) == ["broken.jpg", "empty.png", "tiny.png"]


def test_folder_of_damaged_photos_is_an_error(train, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no")
    with pytest.raises(TrainingError, match="contains no usable photo"):
        train(data=folder)


def test_nan_loss_keeps_the_last_good_checkpoint(train, tmp_path, monkeypatch):
    from fststyle.train.losses.multiscale import MultiscaleStyle

    real = MultiscaleStyle.forward

    def fail_in_step_5(self, *images):
        fail_in_step_5.calls += 1
        loss = real(self, *images)
        return loss * float("nan") if fail_in_step_5.calls == 5 else loss

    fail_in_step_5.calls = 0
    monkeypatch.setattr(MultiscaleStyle, "forward", fail_in_step_5)
    with pytest.raises(TrainingError, match=r"step 5: .*not finite.*checkpoint of step 4"):
        train()
    content = checkpoint.load(tmp_path / "out" / "starry-night.pt")
    assert content["step"] == 4
    assert all(torch.isfinite(value).all() for value in content["model"].values())


def test_synthetic_scenes_without_photos(train, monkeypatch, tmp_path):
    monkeypatch.setenv("FSTSTYLE_CACHE", str(tmp_path / "cache"))
    assert "synthetic" in train(data=None, steps=2).source


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_frozen_parameters_do_not_change(train, tmp_path, optimizer):
    base = train(output=tmp_path / "base").checkpoint
    given = {
        "from_": str(base),
        "seed": 9,
        "freeze": "body.*.conv.weight, head.*",
        "optimizer": optimizer,
        "steps": 4,
    }
    before, after = weights(base), weights(train(output=tmp_path / "tuned", **given).checkpoint)
    assert {name for name in before if torch.equal(before[name], after[name])} == {
        *(name for name in before if name.startswith("body.") and name.endswith("conv.weight")),
        *(name for name in before if name.startswith("head.")),
    }
    with pytest.raises(loop.Interrupted):
        train(
            output=tmp_path / "parts",
            **given,
            on_progress=lambda progress: progress.step == 2 and signal.raise_signal(signal.SIGINT),
        )
    assert same(after, weights(train(output=tmp_path / "parts", resume=True, **given).checkpoint))


@pytest.mark.parametrize(
    ("freeze", "message"),
    [("neck.*", "the modules are stem"), ("*", "no trainable"), ("", "matches no parameter")],
)
def test_invalid_freeze_patterns_are_refused(train, freeze, message):
    with pytest.raises(InputError, match=message):
        train(freeze=freeze)


def test_fine_tuning_starts_from_other_weights_and_can_be_pulled_back(train, tmp_path):
    base = train(output=tmp_path / "base").checkpoint
    start = weights(base)

    def distance(**changes):
        tuned = weights(
            train(output=tmp_path / "tuned", overwrite=True, from_=str(base), seed=9, **changes).checkpoint
        )
        return sum(float((tuned[k] - start[k]).square().sum()) for k in start)

    free, pulled = distance(steps=20), distance(steps=20, pull=1e3)
    assert 0 < pulled < free
    assert distance(steps=1, learning_rate=1e-8) < 1e-6


def test_fine_tuning_refuses_weights_of_another_shape(train, tmp_path):
    base = train(output=tmp_path / "base").checkpoint
    with pytest.raises(CheckpointError, match="do not match"):
        train(output=tmp_path / "other", from_=str(base), width=3)


def test_tensorboard_log(train, tmp_path):
    pytest.importorskip("tensorboard")
    train(tensorboard=tmp_path / "log")
    assert list((tmp_path / "log").glob("events*"))


def test_unwritable_log_is_refused(train, tmp_path):
    pytest.importorskip("tensorboard")
    (tmp_path / "log").touch()
    with pytest.raises(OutputError, match=r"--tensorboard .*log: cannot be written"):
        train(tensorboard=tmp_path / "log")


def test_two_processes_train_the_same_network_as_one(train, painting, photos, tmp_path, monkeypatch):
    """Two gloo processes with half of the batch each, compared with one process with the whole batch."""
    from tests.train.conftest import TINY

    monkeypatch.setattr(trainer, "WARM_UP", 1)
    more = {"batch": 2, "steps": 4, "adversarial_weight": 0.3}
    one = weights(train(output=tmp_path / "one", **more).checkpoint)
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, json\n"
        "import fststyle.train.results as results, fststyle.train.style.train as style\n"
        "results.traced = lambda net: None\n"
        "import fststyle.train.style.trainer as trainer\n"
        "trainer.WARM_UP = 1\n"
        "results.export_module = lambda net, card, path, graph: path.write_bytes(b'onnx')\n"
        "style.train_style(sys.argv[1], **json.loads(sys.argv[2]))\n"
    )
    settings = json.dumps({**TINY, **more, "data": str(photos), "output": str(tmp_path / "two")})
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    subprocess.run(
        [sys.executable, *launcher, str(script), str(painting), settings],
        check=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    two = weights(tmp_path / "two" / "starry-night.pt")
    # The bias of the last norm before `up1` is a constant that the next norm removes, so its gradient is
    # rounding noise, which Adam amplifies.
    for key in one.keys() - {"body.0.second.norm.bias"}:
        torch.testing.assert_close(
            two[key], one[key], rtol=1e-3, atol=2e-5, msg=lambda text, key=key: f"{key}: {text}"
        )


def test_bad_settings(train, tmp_path, painting):
    with pytest.raises(InputError, match="--steps"):
        train(steps=0)
    with pytest.raises(InputError, match="--name"):
        train(name="../evil")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no image"):
        train(data=tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        train(output=tmp_path / "file" / "below")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="cuda"):
            train(device="cuda")
    painting.write_bytes(b"not an image")
    with pytest.raises(InputError):
        train()
    assert not (tmp_path / "out" / "starry-night.pt").exists()


def test_style_file_contains_no_local_paths():
    told = recorded_settings(
        to_dict(TrainSettings(style=Path("/home/me/a.jpg"), data=Path("/home/me/photos"), from_="/x/b.pt"))
    )
    assert (told["style"], told["data"], told["from_"], told["steps"]) == (
        "a.jpg",
        "photos",
        "b.pt",
        TrainSettings.steps,
    )
    assert "/" not in str(told)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Starry Night.JPG", "starry-night"),
        ("été__x.png", "ete-x"),
        ("...png", "style"),
        ("絵.jpg", "style"),
        ("Übung.png", "ubung"),
    ],
)
def test_name_comes_from_the_file(file, name):
    assert style_name(TrainSettings(style=Path(file))) == name


def test_learning_rate_rises_then_falls():
    settings = TrainSettings(style=Path("x"), steps=1000, learning_rate=1.0)
    rates = [learning_rate(settings, i) for i in range(1000)]
    assert rates[0] < 0.1
    assert max(rates) > 0.95
    assert rates.index(max(rates)) < 25
    assert rates[-1] < 0.06


def test_signal_handlers_are_restored(train):
    before = signal.getsignal(signal.SIGINT)
    train(steps=2)
    assert signal.getsignal(signal.SIGINT) is before


def test_training_in_a_thread_does_not_change_signal_handlers(train):
    result = []
    thread = threading.Thread(target=lambda: result.append(train(steps=1)))
    thread.start()
    thread.join()
    assert result[0].name == "starry-night"


@pytest.fixture
def half_a_second(monkeypatch):
    """Make every measured step take half a second."""
    clock = itertools.count(step=0.5)
    monkeypatch.setattr("fststyle.train.timing.time", types.SimpleNamespace(perf_counter=lambda: next(clock)))


def test_message_about_the_duration_has_a_singular():
    assert duration_message(1, 1) == "1 step takes about 1 minute on this machine"
    assert duration_message(5, 0.5) == "5 steps take about 0.5 minutes on this machine"


def test_minutes_are_converted_to_recorded_steps(train, half_a_second):
    messages: list[str] = []
    trained = train(minutes=0.05, save_every=1, on_message=messages.append)
    content = checkpoint.load(trained.checkpoint)
    steps = content["settings"]["steps"]
    assert content["step"] == steps == 6
    assert any(f"{steps} steps take about 0.05 minutes" in message for message in messages)
    content["step"] = steps - 2
    checkpoint.save(trained.checkpoint, content)
    seen = []
    train(minutes=0.05, resume=True, on_progress=seen.append)
    assert [progress.step for progress in seen] == [steps - 1, steps]


def test_measuring_the_speed_does_not_change_weights(train, tmp_path, half_a_second):
    timed = train(minutes=0.05, output=tmp_path / "timed").checkpoint
    steps = checkpoint.load(timed)["settings"]["steps"]
    assert same(weights(timed), weights(train(steps=steps, output=tmp_path / "counted").checkpoint))
