"""The library: search, order, upload, download, delete."""

import json

import onnx
import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle import catalogue
from fststyle.errors import InputError, OutputError
from tests import styles


def names(client, **query):
    return [style["name"] for style in client.get("/api/styles", params=query).json()]


def test_included_and_own_styles_are_listed(client):
    listed = names(client)
    assert {"invert", "norm", "starry-night", "great-wave"} <= set(listed)
    assert listed == sorted(listed)


def test_search_and_order(client):
    assert names(client, q="gogh starry") == ["starry-night", "starry-night-johnson"]
    assert names(client, q="nothing like this") == []
    assert names(client, q="leger") == names(client, q="LÉGER") == names(client, q="Le\u0301ger") != []
    years = names(client, sort="year")
    assert years[0] == "great-wave"
    for stars, name in ((2, "great-wave"), (5, "udnie")):
        client.post("/api/ratings", data={"style": name, "stars": stars})
    assert names(client, sort="rating")[:2] == ["udnie", "great-wave"]


def test_search_is_in_the_address(client):
    for query, address in (
        ({}, "/"),
        ({"q": "van gogh"}, "/?q=van+gogh"),
        ({"q": "\r\nA: b&c", "sort": "year"}, "/?q=%0D%0AA%3A+b%26c&sort=year"),
    ):
        assert client.get("/library/cards", params=query).headers["hx-replace-url"] == address


def test_every_included_style_shows_its_painting(client):
    for style in client.get("/api/styles").json():
        if not style["own"]:
            response = client.get(style["painting"])
            assert response.status_code == 200, style["name"]
            assert response.headers["content-type"] == "image/jpeg"


def test_uploaded_style_is_used_and_deleted(client, style_folder, picture):
    content = styles.pointwise(1, 40)
    response = client.post("/api/styles", files={"file": ("My Style (1).onnx", content)})
    assert response.status_code == 201, response.text
    assert response.json()["name"] == "my-style-1"
    assert response.json()["own"]
    download = client.get(response.json()["onnx"])
    assert download.content == content
    assert 'filename="my-style-1.onnx"' in download.headers["content-disposition"]
    assert client.get(response.json()["sample"]).status_code == 200
    again = client.post("/api/styles", files={"file": content}, data={"name": "my-style-1"})
    assert again.status_code == 409
    assert client.delete("/api/styles/my-style-1").status_code == 204
    assert not (style_folder / "my-style-1.onnx").exists()
    assert client.get("/styles/my-style-1").status_code == 404


def test_upload_to_an_unwritable_folder_is_refused(client, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FSTSTYLE_STYLES", str(tmp_path / "file"))
    response = client.post("/api/styles", files={"file": ("mine.onnx", styles.pointwise(1, 40))})
    assert response.status_code == 422
    assert response.json() == {"detail": "mine.onnx cannot be written: File exists"}


def test_publishing_that_fails_leaves_no_file(client, style_folder, tmp_path, picture):
    library = client.app.state.parts.library
    style, int8, painting = (tmp_path / name for name in ("mine.onnx", "mine-int8.onnx", "painting.png"))
    style.write_bytes(styles.pointwise(1, 40))
    int8.write_bytes(styles.pointwise(1, 40))
    painting.write_bytes(b"damaged")
    before = sorted(style_folder.iterdir())
    with pytest.raises(InputError, match=r"painting\.png"):
        library.publish(style, int8, painting, "mine", {})
    assert sorted(style_folder.iterdir()) == before

    painting.write_bytes(picture())
    (style_folder / "mine.onnx").mkdir()
    with pytest.raises(OutputError, match=r"^mine\.onnx cannot be written"):
        library.publish(style, int8, painting, "mine", {})
    assert sorted(style_folder.iterdir()) == sorted([*before, style_folder / "mine.onnx"])
    assert list((library.folder / "paintings").iterdir()) == []


def test_style_weight_of_one_style_loss_is_divided(client, style_folder, picture):
    library = client.app.state.parts.library
    (library.folder / "paintings").mkdir()
    for name, parts in (("absent", {}), ("one", {"tonal_parts": 1}), ("three", {"tonal_parts": 3})):
        model = onnx.load_model_from_string(styles.pointwise(1, 40))
        settings = {"style_weight": 8.0, "fine": 1.0, **parts}
        onnx.helper.set_model_props(model, {"trained_with": json.dumps(settings)})
        (style_folder / f"{name}.onnx").write_bytes(model.SerializeToString())
        (library.folder / "paintings" / f"{name}.jpg").write_bytes(picture(format="JPEG"))
        client.post("/api/ratings", data={"style": name, "stars": 4})
    assert {style.name: style.style_weight for style in library.rated()} == {
        "absent": 2.0,
        "one": 2.0,
        "three": 8.0,
    }


def test_browser_gets_float_and_int8_files_with_all_weights(client):
    listed = {style["name"]: style for style in client.get("/live/styles.json").json()["styles"]}
    lilies, entry = listed["water-lilies"], catalogue.find("water-lilies")
    assert client.get(lilies["url"]).content == entry.path.read_bytes()
    assert client.get(lilies["int8"]).content == catalogue.load(entry.int8)
    assert len(catalogue.load(entry.int8)) > 5 * entry.int8.size
    assert listed["starry-night-johnson"]["int8"] is None
    assert client.get("/live/models/starry-night-johnson/int8.onnx").status_code == 404
    assert client.get("/live/models/water-lilies/other.onnx").status_code == 404


def test_included_style_cannot_be_deleted(client):
    response = client.delete("/api/styles/udnie")
    assert response.status_code == 409
    assert catalogue.find("udnie").path.exists()


def test_damaged_file_does_not_hide_the_others(client, style_folder):
    (style_folder / "damaged.onnx").write_bytes(b"damaged")
    assert "damaged" in names(client)
    for path in ("/", "/paint", "/rate", "/live/styles.json"):
        assert client.get(path).status_code == 200, path
    assert "damaged/samples" not in client.get("/").text + client.get("/paint").text
    listed = [style["name"] for style in client.get("/live/styles.json").json()["styles"]]
    assert "great-wave" in listed
    assert "damaged" not in listed


def test_page_of_a_style(client):
    text = client.get("/styles/great-wave").text
    assert "Katsushika Hokusai" in text
    assert "public domain" in text


def test_reference_of_the_api_is_complete(client):
    text = client.get("/api").text
    for path in client.get("/api/openapi.json").json()["paths"]:
        assert path in text
    assert "curl -F photo=@photo.jpg" in text
