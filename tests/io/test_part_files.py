"""The temporary file next to an output."""

import subprocess
import sys
import time

import pytest

from fststyle.io.files import probe, replacing, replacing_path
from fststyle.io.part_files import part_of

fcntl = pytest.importorskip("fcntl", reason="Windows has no flock")
WRITER = """
import sys, time
from pathlib import Path
from fststyle.io.files import replacing

with replacing(Path(sys.argv[1])) as file:
    file.write(b"half" * 1000)
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """Another process that writes ``out.png``."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "out.png")], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"writing\n"
    yield process
    process.kill()
    process.communicate()


def parts(folder):
    return sorted(path.name for path in folder.glob(".fststyle-*.part"))


def test_file_of_a_killed_process_is_taken_over(tmp_path, writer):
    assert len(parts(tmp_path)) == 1
    writer.kill()
    writer.wait()
    assert len(parts(tmp_path)) == 1
    with replacing(tmp_path / "out.png") as file:
        file.write(b"whole")
    assert parts(tmp_path) == []
    assert (tmp_path / "out.png").read_bytes() == b"whole"


def test_probe_removes_the_file_of_a_killed_process(tmp_path, writer):
    writer.kill()
    writer.wait()
    probe(tmp_path / "out.png")
    assert parts(tmp_path) == []


def test_file_of_a_running_process_is_not_touched(tmp_path, writer):
    (before,) = parts(tmp_path)
    with replacing(tmp_path / "out.png") as file:
        file.write(b"second")
    assert (tmp_path / "out.png").read_bytes() == b"second"
    assert parts(tmp_path) == [before]
    assert (tmp_path / before).read_bytes() == b"half" * 1000
    time.sleep(0.1)
    assert writer.poll() is None


def test_other_outputs_have_other_files(tmp_path):
    with replacing_path(tmp_path / "a.png") as first, replacing_path(tmp_path / "b.png") as second:
        assert first != second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_link_with_the_name_of_the_file_is_not_followed(tmp_path, link):
    (tmp_path / "valuable").write_bytes(b"valuable")
    with part_of(tmp_path / "out.png") as usual:
        usual.unlink()
    if link == "symbolic":
        usual.symlink_to(tmp_path / "valuable")
    else:
        usual.hardlink_to(tmp_path / "valuable")
    with replacing(tmp_path / "out.png") as file:
        file.write(b"new")
    assert (tmp_path / "valuable").read_bytes() == b"valuable"
    assert (tmp_path / "out.png").read_bytes() == b"new"


def test_without_locks_the_name_is_random(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", refused)
    with replacing_path(tmp_path / "a.png") as first:
        assert len(parts(tmp_path)) == 1
    with replacing_path(tmp_path / "a.png") as second:
        assert first != second
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
