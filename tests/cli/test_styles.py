import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests import styles

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.usefixtures("style_folder")


def test_lists_styles(program: Program) -> None:
    done = program("styles")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"invert" in done.stdout
    assert b"norm" in done.stdout
    listed = json.loads(program("styles", "--json").stdout)
    assert {"invert", "norm"} <= {entry["name"] for entry in listed}


def test_sheet(program: Program, tmp_path: Path, style_folder: Path) -> None:
    Image.fromarray(styles.photo(48, 64)).save(tmp_path / "cat.png")
    done = program("styles", "sheet", "cat.png", "-o", "all.png", "--size", "64")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, b"", b"all.png")
    count = len(json.loads(program("styles", "--json").stdout)) + 1
    with Image.open(tmp_path / "all.png") as sheet:
        assert sheet.width * sheet.height >= count * 64 * 48


def test_sheet_of_a_bad_photo(program: Program, tmp_path: Path) -> None:
    done = program("styles", "sheet", "none.png")
    assert done.returncode == 2
    assert done.stderr == b"fststyle: none.png: no such file\n"


def test_contact_sheet_does_not_overwrite_the_photo(program: Program, tmp_path: Path) -> None:
    Image.fromarray(styles.photo(40, 60)).save(tmp_path / "sheet.jpg")
    before = (tmp_path / "sheet.jpg").read_bytes()
    done = program("styles", "sheet", "sheet.jpg")
    assert done.returncode == 2
    assert b"overwritten" in done.stderr
    assert (tmp_path / "sheet.jpg").read_bytes() == before


def test_damaged_style_is_reported_and_others_are_shown(
    program: Program, tmp_path: Path, style_folder: Path
) -> None:
    (style_folder / "broken.onnx").write_bytes(b"nothing of the kind")
    Image.fromarray(styles.photo(40, 60)).save(tmp_path / "cat.png")
    done = program("styles", "sheet", "cat.png", "--size", "64")
    assert done.returncode == 1
    assert (tmp_path / "sheet.jpg").is_file()
    assert (
        done.stderr.decode().splitlines()[1]
        == "fststyle: broken cannot be used: it is damaged or not an ONNX file"
    )
    assert "Traceback" not in done.stderr.decode()
    listed = {entry["name"]: entry for entry in json.loads(program("styles", "--json").stdout)}
    assert listed["broken"]["network"] == "damaged"
    assert listed["norm"]["artist"] == "Nobody"
