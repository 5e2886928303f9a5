import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fststyle.cli.one_image import open_picture
from fststyle.errors import InputError, OutputError


@pytest.fixture
def animation(tmp_path: Path) -> Path:
    frames = [Image.fromarray(np.full((16, 20, 3), level, np.uint8)) for level in (0, 120, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    return tmp_path / "a.gif"


def test_unused_frames_of_an_animation_are_reported(animation: Path) -> None:
    lines = io.StringIO()
    picture = open_picture(str(animation), str(animation.with_name("out.png")), "x", (), Console(file=lines))
    assert (picture.source.size, picture.target, picture.stdout) == (
        (16, 20),
        animation.with_name("out.png"),
        None,
    )
    assert lines.getvalue().endswith("only the first of 3 frames is used\n")
    assert not animation.with_name("out.png").exists()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give one image"):
        open_picture(str(tmp_path), None, "x", (), Console())


def test_another_input_is_not_overwritten(animation: Path) -> None:
    mask = animation.with_name("mask.png")
    mask.write_bytes(b"")
    with pytest.raises(OutputError, match=r"mask\.png"):
        open_picture(str(animation), str(mask), "x", (mask,), Console())


def test_missing_output_folder_is_no_error(animation: Path) -> None:
    target = animation.parent / "new" / "deep" / "out.png"
    console = Console(file=io.StringIO())
    assert open_picture(str(animation), str(target), "x", (), console).target == target
    assert not target.parent.parent.exists()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        open_picture(str(animation), str(animation / "new" / "out.png"), "x", (), console)
