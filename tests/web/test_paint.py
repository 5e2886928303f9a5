"""An image that the server stylizes equals that of the command line."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.runtime.batch import stylize_files
from fststyle.runtime.settings import ImageSettings
from tests.web.conftest import pixels


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_server_result_equals_that_of_the_command_line(client, picture, tmp_path, format):
    (tmp_path / "in").write_bytes(picture(format=format))
    settings = ImageSettings(style="norm", brush=1.5, smooth=3, detail=0.5, keep_colors=True, quality=90)
    stylize_files([tmp_path / "in"], tmp_path / f"out.{format.lower()}", settings)
    form = {"style": "norm", "brush": "1.5", "smooth": "3", "detail": "0.5", "keep_colors": "true"}
    form["quality"] = "90"
    response = client.post("/api/paint", files={"photo": picture(format=format)}, data=form)
    assert response.status_code == 200, response.text
    assert response.content == (tmp_path / f"out.{format.lower()}").read_bytes()
    assert response.headers["content-type"] == f"image/{format.lower()}"
    assert response.headers["x-fststyle-size"] == "64x48"


def test_mixture_has_its_shares(client, family, picture):
    photo = picture()
    form = {"style": "dark:3,pale:1"}
    response = client.post("/api/paint", files={"photo": photo}, data=form)
    assert response.status_code == 200, response.text
    before, after = pixels(photo).astype(float), pixels(response.content).astype(float)
    expected = (before * (0.75 * 0.5 + 0.25) + 25).clip(0, 255)
    assert abs(after - expected).mean() < 2


def test_strength_zero_is_the_photo(client, family, picture):
    form = {"style": "dark", "strength": "0"}
    response = client.post("/api/paint", files={"photo": picture()}, data=form)
    assert abs(pixels(response.content).astype(int) - pixels(picture())).max() <= 1


def test_another_format_and_size(client, picture):
    form = {"style": "invert", "format": "webp", "size": "32"}
    response = client.post("/api/paint", files={"photo": picture()}, data=form)
    assert response.headers["content-type"] == "image/webp"
    assert pixels(response.content).shape == (24, 32, 3)


def test_replaced_style_file_is_loaded_again(client, style_folder, picture):
    from tests import styles

    first = client.post("/api/paint", files={"photo": picture()}, data={"style": "invert"}).content
    styles.save(style_folder, "invert", styles.pointwise(1, 0))
    second = client.post("/api/paint", files={"photo": picture()}, data={"style": "invert"}).content
    assert (pixels(first) == 255 - pixels(picture())).all()
    assert (pixels(second) == pixels(picture())).all()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"style": "nobody"}, "no style is called 'nobody'"),
        ({"style": "invert,norm,invert,norm"}, "at most 3"),
        ({"style": "invert:x,norm"}, "not a number"),
        ({"style": "invert", "strength": "3"}, "strength"),
        ({"style": "invert", "brush": "thick"}, "'thick' is not a number"),
        ({"style": "invert", "size": "8"}, "--size: 8 is below 16"),
        ({"style": "invert", "format": "exe"}, "cannot write 'exe'"),
    ],
)
def test_wrong_setting_is_reported(client, picture, form, message):
    response = client.post("/api/paint", files={"photo": picture()}, data=form)
    assert response.status_code == 422
    assert message in response.json()["detail"]


def test_invalid_picture_is_reported(client):
    response = client.post("/api/paint", files={"photo": b"no picture"}, data={"style": "invert"})
    assert response.status_code == 422
    assert response.json()["detail"] == "the file is not an image that can be read"
