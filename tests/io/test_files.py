"""Files are complete or absent, and a path that cannot be written is detected before the work."""

import pytest

from fststyle.errors import OutputError
from fststyle.io.files import probe, replacing


def _protected(folder):
    path = folder / "kept.onnx"
    path.write_bytes(b"kept")
    path.chmod(0o444)
    return path


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (_protected, "the file is write-protected"),
        (lambda folder: folder, "it is a folder"),
        (lambda folder: folder / "none" / "a", "No such file"),
    ],
    ids=["protected", "folder", "no folder"],
)
def test_probe_raises_as_writing_and_leaves_no_file(tmp_path, place, error):
    destination = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=error):
        probe(destination)
    with pytest.raises(OSError, match=error), replacing(destination):
        pytest.fail("was opened")
    assert sorted(tmp_path.rglob("*")) == before


def test_probe_keeps_an_existing_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    for name in "ab":
        probe(tmp_path / name)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_failure_keeps_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")

    def write():
        with replacing(tmp_path / "a") as file:
            file.write(b"new")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half"):
        write()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]
