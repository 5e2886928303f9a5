"""The runtime works without torch, onnx and FastAPI."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent

BLOCKED = """
import sys
BLOCKED = ("torch", "torchvision", "onnx", "onnxscript", "safetensors", "tensorboard",
    "fastapi", "starlette", "uvicorn", "python_multipart")
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""

PAINT = """
import importlib, pathlib, pkgutil
import fststyle, fststyle.catalogue, fststyle.cli, fststyle.io, fststyle.runtime
def refuse(name):
    raise
root = pathlib.Path(fststyle.__file__).parent
light = [module.name for module in pkgutil.iter_modules(fststyle.__path__, "fststyle.")]
for package in (fststyle.io, fststyle.runtime, fststyle.cli):
    below = pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=refuse)
    light += [module.name for module in below]
for path in root.rglob("*settings.py"):
    light.append(".".join(path.relative_to(root.parent).with_suffix("").parts))
assert {"fststyle.io.images", "fststyle.runtime.video.formats.reader"} <= set(light)
assert "fststyle.train.generative.settings" in light
for name in light:
    importlib.import_module(name)
import numpy as np
from fststyle.errors import DependencyError
photo = np.arange(20 * 30 * 3, dtype=np.uint32).astype(np.uint8).reshape(20, 30, 3)
assert (fststyle.stylize(photo, "invert") == 255 - photo).all()
tiles = lambda: fststyle.stylize(np.zeros((99, 99, 3), np.uint8), "invert", tile="64")
for name, call in (("train_style", lambda: fststyle.train_style), ("tiles", tiles)):
    try:
        call()
    except DependencyError as error:
        assert "pip install" in str(error), error
    else:
        raise AssertionError(name)
from fststyle import *
import pydoc
assert "stylize" in pydoc.render_doc(fststyle) and "gatys" not in dir(fststyle)
print("painted")
"""


def test_runtime_works_without_torch_and_onnx(style_folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", BLOCKED + PAINT]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ}, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("painted\n", "", 0)


def test_program_works_without_torch_and_onnx(style_folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    from tests import styles
    from tests.runtime.generative.test_sample import drawing

    Image.fromarray(styles.photo(20, 30)).save(tmp_path / "cat.png")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        code = f"{BLOCKED}\nsys.argv = ['fststyle', *{arguments!r}]\nfrom fststyle.cli import main\nmain()"
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )

    assert run("image", "cat.png", "-s", "invert", "-o", "out.png").returncode == 0
    assert (tmp_path / "out.png").is_file()
    drawing(tmp_path / "gan.onnx")
    assert run("gan", "sample", "gan.onnx", "-o", "sheet.png").returncode == 0
    assert run("gan", "walk", "gan.onnx", "walk.mp4", "--seconds", "0.5").returncode == 0
    assert (tmp_path / "walk.mp4").is_file()
    trained = run("train", "--style", "cat.png")
    assert trained.returncode == 2
    assert trained.stderr.startswith(
        "fststyle: this command needs PyTorch and other packages; in a clone of fststyle: pip install"
    )
    assert trained.stderr.count("\n") == 1


def test_stylizing_creates_no_files_in_the_home_folder(style_folder: Path, tmp_path: Path) -> None:
    """From version 1.31 on, ONNX Runtime would write an identifier and a list of sessions for telemetry."""
    code = (
        "import numpy as np, fststyle; fststyle.stylize(np.zeros((20, 30, 3), np.uint8), 'invert');"
        " print('painted')"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**environment, "HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.stdout == "painted\n", done.stderr
    assert not (tmp_path / "home").exists()
