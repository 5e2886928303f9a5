"""Stylized images are matched with their painting and photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError

WHERE = ["great-wave", "starry-night"], ["china", "chicago"]


def _save(path, shape=(32, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("great-wave-china-other.jpg", ("great-wave", "china", "other")),
        ("starry-night-chicago-a-b.png", ("starry-night", "chicago", "a-b")),
        ("china-great-wave.jpg", ("great-wave", "china", "")),
        ("great-wave/china.jpg", ("great-wave", "china", "")),
        ("other/china.jpg", None),
        ("udnie-china-other.jpg", None),
        ("great-wave-machinary.jpg", None),
    ],
)
def test_names(bench, name, found):
    assert bench("matching").match(Path(name), *WHERE) == found


def test_single_painting_needs_no_name(bench):
    match = bench("matching").match
    assert match(Path("out/china.jpg"), ["udnie"], ["china"]) == ("udnie", "china", "")
    assert match(Path("out/the-scream-china.jpg"), ["udnie"], ["china"]) is None


def test_images_of_a_folder(bench, tmp_path):
    matching = bench("matching")
    photos = {"china": _save(tmp_path / "all" / "china.jpg")}
    paintings = {"udnie": _save(tmp_path / "udnie.jpg")}
    for name in ("udnie-china-x.jpg", "udnie-china-y.jpg", "the-scream-china-x.jpg"):
        _save(tmp_path / "all" / name)
    found = matching.stylized_images(str(tmp_path / "all"), paintings, photos)
    assert [(image.photo, image.system) for image in found] == [("china", "x"), ("china", "y")]
    (only,) = matching.stylized_images(f"mine={tmp_path}/all/*-x.jpg", paintings, photos)
    assert (only.system, only.load().shape) == ("mine", (32, 48, 3))
    with pytest.raises(InputError, match="contains the name of a photo"):
        matching.stylized_images(str(tmp_path / "all"), paintings, {"other": photos["china"]})


def test_style_paints_the_photos(bench, tmp_path, style_folder):
    matching = bench("matching")
    photos, paintings = {"china": _save(tmp_path / "china.png")}, {"udnie": tmp_path / "udnie.jpg"}
    (image,) = matching.stylized_images(f"ours={style_folder / 'invert.onnx'}", paintings, photos)
    assert (image.painting, image.photo, image.system) == ("udnie", "china", "ours")
    assert (image.load() == 255).all()
    with pytest.raises(InputError, match="the name of a painting"):
        matching.stylized_images(str(style_folder / "invert.onnx"), {**paintings, "candy": tmp_path}, photos)


def test_sizes(bench):
    matching = bench("matching")
    large, padded, small = (np.zeros((*shape, 3), np.uint8) for shape in ((60, 90), (44, 64), (40, 60)))
    assert {image.shape for image in matching.same_size(large, small)} == {(40, 60, 3)}
    assert {image.shape for image in matching.same_size(padded, small)} == {(40, 60, 3)}
    with pytest.raises(InputError, match="aspect ratios"):
        matching.same_size(large, large.transpose(1, 0, 2))
