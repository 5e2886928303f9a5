import hashlib
import json
import os
from pathlib import Path

import onnx
import pytest

from fststyle import catalogue
from fststyle.errors import StyleError
from tests import styles


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    content = styles.inverting()
    styles.save(folder, "candy", content)
    entry = {
        "name": "candy",
        "file": "candy.onnx",
        "title": "Candy",
        "artist": "A. FrameStylizer",
        "year": 1890,
        "license": "CC0",
    }
    entry |= {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "trained_with": {"steps": 3},
    }
    (folder / "catalogue.json").write_text(json.dumps([entry]))
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    return folder


def test_lists_own_and_shipped(style_folder: Path, shipped: Path) -> None:
    assert [entry.name for entry in catalogue.styles()] == ["candy", "invert", "norm"]
    entry = catalogue.find("candy")
    assert (entry.title, entry.year, entry.trained_with, entry.shipped) == (
        "Candy",
        "1890",
        {"steps": 3},
        True,
    )
    assert not catalogue.find("invert").shipped


def test_user_style_takes_precedence(style_folder: Path, shipped: Path) -> None:
    own = styles.save(style_folder, "candy", styles.network())
    assert catalogue.find("candy").path == own


def test_several_own_folders(tmp_path: Path, style_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    styles.save(other, "more", styles.inverting())
    monkeypatch.setenv(
        "FSTSTYLE_STYLES", os.pathsep.join([str(other), str(style_folder), str(tmp_path / "missing")])
    )
    assert {"more", "invert"} <= {entry.name for entry in catalogue.styles()}


@pytest.mark.parametrize("name", ["candy", "Candy", "CANDY"])
def test_case_does_not_matter(name: str, style_folder: Path, shipped: Path) -> None:
    assert catalogue.find(name).name == "candy"


def test_unknown_name_suggests_the_nearest(style_folder: Path, shipped: Path) -> None:
    with pytest.raises(StyleError, match="did you mean candy"):
        catalogue.find("cendy")
    with pytest.raises(StyleError, match="fststyle styles"):
        catalogue.find("zzzzzzzz")


def test_sha256_is_verified(shipped: Path) -> None:
    entry = catalogue.find("candy")
    assert catalogue.load(entry) == (shipped / "candy.onnx").read_bytes()
    (shipped / "candy.onnx").write_bytes(b"other")
    with pytest.raises(StyleError, match="damaged"):
        catalogue.load(entry)


@pytest.mark.parametrize("text", ["{", '[{"file": "x"}]', "[3]", '{"name": 1}'])
def test_damaged_catalogue(shipped: Path, text: str) -> None:
    (shipped / "catalogue.json").write_text(text)
    catalogue._listed.cache_clear()
    with pytest.raises(StyleError, match="catalogue of styles is damaged"):
        catalogue.styles()


def test_paths_are_files(style_folder: Path, tmp_path: Path) -> None:
    assert catalogue.locate(str(style_folder / "invert.onnx")).name == "invert"
    assert catalogue.locate(style_folder / "invert.onnx").name == "invert"
    assert catalogue.locate("invert").name == "invert"
    for missing in ("missing.onnx", "./missing", Path("missing")):
        with pytest.raises(StyleError, match="no such file"):
            catalogue.locate(missing)
    with pytest.raises(StyleError, match="is a folder"):
        catalogue.locate(tmp_path)


@pytest.mark.parametrize("name", ["night.pt", "NIGHT.PT"])
def test_checkpoint_is_not_a_style(style_folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"checkpoint")
    for find in (catalogue.locate, lambda path: catalogue.model(path, ("gan",))):
        with pytest.raises(StyleError, match=f"{name}: is a checkpoint; `fststyle export"):
            find(str(tmp_path / name))


def test_metadata_key_licence_of_earlier_files_is_read_as_license(style_folder: Path) -> None:
    model = onnx.load_model_from_string(styles.inverting())
    entry = model.metadata_props.add()
    entry.key, entry.value = "licence", "CC0"
    path = styles.save(style_folder, "earlier", model.SerializeToString())
    assert catalogue.metadata(path.read_bytes())["license"] == "CC0"
    assert catalogue.described(catalogue.find("earlier")).license == "CC0"


def test_former_attribute_licence_is_license(shipped: Path) -> None:
    entry = catalogue.find("candy")
    assert entry.license == "CC0"
    with pytest.warns(DeprecationWarning, match="licence is renamed to license"):
        assert entry.licence == "CC0"  # type: ignore[attr-defined]


def test_shipped_files_are_complete() -> None:
    for entry in catalogue._shipped(catalogue.SHIPPED):
        content = catalogue.load(entry)
        assert len(content) == entry.size
        assert entry.sha256


def test_other_models_are_not_listed_as_styles(style_folder: Path, shipped: Path) -> None:
    listed = json.loads((shipped / "catalogue.json").read_text())
    listed.append({**listed[0], "name": "digits", "kind": "gan"})
    (shipped / "catalogue.json").write_text(json.dumps(listed))
    catalogue._listed.cache_clear()
    assert "digits" not in [entry.name for entry in catalogue.styles()]
    assert catalogue.model("digits", ("gan", "vae")).path == shipped / "candy.onnx"
    with pytest.raises(StyleError, match="of kind gan, not classifier"):
        catalogue.model("digits", ("classifier",))
    with pytest.raises(StyleError, match="no such file"):
        catalogue.model("numerals", ("classifier",))
    with pytest.raises(StyleError, match="is a checkpoint"):
        catalogue.model("digits.pt", ("gan",))
