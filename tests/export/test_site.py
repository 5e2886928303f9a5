"""The static site: its files, its addresses, and refused settings."""

import errno
import json
import re
from pathlib import Path

import pytest

from fststyle import catalogue
from fststyle.errors import InputError, OutputError, StyleError
from fststyle.export.site import export_site
from fststyle.export.site_settings import SiteSettings
from fststyle.web import ort
from tests import styles

REPOSITORY = Path(__file__).parents[2]


def test_folder_is_complete(family: str, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    site = export_site(["dark", "stranger"], SiteSettings(output=folder, title="Me & <you>"))
    assert site.styles == ("dark", "stranger")
    dark, stranger = json.loads((folder / "styles.json").read_text())["styles"]
    assert dark["base"] == "styles/base-base.onnx"
    assert (stranger["base"], stranger["int8"]) == (None, None)
    for style in (dark, stranger):
        for key in ("url", "base", "thumb"):
            if style[key] is not None:
                assert (folder / style[key]).is_file()
    page = (folder / "index.html").read_text()
    assert "<h1>Me &amp; &lt;you&gt;</h1>" in page
    assert "data-filter" in page
    for name in ort.PACKED:
        assert (folder / "vendor" / "ort" / name).read_bytes()[:4] == b"\0asm"
    assert not list(folder.rglob("*.xz"))
    assert site.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_int8_file_contains_the_weights_that_it_shares(tmp_path: Path) -> None:
    export_site(["water-lilies"], SiteSettings(output=tmp_path / "site"))
    written = (tmp_path / "site" / "styles" / "water-lilies-int8.onnx").read_bytes()
    int8 = catalogue.find("water-lilies").int8
    assert int8 is not None
    assert written == catalogue.load(int8)
    assert len(written) > 5 * int8.size


def test_addresses_are_relative_and_exist(style_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    export_site(["invert"], SiteSettings(output=folder))
    found = re.findall(r'(?:href|src)="([^"]*)"', (folder / "index.html").read_text())
    assert len(found) > 5
    for address in found:
        assert (folder / address).is_file(), address
    for module in (folder / "stylizer").glob("*.js"):
        for address in re.findall(r'(?:from|import\(|URL\()\s*"(\.[^"]*)"', module.read_text()):
            assert (module.parent / address).exists(), address


def test_licenses_are_in_the_folder(style_folder: Path, tmp_path: Path) -> None:
    export_site(["starry-night"], SiteSettings(output=tmp_path / "site"))
    told = (tmp_path / "site" / "licenses" / "styles.txt").read_text()
    assert "Vincent van Gogh, 1889" in told
    assert "public domain" in told
    license = (tmp_path / "site" / "licenses" / "fststyle.txt").read_text()
    assert license == (REPOSITORY / "LICENSE").read_text()
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        assert (tmp_path / "site" / "vendor" / "ort" / name).stat().st_size > 500


def test_file_of_the_user_is_a_style(style_folder: Path, tmp_path: Path) -> None:
    site = export_site([style_folder / "norm.onnx"], SiteSettings(output=tmp_path / "site"))
    assert site.styles == ("norm",)
    assert (tmp_path / "site" / "styles" / "norm.onnx").read_bytes() == (
        style_folder / "norm.onnx"
    ).read_bytes()


def test_invalid_style_is_refused_and_nothing_is_written(style_folder: Path, tmp_path: Path) -> None:
    settings = SiteSettings(output=tmp_path / "site")
    with pytest.raises(StyleError, match="no style is called"):
        export_site(["nothing"], settings)
    with pytest.raises(InputError, match="several styles have this name"):
        export_site(["invert", "invert"], settings)
    with pytest.raises(InputError, match="no style"):
        export_site([], settings)
    with pytest.raises(StyleError, match="is an int8 file"):
        export_site([Path(ort.FOLDER).parents[3] / "weights" / "water-lilies-int8.onnx"], settings)
    with pytest.raises(InputError):
        export_site(["invert"], SiteSettings(output=tmp_path / "site", photo=tmp_path / "none.jpg"))
    assert list(tmp_path.iterdir()) == []


def test_only_an_earlier_site_is_replaced(style_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="neither empty nor an earlier export"):
            export_site(["invert"], SiteSettings(output=folder, overwrite=overwrite))
    assert (folder / "mine.txt").read_text() == "keep"
    (folder / "mine.txt").unlink()
    export_site(["invert"], SiteSettings(output=folder))
    with pytest.raises(OutputError, match="--overwrite"):
        export_site(["norm"], SiteSettings(output=folder))
    export_site(["norm"], SiteSettings(output=folder, overwrite=True))
    assert not (folder / "styles" / "invert.onnx").exists()
    assert (folder / "styles" / "norm.onnx").is_file()


def test_unreadable_source_file_is_named(family: str, tmp_path: Path) -> None:
    base = tmp_path / "shipped" / "base.onnx"
    base.unlink()
    with pytest.raises(StyleError) as caught:
        export_site(["dark"], SiteSettings(output=tmp_path / "site"))
    assert str(caught.value) == f"{base}: cannot be read: No such file or directory"
    assert [path.name for path in tmp_path.iterdir()] == ["shipped"]


def test_former_site_is_restored_if_the_new_one_cannot_be_installed(
    style_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SiteSettings(output=tmp_path / "site", overwrite=True)
    export_site(["invert"], settings)
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match=r"site: cannot be written \(Input/output error\)$"):
        export_site(["norm"], settings)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert (tmp_path / "site" / "styles" / "invert.onnx").is_file()


def test_style_with_the_name_of_an_int8_file_is_refused(
    family: str, style_folder: Path, tmp_path: Path
) -> None:
    styles.save(style_folder, "dark-int8", styles.pointwise(0.5, 0, family))
    own = styles.save(tmp_path, "dark-int8", styles.pointwise(1, 50))
    base = styles.save(tmp_path, "base-base", styles.pointwise(1, 50))
    for other in (own, base):
        with pytest.raises(InputError, match=f"{other.name}: the site has another file with this name"):
            export_site(["dark", other], SiteSettings(output=tmp_path / "site"))
    assert not (tmp_path / "site").exists()
