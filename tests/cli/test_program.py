import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fststyle

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

HEAVY = ("torch", "onnx", "onnxruntime", "cv2", "PIL", "numpy")


def test_version(program: Program) -> None:
    done = program("--version")
    assert (done.returncode, done.stdout.decode().strip(), done.stderr) == (
        0,
        f"fststyle {fststyle.__version__}",
        b"",
    )


def test_help_of_every_verb(program: Program) -> None:
    done = program("--help")
    assert done.returncode == 0
    for verb in ("image", "styles", "train", "data", "export", "info"):
        assert verb.encode() in done.stdout
        assert program(verb, "--help").returncode == 0
    assert program().stdout == done.stdout


def test_command_line_imports_no_heavy_modules() -> None:
    code = f"import sys, fststyle.cli; print([name for name in {HEAVY} if name in sys.modules])"
    home = Path(fststyle.__file__).parent.parent
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=home
        ).stdout
        == "[]\n"
    )


@pytest.mark.usefixtures("style_folder")
def test_info(program: Program) -> None:
    facts = json.loads(program("info", "--json").stdout)
    assert facts["devices"]["cpu"] == {"there": True, "install": None}
    assert {"invert", "norm"} <= set(facts["styles"])
    for part in facts["parts"].values():
        assert bool(part["missing"]) == bool(part["install"])
    text = program("info")
    assert (text.returncode, text.stderr) == (0, b"")
    assert b"devices: cpu" in text.stdout


@pytest.mark.parametrize(
    "typed", [("video", "", "out"), ("image", "a.png", "-o", ""), ("train", "--style="), ("export", "")]
)
def test_empty_argument_is_not_the_current_folder(
    program: Program, typed: tuple[str, ...], tmp_path: Path
) -> None:
    done = program(*typed)
    assert done.returncode == 2
    assert done.stderr.decode() == "fststyle: an argument is empty (is a shell variable unset?)\n"
    assert not list(tmp_path.iterdir())
