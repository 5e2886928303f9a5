"""The commands `fststyle classify`, `gan` and `vae`: training, test and sampling."""

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests import styles
from tests.digits import digits, write_idx
from tests.runtime.generative.test_sample import drawing

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")


def good(done: "subprocess.CompletedProcess[bytes]") -> str:
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode()


TINY = ("--data", "bars", "--width", "2", "--batch", "20", "--device", "cpu")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A folder with the dataset ``bars`` and two images of it, a.png and b.png."""
    write_idx(tmp_path / "bars", 80, 20)
    pixels, _ = digits(2)
    for name, picture in zip("ab", pixels, strict=True):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    return tmp_path


@needs_torch
def test_classifier_is_trained_tested_and_run(program: Program, bars: Path) -> None:
    assert "confusion" in good(program("classify", "train", *TINY, "--epochs", "1", "--features", "8"))
    report = json.loads(
        program(
            "classify", "test", "bars-classifier.onnx", "--data", "bars", "-o", "plot.png", "--json"
        ).stdout
    )
    assert report["pictures"] == 20
    assert (bars / "plot.png").is_file()
    for name in ("vertical", "horizontal"):
        (bars / "others" / name).mkdir(parents=True)
    for i, picture in enumerate(digits(16)[0]):
        Image.fromarray(picture).save(bars / "others" / ("vertical", "horizontal")[i % 2] / f"{i}.png")
    good(
        program(
            "classify",
            "train",
            "--data",
            "others",
            "--size",
            "28",
            *TINY[2:],
            "--epochs",
            "1",
            "--features",
            "8",
        )
    )
    shutil.copytree(bars / "others", bars / "more")
    shutil.copy(bars / "a.png", bars / "more" / "vertical")
    for folder, count in (("others", 2), ("more", 17)):
        tested = json.loads(
            program("classify", "test", "others-classifier.onnx", "--data", folder, "--json").stdout
        )
        assert tested["classes"] == ["horizontal", "vertical"]
        # The held-out images if the classifier was trained on this folder, otherwise all images.
        assert tested["pictures"] == count
    answers = json.loads(
        program("classify", "run", "bars-classifier.onnx", "a.png", "b.png", "--json").stdout
    )
    assert [answer["picture"] for answer in answers] == ["a.png", "b.png"]
    (bars / "empty").mkdir()
    some = program("classify", "run", "bars-classifier.onnx", "a.png", "empty", "nope.png")
    assert (some.returncode, some.stdout.count(b"\n"), some.stderr.count(b"\n")) == (1, 1, 3)
    (bars / "c.png").write_text("no")
    some = program("classify", "run", "bars-classifier.onnx", "a.png", "c.png")
    assert (some.returncode, some.stdout.count(b"\n"), some.stderr.count(b"\n")) == (1, 1, 2)


@needs_torch
def test_gan_is_trained_and_sampled(program: Program, bars: Path) -> None:
    assert "step 2 of 2" in good(
        program("gan", "train", *TINY, "--kind", "mlp", "--steps", "2", "--latent", "2")
    )
    again = program("gan", "train", *TINY, "--kind", "mlp", "--steps", "2", "--latent", "2")
    assert (again.returncode, again.stderr.count(b"\n")) == (2, 1)
    good(program("gan", "sample", "bars-mlp.onnx", "-o", "sheet.png", "--count", "9", "--truncation", "1"))
    with Image.open(bars / "sheet.png") as sheet:
        assert sheet.size == ((3 * 30 + 2) * 2,) * 2
    good(program("gan", "sample", "bars-mlp.onnx", "-o", "single", "--count", "3", "--single", "--seed", "5"))
    assert sorted(path.name for path in (bars / "single").iterdir()) == [
        f"bars-mlp-5-0000{i}.png" for i in range(3)
    ]
    assert "bars-mlp-samples.png" in good(program("gan", "sample", "bars-mlp.onnx"))
    assert "at most" in good(program("export", "bars-mlp.pt", "-o", "again.onnx"))
    good(program("gan", "walk", "bars-mlp.onnx", "walk.mp4", "--seconds", "0.5"))
    assert (bars / "walk.mp4").stat().st_size > 500


@needs_torch
def test_vae_is_trained_and_sampled(program: Program, bars: Path) -> None:
    assert "nats per test image" in good(program("vae", "train", *TINY, "--epochs", "1", "--latent", "2"))
    good(program("vae", "sample", "bars-vae.onnx", "-o", "vae.png"))
    good(program("vae", "grid", "bars-vae.onnx", "--columns", "4"))
    good(program("vae", "reconstruct", "a.png", "-m", "bars-vae.onnx"))
    with Image.open(bars / "reconstructed.png") as image:
        assert image.width > image.height
    good(program("vae", "morph", "a.png", "b.png", "ab.gif", "-m", "bars-vae.onnx", "--seconds", "0.5"))
    with Image.open(bars / "ab.gif") as image:
        assert image.n_frames == 10


def test_gif_has_the_requested_duration(program: Program, tmp_path: Path) -> None:
    drawing(tmp_path / "gan.onnx")
    good(program("gan", "walk", "gan.onnx", "walk.gif", "--seconds", "0.5", "--fps", "120"))
    with Image.open(tmp_path / "walk.gif") as image:
        assert (image.n_frames, image.info["duration"]) == (25, 20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gan", "sample", "none.onnx"), "none.onnx"),
        (("gan", "sample", "text.onnx"), "damaged"),
        (("gan", "sample", "invert.onnx"), "of kind style, not gan"),
        (("gan", "sample", "vae.onnx"), "of kind vae, not gan"),
        (("gan", "sample", "gan.onnx", "--truncation", "0"), "--truncation"),
        (("gan", "sample", "gan.onnx", "--truncation", "inf"), "--truncation"),
        (("gan", "sample", "gan.onnx", "--single", "-o", "sheet.png"), "--single"),
        (("image", "a.png", "-s", "gan.onnx", "-o", "b.png"), "it is a model of kind gan"),
        (("gan", "walk", "gan.onnx", "out.txt"), "out.txt"),
        (("vae", "sample", "gan.onnx"), "of kind gan, not vae"),
        (("vae", "reconstruct", "a.png", "-m", "vae.onnx"), "vae-encoder.onnx"),
        (("vae", "grid", "vae.onnx"), "3 latent dimensions"),
        (("classify", "run", "gan.onnx", "a.png"), "of kind gan, not classifier"),
        (("classify", "test", "gan.onnx", "--data", "nowhere"), "of kind gan"),
    ],
)
def test_bad_models_are_one_line_and_leave_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    styles.save(tmp_path, "invert", styles.inverting())
    drawing(tmp_path / "gan.onnx")
    drawing(tmp_path / "vae.onnx", "vae")
    Image.fromarray(digits(1)[0][0]).save(tmp_path / "a.png")
    _one_line(program, tmp_path, arguments, said)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("vae", "reconstruct", "a.png", "-m", "vae.png", "-o", "a.png"), "a.png"),
        (("vae", "reconstruct", "a.png", "-m", "vae.png", "-o", "sub/../a.png"), "sub/../a.png"),
        (("vae", "reconstruct", "link.png", "-m", "vae.png", "-o", "a.png"), "a.png"),
        (("vae", "morph", "a.png", "b.png", "a.png", "-m", "vae.png"), "a.png"),
        (("vae", "morph", "a.png", "b.png", "b.png", "-m", "vae.png"), "b.png"),
        (("vae", "morph", "a.png", "b.png", "link.png", "-m", "vae.png"), "link.png"),
        (("vae", "sample", "vae.png", "-o", "vae.png"), "vae.png"),
        (("vae", "grid", "vae.png", "-o", "vae.png"), "vae.png"),
        (("gan", "sample", "gan.onnx", "-o", "gan.png"), "gan.png"),
        (("gan", "walk", "gan.onnx", "gan.png"), "gan.png"),
        (("classify", "test", "gan.onnx", "--data", "sub", "-o", "sub/class/c.png"), "sub/class/c.png"),
        (("classify", "test", "gan.onnx", "--data", "sub", "-o", "gan.png"), "gan.png"),
    ],
)
def test_no_input_is_overwritten(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    (tmp_path / "sub" / "class").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/class/c.png"):
        Image.fromarray(digits(1)[0][0]).save(tmp_path / name)
    drawing(tmp_path / "gan.onnx")
    drawing(tmp_path / "vae.png", "vae", latent=2)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "gan.png").symlink_to("gan.onnx")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = program(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        done.stderr.decode()
        == f"fststyle: {named}: is one of the inputs and would be overwritten; choose another output\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gan", "train", "--data", "empty"), "contains no image files"),
        (("gan", "train", "--data", ""), "an argument is empty"),
        (("gan", "train", "--data", "bars", "--name", ""), "an argument is empty"),
        (("vae", "train", "--data", "one"), "at least 8"),
        (("classify", "train", "--data", "nowhere"), "nowhere"),
        (("gan", "train", "--data", "bars", "--kind", "vae"), "--kind"),
        (("gan", "train", "--data", "bars", "--name", "hostile", "--resume"), "may contain code"),
        (
            ("gan", "train", "--data", "bars", "--name", "hostile", "--resume", "--overwrite"),
            "cannot be combined",
        ),
        (("gan", "train", "--data", "few"), "contains 5 training images"),
        (("vae", "train", "--data", "untested"), "contains no test images"),
        (("classify", "train", "--data", "unlabeled"), "has no classes"),
        (("classify", "train", "--data", "alike"), "all training images belong to the same class"),
        (
            (
                "vae",
                "train",
            ),
            "--data",
        ),
    ],
)
def test_bad_trainings_are_one_line_and_leave_nothing(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    import pickle

    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    Image.fromarray(digits(1)[0][0]).save(tmp_path / "one" / "a.png")
    write_idx(tmp_path / "bars", 20, 10)
    write_idx(tmp_path / "few", 5, 10)
    for name, lacking in (
        ("untested", "t10k-images-idx3-ubyte.gz"),
        ("unlabeled", "train-labels-idx1-ubyte.gz"),
    ):
        write_idx(tmp_path / name, 20, 10)
        (tmp_path / name / lacking).unlink()
    write_idx(tmp_path / "alike", 20, 10, packed=False)
    labels = tmp_path / "alike" / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:8] + bytes(20))
    (tmp_path / "hostile.pt").write_bytes(pickle.dumps(print))
    _one_line(program, tmp_path, arguments, said)


def _one_line(program: Program, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    before = sorted(folder.rglob("*"))
    done = program(*arguments)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert said in done.stderr.decode()
    assert sorted(folder.rglob("*")) == before
