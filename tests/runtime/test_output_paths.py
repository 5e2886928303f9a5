import os
from pathlib import Path

import pytest

from fststyle.errors import InputError, OutputError
from fststyle.runtime.output_paths import FilePair, plan


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.jpg",
        "b.PNG",
        "c.psd",
        "photos/a.jpg",
        "photos/sub/d.webp",
        "photos/.hidden.jpg",
        "photos/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def pairs(inputs: list[str], output: str | None = None) -> list[tuple[str, str]]:
    return [
        (Path(str(pair.source)).as_posix(), Path(str(pair.target)).as_posix())
        for pair in plan(inputs, output, "candy").pairs
    ]


def test_names() -> None:
    assert pairs(["a.jpg"]) == [("a.jpg", "a-candy.jpg")]
    assert pairs(["photos/a.jpg"]) == [("photos/a.jpg", "a-candy.jpg")]
    assert pairs(["c.psd"]) == [("c.psd", "c-candy.png")]
    assert pairs(["a.jpg"], "out.webp") == [("a.jpg", "out.webp")]
    assert pairs(["a.jpg"], "new/") == [("a.jpg", "new/a.jpg")]
    assert pairs(["c.psd"], "new/") == [("c.psd", "new/c.png")]
    assert pairs(["a.jpg", "b.PNG"]) == [("a.jpg", "a-candy.jpg"), ("b.PNG", "b-candy.PNG")]
    assert pairs(["a.jpg", "b.PNG"], "new") == [("a.jpg", "new/a.jpg"), ("b.PNG", "new/b.PNG")]


@pytest.mark.parametrize("letter", ["x", "ä", "漢"])
def test_long_names_are_shortened(letter: str) -> None:
    size = len(letter.encode())
    name = letter * (251 // size)
    name += "x" * (251 - len(name.encode()))
    Path(f"{name}.jpg").write_bytes(b"a")
    Path(f"{name}.psd").write_bytes(b"b")
    Path("new").mkdir()
    [(_, target)] = pairs([f"{name}.jpg"])
    assert target.startswith(letter * 10)
    assert target.endswith("-candy.jpg")
    assert 255 - size < len(target.encode()) <= 255
    Path(target).write_bytes(b"fits")
    assert [target for _, target in pairs([f"{name}.jpg"], "new")] == [f"new/{name}.jpg"]
    Path("other").mkdir()
    Path(f"other/{name}.jpg").write_bytes(b"c")
    second = [target for _, target in pairs([f"{name}.jpg", f"other/{name}.jpg"], "new")][1]
    assert second.endswith("-2.jpg")
    assert len(Path(second).name.encode()) <= 255
    Path("f" * 255).mkdir()
    Path(f"{'f' * 255}/a.jpg").write_bytes(b"d")
    assert pairs(["f" * 255])[0][1] == f"{'f' * 249}-candy/a.jpg"


def test_folders_keep_their_structure() -> None:
    assert pairs(["photos"]) == [
        ("photos/a.jpg", "photos-candy/a.jpg"),
        ("photos/sub/d.webp", "photos-candy/sub/d.webp"),
    ]
    assert pairs(["photos"], "out") == [
        ("photos/a.jpg", "out/a.jpg"),
        ("photos/sub/d.webp", "out/sub/d.webp"),
    ]


def test_results_within_the_input_are_not_stylized_again() -> None:
    done = Path("photos/painted")
    done.mkdir()
    (done / "a.jpg").write_bytes(b"done")
    assert pairs(["photos"], "photos/painted") == [
        ("photos/a.jpg", "photos/painted/a.jpg"),
        ("photos/sub/d.webp", "photos/painted/sub/d.webp"),
    ]


def test_folder_with_results_only_is_refused() -> None:
    done = Path("old/painted")
    done.mkdir(parents=True)
    (done / "a.jpg").write_bytes(b"done")
    with pytest.raises(InputError, match="contains no image files other than earlier results"):
        plan(["old"], "old/painted", "candy")
    done.joinpath("a.jpg").unlink()
    with pytest.raises(InputError, match=r"contains no image files$"):
        plan(["old"], "old/painted", "candy")


def test_targets_are_distinct() -> None:
    assert [target for _, target in pairs(["a.jpg", "photos/a.jpg"], "out")] == ["out/a.jpg", "out/a-2.jpg"]
    Path("A.JPG").write_bytes(b"capital")
    if os.path.samefile("A.JPG", "a.jpg"):
        pytest.skip("file names do not tell case apart here")
    assert [target for _, target in pairs(["a.jpg", "A.JPG"], "out")] == ["out/a.jpg", "out/A-2.JPG"]


def test_picture_given_twice_is_stylized_once() -> None:
    assert pairs(["a.jpg", "./a.jpg", "photos/../a.jpg"], "out") == [("a.jpg", "out/a.jpg")]


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["a.jpg"], "a.jpg"),
        (["a.jpg"], "."),
        (["a.jpg", "b.PNG"], "."),
        (["photos"], "photos"),
        (["a.jpg"], "./photos/../a.jpg"),
    ],
)
def test_inputs_are_not_overwritten(inputs: list[str], output: str) -> None:
    with pytest.raises(OutputError, match="would be overwritten"):
        plan(inputs, output, "candy")


def test_links_to_inputs_are_not_overwritten() -> None:
    try:
        Path("link.jpg").symlink_to("a.jpg")
    except OSError:
        pytest.skip("no links here")
    with pytest.raises(OutputError, match="would be overwritten"):
        plan(["a.jpg"], "link.jpg", "candy")


@pytest.mark.parametrize(
    ("inputs", "output", "problem"),
    [
        (["a.jpg"], "out.xyz", "cannot write"),
        (["a.jpg"], "out", "has no suffix"),
        (["a.jpg"], "b.PNG/out.jpg", "is a file"),
        (["a.jpg", "c.psd"], "b.PNG", "need an output folder"),
        (["photos"], "b.PNG", "need an output folder"),
        (["photos"], "b.PNG/deep/er", "is a file"),
        (["a.jpg", "c.psd"], "new.jpg", "is an image file name"),
        (["a.jpg", "c.psd"], "-", "one image"),
        (["photos"], "-", "one image"),
        (["-"], "photos", "needs an output file name"),
        (["-"], "out", "has no suffix"),
    ],
)
def test_bad_outputs(inputs: list[str], output: str, problem: str) -> None:
    with pytest.raises(OutputError, match=problem):
        plan(inputs, output, "candy")


def test_folder_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(OutputError, match="no permission"):
        plan(["a.jpg"], "new/out.jpg", "candy")


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ([], "no image"),
        (["x.jpg"], "no such file"),
        (["-", "a.jpg"], "cannot be combined"),
        (["empty"], "no image files"),
    ],
)
def test_bad_inputs(inputs: list[str], problem: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(InputError, match=problem):
        plan(inputs, None, "candy")


def test_bad_inputs_of_a_batch_are_skipped() -> None:
    made = plan(["x.jpg", "a.jpg"], "out", "candy")
    assert [pair.source for pair in made.pairs] == [Path("a.jpg")]
    assert [(source, str(error)) for source, error in made.refused] == [("x.jpg", "x.jpg: no such file")]


def test_pipes() -> None:
    assert plan(["-"], None, "candy").pairs == [FilePair(None, None)]
    assert plan(["-"], "-", "candy").pairs == [FilePair(None, None)]
    assert plan(["-"], "out.png", "candy").pairs == [FilePair(None, Path("out.png"))]
    assert plan(["a.jpg"], "-", "candy").pairs == [FilePair(Path("a.jpg"), None)]
