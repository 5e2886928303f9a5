"""Inputs are never overwritten, whatever name is used for them."""

import os

import pytest

from fststyle.errors import OutputError
from fststyle.io.files import refuse_overwrite


@pytest.mark.parametrize("output", ["a.png", "sub/../a.png", "link.png", "twin.png"])
def test_input_is_recognized_under_any_name(tmp_path, output):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "link.png").symlink_to("a.png")
    os.link(tmp_path / "a.png", tmp_path / "twin.png")
    with pytest.raises(
        OutputError, match=f"{output}: is one of the inputs and would be overwritten; choose another output"
    ):
        refuse_overwrite((tmp_path / "none.png", tmp_path / "a.png"), tmp_path / output)


def test_other_files_may_be_written(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"the same")
    (tmp_path / "broken").symlink_to("nowhere")
    for output in ("b", "new", "broken", "long" * 100, "a\0b"):
        refuse_overwrite(
            (tmp_path / "a", tmp_path / "none", tmp_path / "broken", "mnist-vae"), tmp_path / output
        )
