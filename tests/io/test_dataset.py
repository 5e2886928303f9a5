"""Datasets: the files of MNIST, folders of images, and invalid folders."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError
from fststyle.io import dataset, idx
from tests.digits import write_idx

MNIST = Path(os.environ.get("FSTSTYLE_TEST_DATA", "nowhere")) / "mnist"


def folder_of(path: Path, count: int, sides: tuple[int, int] = (40, 50), gray: bool = False) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for i in range(count):
        height, width = sides[0] + i, sides[1] + 2 * i
        pixels = rng.integers(0, 256, (height, width) if gray else (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(path / f"{i:03}.png")
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files(tmp_path, packed):
    digits, labels = write_idx(tmp_path, 30, 12, packed=packed)
    train, test = dataset.load(tmp_path)
    np.testing.assert_array_equal(train.rgb[..., 0], digits[:30])
    np.testing.assert_array_equal(test.labels, labels[30:])
    assert (len(train), len(test), train.side, train.channels, train.classes) == (
        30,
        12,
        28,
        1,
        tuple("0123456789"),
    )


@pytest.mark.skipif(not MNIST.is_dir(), reason="FSTSTYLE_TEST_DATA has no mnist")
def test_downloaded_mnist_is_read():
    train, test = dataset.load(MNIST)
    assert train.rgb.shape == (60000, 28, 28, 1)
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.rgb.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert test.rgb.shape == (10000, 28, 28, 1)


def test_transparent_pixels_are_not_learned(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(12):
        hidden = rng.integers(0, 256, (32, 32, 4), np.uint8)
        hidden[..., 3] = 0
        Image.fromarray(hidden).save(tmp_path / f"{i}.png")
    train, _ = dataset.load(tmp_path, 32)
    assert (train.rgb == 255).all()


def test_files_without_are_excluded(tmp_path):
    folder_of(tmp_path / "set", 20)
    assert len(dataset.load(tmp_path / "set", 32)[0]) == 18
    (tmp_path / "link").symlink_to("set")
    train, _ = dataset.load(
        tmp_path / "set", 32, without=(tmp_path / "link" / "003.png", tmp_path / "set" / "none.png")
    )
    assert len(train) == 17


def test_wrong_idx_files(tmp_path):
    write_idx(tmp_path, 30, 12, packed=False)
    path = tmp_path / "train-images-idx3-ubyte"
    good = path.read_bytes()
    for content, said in (
        (good[:-1], "fewer bytes than"),
        (good + b"x", "more bytes than"),
        (b"\x00\x00\x08\x01" + good[4:], "not an IDX file"),
        (b"", "not an IDX file"),
        (good[:4] + struct.pack(">3I", 2**31, 2**31, 2**31), "nor larger than 2 GiB"),
        (good[:4] + struct.pack(">3I", 31, 28, 28) + bytes(28 * 28 * 31), "30 labels for 31 images"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=said):
            dataset.load(tmp_path)


def test_parts_of_an_idx_set(tmp_path):
    write_idx(tmp_path, 30, 12, packed=False)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    train, test = dataset.load(tmp_path)
    assert (train.rgb.shape, train.labels, train.classes) == ((30, 28, 28, 1), None, ())
    assert (len(test), test.side) == (0, 28)
    (tmp_path / "train-images-idx3-ubyte").unlink()
    with pytest.raises(InputError, match="labels but no images"):
        dataset.load(tmp_path)


def test_gzip_bomb_is_not_unpacked(tmp_path):
    write_idx(tmp_path, 30, 12)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"\x00\x00\x08\x03" + struct.pack(">3I", 30, 28, 28) + bytes(50_000_000))
    with pytest.raises(InputError, match="more bytes than"):
        dataset.load(tmp_path)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError, match="cannot be read"):
        dataset.load(tmp_path)


def test_pictures_of_mixed_sizes_are_resized(tmp_path):
    folder_of(tmp_path / "a", 20)
    (tmp_path / "a" / "broken.jpg").write_bytes(b"no")
    train, test = dataset.load(tmp_path / "a", 32)
    assert train.rgb.shape == (18, 32, 32, 3)
    assert test.rgb.shape == (2, 32, 32, 3)
    assert train.labels is None
    assert [Path(path).name for path in train.skipped] == ["broken.jpg"]


def test_gray_pictures_have_one_channel_and_subfolders_are_classes(tmp_path):
    for name in ("cat", "dog"):
        folder_of(tmp_path / "a" / name, 10, gray=True)
    train, test = dataset.load(tmp_path / "a", 28)
    assert train.rgb.shape == (18, 28, 28, 1)
    assert train.classes == ("cat", "dog")
    assert np.bincount(train.labels).tolist() == [9, 9]
    assert test.labels.tolist() == [0, 1]


def test_invalid_sets_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for data, said in (
        (tmp_path / "empty", "contains no image files"),
        (tmp_path / "none", "no such folder"),
        (folder_of(tmp_path / "one", 1), "contains 1 usable image; at least 8"),
    ):
        with pytest.raises(InputError, match=said):
            dataset.load(data)
    with pytest.raises(InputError, match="not one of 28"):
        dataset.load(folder_of(tmp_path / "two", 9), 50)


def test_named_sets_are_not_downloaded_by_default(tmp_path, monkeypatch):
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "unasked")
    monkeypatch.setenv("FSTSTYLE_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="--download"):
        dataset.load("mnist")
    write_idx(tmp_path / "fashion-mnist" / "FashionMNIST" / "raw", 30, 12)
    assert len(dataset.load("fashion-mnist")[0]) == 30


def test_fashion_mnist_has_class_names():
    assert idx.classes("FashionMNIST", 10)[0] == "t-shirt"
    assert idx.classes("mnist", 3) == ("0", "1", "2")


def test_center_square_is_cropped():
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    np.testing.assert_array_equal(dataset.square(wide, 20), 200)
    assert dataset.square(wide, 32).shape == (32, 32, 3)


def test_epoch_has_every_picture_once_and_resumes_exactly():
    whole = list(dataset.order(10, seed=1, batch=4, start=0, steps=10))
    assert all(sorted(np.concatenate(whole)[i * 10 : i * 10 + 10]) == list(range(10)) for i in range(4))
    assert not np.array_equal(np.concatenate(whole)[:10], np.concatenate(whole)[10:20])
    np.testing.assert_array_equal(list(dataset.order(10, seed=1, batch=4, start=6, steps=10)), whole[6:])
    assert not np.array_equal(list(dataset.order(10, seed=2, batch=4, start=0, steps=10)), whole)
