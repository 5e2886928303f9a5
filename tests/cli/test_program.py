import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import fststyle
from fststyle.cli import app

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


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*words, name))
    yield words


@pytest.mark.parametrize("words", list(_commands(typer.main.get_command(app))), ids=" ".join)
def test_paragraphs_of_the_help_fill_the_lines(words: tuple[str, ...]) -> None:
    width = 80
    done = CliRunner(env={"COLUMNS": str(width)}).invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    description = done.output.partition("Usage:")[2].partition("\n╭")[0]
    paragraphs = [part.strip("\n").split("\n") for part in re.split(r"\n\s*\n", description)[1:]]
    assert any(map(any, paragraphs))
    for lines in paragraphs:
        for line, following in itertools.pairwise(lines):
            if following[1:].startswith(" "):  # an example, which is a line of its own
                continue
            assert len(f"{line.rstrip()} {following.split()[0]}") > width - 1, line


def test_examples_in_the_help_are_lines_of_their_own() -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["keyframe", "train", "--help"])
    lines = [line.strip() for line in done.output.splitlines()]
    first = lines.index("fststyle keyframe train --frames shot/ --painted frame_012.png")
    assert lines[first + 1] == "fststyle video shot/ out.mp4 --style frame-012.onnx"


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
