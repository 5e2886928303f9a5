"""HEIC and JPEG XL with their plugins, or an error with the install command."""

import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms

from fststyle.errors import DependencyError, InputError
from fststyle.io import images, jxl, plugins
from fststyle.io.images import Frame, Picture
from fststyle.io.metadata import Metadata
from tests.io.test_metadata import LENS, XMP, camera, parsed

H, W = 40, 64
NOISE = np.random.default_rng(3).integers(0, 256, (H, W, 3), np.uint8)
HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(60)
JXL_HEADS = [b"\xff\x0a\xcb\x40\x24\x08" + bytes(60)]


def smooth() -> np.ndarray:
    rgb = np.full((H, W, 3), 60, np.uint8)
    rgb[..., 0], rgb[..., 1] = np.linspace(0, 255, W)[None], np.linspace(0, 255, H)[:, None]
    return rgb


def content(picture: Picture, suffix: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    images.write(picture, buffer, format=suffix, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "module", "extra"), [(HEIC_HEAD, "pillow_heif", "heif"), (JXL_HEADS[0], "pillow_jxl", "jxl")]
)
def test_missing_plugin_is_reported_in_one_line(tmp_path, monkeypatch, head, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "photo.bin"
    path.write_bytes(head)
    for work in (lambda: images.read(path), lambda: images.outline(path)):
        with pytest.raises(
            DependencyError, match=rf"^{path}: .* needs pillow-.*: pip install '\.\[{extra}\]' \[.*\]$"
        ):
            work()
    target = tmp_path / ("a.heic" if extra == "heif" else "a.jxl")
    with pytest.raises(DependencyError, match=f"^{target}: .*install"):
        images.write(Picture([Frame(NOISE)]), target)
    assert list(tmp_path.iterdir()) == [path]


def test_avif_needs_no_plugin():
    for head in (
        b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avifmif1miaf",
        b"\x89PNG\r\n\x1a\n",
        b"",
        b"\xff\xd8\xff",
    ):
        assert plugins.kind_of(io.BytesIO(head)) is None


def test_heic():
    pytest.importorskip("pillow_heif")
    metadata = Metadata(camera(), XMP)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    alpha = np.full((H, W), 255, np.uint8)
    alpha[:, :9] = 0
    for icc, layer in ((srgb, None), (None, alpha)):
        picture = images.read(content(Picture([Frame(smooth(), layer)], icc, metadata=metadata), "heic"))
        assert (picture.format, picture.size, picture.icc, picture.lost) == ("HEIF", (H, W), icc, ())
        assert np.abs(picture.frames[0].rgb.astype(int) - smooth())[:, 9:].mean() < 3
        assert (picture.frames[0].alpha is None) == (layer is None)
        data = parsed(picture.metadata.exif)
        assert (data.get(0x0112, 1), data.get_ifd(0x8769)[0xA434]) == (1, LENS)
        assert picture.metadata.xmp == XMP.replace(b'="6"', b'="1"')
    exact = images.read(content(Picture([Frame(NOISE)]), "heic", lossless=True))
    np.testing.assert_array_equal(exact.frames[0].rgb, NOISE)


def test_heic_orientation_is_applied_once_and_further_images_are_named():
    pytest.importorskip("pillow_heif")
    plugins.load("HEIF", "")
    buffer = io.BytesIO()
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(smooth())))
    stored.save(buffer, "HEIF", exif=camera(), save_all=True, append_images=[stored], quality=95)
    picture = images.read(buffer.getvalue())
    assert picture.size == (H, W)
    assert np.abs(picture.frames[0].rgb.astype(int) - smooth()).mean() < 5
    assert picture.lost == ("1 further image",)


def test_heic_bomb_and_damage(capfd):
    pytest.importorskip("pillow_heif")
    whole = content(Picture([Frame(NOISE)]), "heic")
    with pytest.raises(InputError, match="more than 100"):
        images.read(whole, max_pixels=100)
    random = np.random.default_rng(0)
    for _ in range(40):
        data = bytearray(whole)
        for at in random.integers(0, len(data), 4):
            data[at] = random.integers(0, 256)
        try:
            images.read(bytes(data), max_pixels=100_000)
        except InputError:
            continue


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("with_metadata", [False, True])
def test_jxl(lossless, alpha, with_metadata):
    pytest.importorskip("pillow_jxl")
    metadata = Metadata(camera(), XMP) if with_metadata else Metadata()
    layer = np.full((H, W), 200, np.uint8) if alpha else None
    rgb = NOISE if lossless else smooth()
    whole = content(Picture([Frame(rgb, layer)], metadata=metadata), "jxl", lossless=lossless)
    picture = images.read(whole)
    assert (picture.format, picture.size, picture.icc) == ("JXL", (H, W), None)
    assert picture.lossless is lossless
    assert np.abs(picture.frames[0].rgb.astype(int) - rgb).mean() <= (0 if lossless else 3)
    if alpha:
        assert np.abs(picture.frames[0].alpha.astype(int) - 200).max() <= 1
    if with_metadata:
        data = parsed(picture.metadata.exif)
        assert (data[0x0112], data.get_ifd(0x8769)[0xA434]) == (1, LENS)
        assert picture.metadata.xmp == XMP.replace(b'="6"', b'="1"')
    again = images.read(content(picture, "jxl"))
    assert again.lossless is lossless
    assert np.abs(again.frames[0].rgb.astype(int) - rgb).mean() <= (0 if lossless else 4)


@pytest.mark.parametrize("size", [(16, 16), (64, 40), (300, 300), (1920, 1080), (17, 1000), (70000, 17)])
def test_jxl_header_has_the_size(size):
    pytest.importorskip("pillow_jxl")
    plugins.load("JXL", "")
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "JXL", effort=1)
    assert jxl.header(buffer.__class__(buffer.getvalue())).size == size


def test_jxl_bomb_and_damage():
    huge = (
        b"\xff\x0a"
        + ((1 << 30) - 1 << 38 | 3 << 36 | (1 << 30) - 1 << 3 | 3 << 1).to_bytes(9, "little")
        + bytes(60)
    )
    assert jxl.header(io.BytesIO(huge)).size == (1 << 30, 1 << 30)
    with pytest.raises(InputError, match="more than"):  # before the plugin is asked for
        images.read(huge)
    for cut in (b"\xff\x0a", jxl.SIGNATURE, jxl.SIGNATURE + b"\x00\x00\x00\x01jxlc"):
        with pytest.raises(InputError, match="damaged"):
            images.read(cut)


def test_jxl_mutations(capfd):
    pytest.importorskip("pillow_jxl")
    random = np.random.default_rng(0)
    for metadata in (Metadata(), Metadata(camera(), XMP)):
        whole = content(Picture([Frame(NOISE)], metadata=metadata), "jxl")
        for _ in range(40):
            data = bytearray(whole)
            for at in random.integers(0, len(data), 4):
                data[at] = random.integers(0, 256)
            try:
                images.read(bytes(data), max_pixels=100_000)
            except InputError:
                continue
    assert capfd.readouterr() == ("", "")
