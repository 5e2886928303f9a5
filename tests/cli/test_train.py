"""`fststyle train` and `fststyle export` at the command line."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle.cli import app
from fststyle.cli.train import run_training_json

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
TINY = (
    "--network",
    "live",
    "--steps",
    "3",
    "--size",
    "64",
    "--style-size",
    "32",
    "--width",
    "4",
    "--blocks",
    "1",
    "--device",
    "cpu",
)


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    path = tmp_path / "starry.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(path)
    return path


@needs_torch
def test_train_then_paint_then_export(program: Program, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = program("train", "--style", str(painting), "-o", str(out), *TINY)
    assert done.returncode == 0, done.stderr
    left, said = {path.name for path in out.iterdir()}, done.stderr.decode()
    assert left - {"starry-int8.onnx"} == {"starry-preview.jpg", "starry.onnx", "starry.pt"}
    assert ("starry-int8.onnx" in left) != ("no starry-int8.onnx" in said)
    assert "synthetic scenes" in said
    assert "step 3 of 3" in said
    assert f"--style {out / 'starry.onnx'}" in said

    painted = program(
        "image", str(painting), "--style", str(out / "starry.onnx"), "-o", str(tmp_path / "painted.png")
    )
    assert painted.returncode == 0, painted.stderr
    with Image.open(tmp_path / "painted.png") as image:
        assert image.size == (64, 48)

    exported = program("export", str(out / "starry.pt"), "--precision", "fp16-weights", "--artist", "Anon")
    assert exported.returncode == 0, exported.stderr
    assert (out / "starry-fp16-weights.onnx").exists()

    again = program("train", "--style", str(painting), "-o", str(out), *TINY)
    assert again.returncode == 2
    assert b"--resume" in again.stderr


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "--style", "missing.jpg"), "missing.jpg"),
        (("train", "--style", "starry.jpg", "--steps", "0"), "--steps"),
        (("train", "--style", "starry.jpg", "--precision", "half"), "--precision"),
        (("train", "--style", "starry.jpg", "--data", "nowhere"), "nowhere"),
        (("train", "--style", "starry.jpg", "--from", "nobody"), "nobody"),
        (("train", "--style", "starry.jpg", "--vgg", "nothing.pt"), "nothing.pt"),
        (("train", "--style", "text.jpg"), "text.jpg"),
        (("train",), "--style"),
        (("export", "missing.pt"), "missing.pt"),
        (("export", "text.jpg"), "text.jpg"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    program: Program, painting: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    before = sorted(tmp_path.rglob("*"))
    done = program(*arguments)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert said in done.stderr.decode()
    assert sorted(tmp_path.rglob("*")) == before


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("train", "--style", "night-preview.jpg", "--name", "night"), "night-preview.jpg"),
        (("train", "--style", "starry.jpg", "--name", "link"), "link-preview.jpg"),
        (("export", "night.pt", "-o", "link.onnx"), "link.onnx"),
    ],
)
def test_no_input_is_overwritten(
    program: Program, painting: Path, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    from fststyle.train import checkpoint

    (tmp_path / "night-preview.jpg").write_bytes(painting.read_bytes())
    (tmp_path / "link-preview.jpg").symlink_to(painting)
    checkpoint.save(
        tmp_path / "night.pt",
        {"kind": "style", "network": "live", "network_settings": {}, "model": {}, "step": 1, "settings": {}},
    )
    (tmp_path / "link.onnx").symlink_to("night.pt")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = program(*arguments, *(TINY if arguments[0] == "train" else ()))
    assert done.returncode == 2
    assert (
        done.stderr.decode()
        == f"fststyle: {named}: is one of the inputs and would be overwritten; choose another output\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_torch_the_pip_command_is_reported(program: Program, painting: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is not None:
        (tmp_path / "block").mkdir()
        (tmp_path / "block" / "torch.py").write_text("raise ImportError('no torch here')")
    done = program("train", "--style", str(painting), path=tmp_path / "block")
    assert done.returncode == 2
    assert b"pip install" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("fststyle.train.style.train", ("train", "--style", "a.jpg")),
        ("fststyle.train.export", ("export", "a.pt")),
        ("fststyle.train.style.gatys", ("gatys", "a.jpg", "b.jpg", "c.jpg")),
        ("fststyle.train.restore.restore", ("restore", "a.jpg", "--mask", "b.jpg")),
        ("fststyle.web.server", ("serve",)),
    ],
)
def test_missing_module_of_fststyle_is_not_a_missing_package(
    monkeypatch: pytest.MonkeyPatch, module: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=module):
        app(arguments)


def test_json_lines_are_messages_then_steps_then_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclasses.dataclass
    class Step:
        step: int
        losses: dict[str, float]

    @dataclasses.dataclass
    class Trained:
        onnx: Path
        leads: bool = True

    def train(
        settings: object, *, on_message: Callable[[str], None], on_progress: Callable[[Step], None]
    ) -> Trained:
        on_message("training starry")
        on_progress(Step(1, {"style": 2.5}))
        return Trained(Path("starry.onnx"))

    trainer = types.ModuleType("trainer")
    trainer.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trainer", trainer)
    run_training_json("trainer", Step(0, {}))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"message": "training starry"},
        {"step": 1, "losses": {"style": 2.5}},
        {"onnx": "starry.onnx", "leads": True},
    ]


@pytest.mark.parametrize("command", [("train",), ("keyframe", "train")])
def test_training_commands_have_the_option_json_lines(program: Program, command: tuple[str, ...]) -> None:
    assert b"--json-lines" in program(*command, "--help").stdout
