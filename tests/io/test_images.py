"""Reading and writing of all image formats, with files made by the tests."""

import errno
import io
import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from fststyle.errors import FststyleError, InputError, OutputError
from fststyle.io import encode, images
from fststyle.io.convert import to_picture
from fststyle.io.images import Frame, Picture
from fststyle.io.pixels import CONVERTED_PROFILE

H, W = 24, 32
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gradient(height: int = H, width: int = W) -> np.ndarray:
    """Red increases to the right and green downwards, and blue is constant, so every rotation or mirroring is
    visible.
    """
    rgb = np.full((height, width, 3), 60, np.uint8)
    rgb[..., 0] = np.linspace(0, 255, width)[None]
    rgb[..., 1] = np.linspace(0, 255, height)[:, None]
    return rgb


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def only(content: bytes) -> Frame:
    picture = images.read(content)
    assert not picture.animated
    return picture.frames[0]


def films(count: int = 3) -> list[np.ndarray]:
    return [np.full((H, W, 3), (40 * i, 200 - 40 * i, 90), np.uint8) for i in range(count)]


# --- reading ---


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA", "PCX", "QOI", "SGI", "DIB"])
def test_lossless_formats_keep_every_pixel(kind):
    content = encoded(Image.fromarray(gradient()), kind)
    picture = images.read(content)
    assert picture.size == (H, W)
    assert picture.format == kind
    np.testing.assert_array_equal(picture.frames[0].rgb, gradient())
    assert picture.frames[0].alpha is None
    assert picture.frames[0].rgb.flags.writeable


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "JPEG2000", "AVIF", "GIF"])
def test_lossy_formats_are_close(kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    assert np.abs(only(encoded(Image.fromarray(gradient()), kind)).rgb.astype(int) - gradient()).mean() < 12


@pytest.mark.parametrize("as_what", [str, Path, bytes, "stream", "pipe"])
def test_every_type_of_source_is_read(tmp_path, as_what):
    path = tmp_path / "ü b.png"
    path.write_bytes(encoded(Image.fromarray(gradient()), "PNG"))
    if as_what == "stream":
        with path.open("rb") as file:
            rgb = images.read(file).frames[0].rgb
            assert not file.closed
    elif as_what == "pipe":
        end, start = os.pipe()
        with os.fdopen(end, "rb") as file, os.fdopen(start, "wb") as into:
            into.write(path.read_bytes())
            into.close()
            rgb = images.read(file).frames[0].rgb
    else:
        rgb = images.read(path.read_bytes() if as_what is bytes else as_what(path)).frames[0].rgb
    np.testing.assert_array_equal(rgb, gradient())


def test_gray_and_one_bit():
    gray = gradient()[..., 0]
    np.testing.assert_array_equal(
        only(encoded(Image.fromarray(gray), "PNG")).rgb, np.repeat(gray[..., None], 3, 2)
    )
    bits = np.where(gray > 127, 255, 0).astype(np.uint8)
    np.testing.assert_array_equal(only(encoded(Image.fromarray(bits).convert("1"), "PNG")).rgb[..., 1], bits)


@pytest.mark.parametrize(("kind", "order"), [("PNG", "<"), ("TIFF", "<"), ("TIFF", ">"), ("PPM", "<")])
def test_sixteen_bit_gray_is_scaled_not_clipped(kind, order):
    deep = np.linspace(0, 65535, H * W).reshape(H, W).astype(order + "u2")
    content = encoded(Image.fromarray(deep), kind)
    np.testing.assert_array_equal(only(content).rgb[..., 2], np.round(deep / 257.0).astype(np.uint8))


def test_lost_bits_are_named():
    deep = np.full((H, W), 514, np.uint16)
    for kind in ("PNG", "TIFF", "PPM", "JPEG2000"):
        assert images.read(encoded(Image.fromarray(deep), kind)).lost == ("more than 8 bits per channel",), (
            kind
        )
        assert images.read(encoded(Image.fromarray(gradient()), kind)).lost == (), kind
    content = huge_png(W, H, 16, zlib.compress(bytes(H * (1 + 6 * W))))
    assert images.read(content).lost == ("more than 8 bits per channel",)


def test_dark_sixteen_bit_stays_dark():
    assert only(encoded(Image.fromarray(np.full((H, W), 514, np.uint16)), "PNG")).rgb.max() == 2


def test_thirty_two_bit_integer_and_float():
    grid = np.linspace(0, 1, H * W).reshape(H, W)
    for array, expected in [
        ((grid * 65535).astype(np.int32), grid * 255),
        ((grid * 2e9).astype(np.int32), grid * 255),
        (grid.astype(np.float32), grid * 255),
        ((grid * 255).astype(np.float32), grid * 255),
        ((grid * 65535).astype(np.float32), grid * 255),
    ]:
        assert np.abs(only(encoded(Image.fromarray(array), "TIFF")).rgb[..., 0] - expected).max() <= 1
    wild = np.full((H, W), np.nan, np.float32)
    wild[0, 0], wild[0, 1], wild[0, 2] = np.inf, -5, 1
    assert only(encoded(Image.fromarray(wild), "TIFF")).rgb[0, :4, 0].tolist() == [0, 0, 255, 0]


def test_palette_with_and_without_transparency():
    indices = (np.arange(H * W).reshape(H, W) % 4).astype(np.uint8)
    colors = np.array([[0, 0, 0], [250, 10, 20], [30, 240, 10], [10, 20, 230]], np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putpalette(colors.ravel().tolist())
    frame = only(encoded(image, "PNG"))
    np.testing.assert_array_equal(frame.rgb, colors[indices])
    assert frame.alpha is None
    for transparency, expected in [
        (2, np.where(indices == 2, 0, 255)),
        (bytes([255, 128, 0, 7]), np.array([255, 128, 0, 7])[indices]),
    ]:
        frame = only(encoded(image, "PNG", transparency=transparency))
        np.testing.assert_array_equal(frame.rgb, colors[indices])
        np.testing.assert_array_equal(frame.alpha, expected)
    frame = only(encoded(image, "GIF", transparency=2))
    np.testing.assert_array_equal(frame.alpha, np.where(indices == 2, 0, 255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_kept(kind):
    rgba = np.dstack((gradient(), gradient()[..., 0]))
    frame = only(
        encoded(Image.fromarray(rgba), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    )
    np.testing.assert_array_equal(frame.rgb, gradient())
    np.testing.assert_array_equal(frame.alpha, gradient()[..., 0])


def test_gray_alpha_and_color_keys():
    gray, alpha = gradient()[..., 0], gradient()[..., 1]
    frame = only(encoded(Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]), "PNG"))
    np.testing.assert_array_equal(frame.rgb[..., 0], gray)
    np.testing.assert_array_equal(frame.alpha, alpha)
    frame = only(encoded(Image.fromarray(gradient()), "PNG", transparency=(0, 0, 60)))
    assert frame.alpha[0, 0] == 0
    assert (frame.alpha == 0).sum() == 1
    deep = np.full((H, W), 1000, np.uint16)
    deep[3, 4] = 2000
    frame = only(encoded(Image.fromarray(deep), "PNG", transparency=2000))
    assert np.argwhere(frame.alpha == 0).tolist() == [[3, 4]]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(kind):
    ink = Image.new("CMYK", (W, H), (0, 255, 255, 0))
    assert images.read(encoded(ink, kind)).lost == ("CMYK colors (converted to RGB)",)
    assert np.abs(only(encoded(ink, kind)).rgb.reshape(-1, 3).mean(0) - (255, 0, 0)).max() < 4


def test_other_pillow_modes():
    for mode in ("YCbCr", "HSV", "LAB", "RGBX", "RGBa", "La", "PA", "F", "I;16B"):
        source = Image.fromarray(gradient())
        if mode == "LAB":
            image = ImageCms.profileToProfile(
                source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
            )
        elif mode in ("RGBa", "La"):
            image = source.convert("RGBA" if mode == "RGBa" else "LA").convert(mode)
        elif mode == "PA":
            image = source.convert("P").convert("PA")
        elif mode == "I;16B":
            image = Image.new(mode, (W, H), 65535)
        else:
            image = source.convert(mode)
        frame = images.from_pil(image)
        assert frame.rgb.shape == (H, W, 3), mode
        if mode in ("YCbCr", "HSV", "LAB", "RGBX", "RGBa"):
            assert np.abs(frame.rgb.astype(int) - gradient()).mean() < 6, mode
        assert (frame.alpha is not None) == (mode in ("RGBa", "La", "PA")), mode


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_applied(kind, turn):
    upright = gradient()
    # A camera stores the image rotated by the inverse of the orientation `turn`, which the reader applies.
    stored = {
        **{
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.swapaxes(0, 1),
        },
        **{6: np.rot90(upright, 1), 7: upright[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(upright, -1)},
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    picture = images.read(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options))
    assert picture.size == (H, W)
    assert np.abs(picture.frames[0].rgb.astype(int) - upright).mean() < 5


def test_damaged_exif_is_ignored():
    content = encoded(Image.fromarray(gradient()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))
    assert only(content).rgb.shape == (H, W, 3)


def test_rgb_profile_is_kept_and_others_are_converted_to_srgb():
    assert images.read(encoded(Image.fromarray(gradient()), "PNG", icc_profile=SRGB)).icc == SRGB
    # A profile for another color space does not describe the image, so it must be dropped.
    picture = images.read(encoded(Image.fromarray(gradient()[..., 0]), "PNG", icc_profile=SRGB))
    assert picture.icc is None
    np.testing.assert_array_equal(picture.frames[0].rgb[..., 0], gradient()[..., 0])
    damaged = SRGB[:16] + b"GRAY" + SRGB[20:200]
    picture = images.read(encoded(Image.fromarray(gradient()[..., 0]), "PNG", icc_profile=damaged))
    assert picture.icc is None
    np.testing.assert_array_equal(picture.frames[0].rgb[..., 0], gradient()[..., 0])


@pytest.mark.parametrize(
    ("image", "icc", "usable"),
    [
        (Image.fromarray(gradient()), SRGB, True),
        (Image.fromarray(gradient()).convert("RGBA"), SRGB, True),
        (Image.fromarray(gradient()).convert("P"), SRGB, True),
        (Image.fromarray(gradient()), SRGB[:200], False),
        (Image.fromarray(gradient()[..., 0]), SRGB, False),
        (Image.fromarray(gradient()), b"no profile", False),
    ],
)
def test_profile_that_cannot_be_used_is_named(image, icc, usable):
    picture = images.read(encoded(image, "PNG", icc_profile=icc))
    assert picture.icc == (icc if usable else None)
    assert picture.lost == (() if usable else ("color profile (damaged, or for other colors)",))


def gray_profile(gamma: float) -> bytes:
    """A minimal ICC version 2 profile for gray with a gamma curve."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    table = (
        struct.pack(">I", 2) + b"wtpt" + struct.pack(">II", 156, 20) + b"kTRC" + struct.pack(">II", 176, 16)
    )
    head = (
        b"\0\0\0\0"
        + bytes(4)
        + b"\x02\x10\0\0"
        + b"mntr"
        + b"GRAY"
        + b"XYZ "
        + bytes(12)
        + b"acsp"
        + bytes(28)
        + struct.pack(">3i", 63190, 65536, 54061)
    )
    body = head.ljust(128, b"\0") + table + white + curve
    return struct.pack(">I", len(body)) + body[4:]


def test_gray_profile_is_applied():
    gray = np.full((H, W), 128, np.uint8)
    picture = images.read(encoded(Image.fromarray(gray), "PNG", icc_profile=gray_profile(1.0)))
    assert (picture.icc, picture.lost) == (None, ("color profile (converted to sRGB)",))
    # Half the light is code 188 in sRGB.
    assert np.abs(picture.frames[0].rgb.astype(int) - 188).max() <= 2


def test_gray_profile_of_a_pillow_image_is_applied():
    image = Image.fromarray(np.full((H, W), 128, np.uint8))
    image.info["icc_profile"] = gray_profile(1.0)
    picture, result = to_picture(image)
    assert picture.icc is None
    assert np.abs(picture.frames[0].rgb.astype(int) - 188).max() <= 2
    assert "icc_profile" not in result(picture.frames[0]).info


def animation_of(kind: str) -> bytes:
    frames = [Image.fromarray(rgb) for rgb in films()]
    return encoded(
        frames[0],
        kind,
        save_all=True,
        append_images=frames[1:],
        duration=[70, 120, 300],
        loop=3,
        **({"lossless": True} if kind == "WEBP" else {}),
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animations_have_every_frame(kind):
    picture = images.read(animation_of(kind))
    assert picture.animated
    assert [frame.duration_ms for frame in picture.frames] == [70, 120, 300]
    assert picture.loop == 3
    for frame, rgb in zip(picture.frames, films(), strict=True):
        np.testing.assert_array_equal(frame.rgb, rgb)


def test_only_the_first_of_pages_and_previews_is_read():
    pages = [Image.fromarray(rgb) for rgb in films(2)]
    for kind in ("TIFF", "MPO"):
        picture = images.read(encoded(pages[0], kind, save_all=True, append_images=pages[1:]))
        assert not picture.animated
        assert np.abs(picture.frames[0].rgb.astype(int) - films(2)[0]).max() < 4
        assert picture.format == {"MPO": "JPEG"}.get(kind, kind)
        assert picture.left == {"TIFF": 1, "MPO": 0}[kind]


def test_default_image_of_an_apng_is_not_a_frame():
    still, *frames = (Image.fromarray(rgb) for rgb in films())
    picture = images.read(
        encoded(still, "PNG", save_all=True, append_images=frames, default_image=True, duration=[50, 60])
    )
    np.testing.assert_array_equal(
        [frame.rgb[0, 0] for frame in picture.frames], [rgb[0, 0] for rgb in films()[1:]]
    )


# --- refusing ---


def huge_png(width: int, height: int, bits: int = 8, data: bytes = zlib.compress(bytes(1000))) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def refused(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        images.read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 160
    assert any(word in message for word in words), message


def test_invalid_image_is_refused_in_one_line(tmp_path):
    path = tmp_path / "x.png"
    refused(path, "no such file")
    refused(tmp_path, "folder")
    path.write_bytes(b"")
    refused(path, "empty")
    path.write_text("hello, this is text\n" * 40)
    refused(path, "not an image")
    refused(path / "below", "no such file", "Not a directory")
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n")
    refused(path, "not an image")
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "not a regular file")
    with pytest.raises(InputError):
        images.read("a\0b.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_cut_off_files_are_refused(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / "cut"
    content = encoded(Image.fromarray(noise), kind)
    path.write_bytes(content[: len(content) * 2 // 3])
    refused(path, "damaged", "not an image")


@pytest.mark.parametrize("good", [0, 100])
def test_read_error_is_not_reported_as_a_damaged_file(good):
    """The device fails at the start of the file, or after its header."""

    class Device(io.BytesIO):
        def read(self, size=-1):
            if self.tell() + max(size, 0) > good:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    content = encoded(Image.fromarray(gradient()), "BMP")
    with pytest.raises(InputError, match=rf"^image data: cannot be read \({os.strerror(errno.EIO)}\)$"):
        images.read(Device(content))


def test_raw_photo_is_refused_not_its_preview(tmp_path):
    path = tmp_path / "photo.nef"
    Image.fromarray(gradient()).save(path, "TIFF", tiffinfo={254: 1})
    refused(path, "raw photo")
    Image.fromarray(gradient()).save(path, "TIFF", tiffinfo={254: 0})
    assert images.read(path).size == (H, W)


@pytest.mark.parametrize("size", [(1, 1), (15, 15), (15, 400), (400, 15)])
def test_below_sixteen_is_refused(tmp_path, size):
    path = tmp_path / "small.png"
    Image.new("RGB", size).save(path)
    refused(path, "16x16")
    assert images.read(encoded(Image.new("RGB", (16, 16)), "PNG")).size == (16, 16)


@pytest.mark.parametrize("size", [(60_000, 60_000), (20_000, 16_000), (2**31 - 1, 2**31 - 1)])
def test_size_is_refused_by_the_header(tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png(*size))
    refused(path, "more than 300,000,000", "pixels")


def test_size_above_the_limit_of_pillow_is_read(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert images.read(encoded(Image.fromarray(gradient()), "PNG"), max_pixels=H * W).size == (H, W)
    with pytest.raises(InputError, match="more than the maximum of 767"):
        images.read(encoded(Image.fromarray(gradient()), "PNG"), max_pixels=H * W - 1)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_frames_count_towards_the_pixel_limit():
    content = animation_of("GIF")
    assert len(images.read(content, max_pixels=3 * H * W).frames) == 3
    with pytest.raises(InputError, match="x 3 frames"):
        images.read(content, max_pixels=3 * H * W - 1)


def test_global_state_survives_threads():
    import warnings

    before, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    good, bad = encoded(Image.fromarray(gradient(200, 200)), "PNG"), huge_png(60_000, 60_000)
    failures: list[BaseException] = []

    def work(content: bytes, fails: bool) -> None:
        for _ in range(20):
            try:
                images.read(content)
                assert not fails
            except InputError as error:
                if not fails:
                    failures.append(error)

    threads = [threading.Thread(target=work, args=case) for case in [(good, False), (bad, True)] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert before == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


def test_frames_of_other_shapes_are_refused():
    for rgb in (
        np.zeros((H, W), np.uint8),
        np.zeros((H, W, 3), np.float32),
        np.zeros((H, W, 4), np.uint8),
        np.zeros((0, W, 3), np.uint8),
    ):
        with pytest.raises(InputError):
            Frame(rgb)
    with pytest.raises(InputError):
        Frame(gradient(), np.zeros((H, W + 1), np.uint8))


# --- writing ---


def written(tmp_path: Path, picture: Picture, name: str, **options: object) -> Picture:
    path = tmp_path / name
    images.write(picture, path, **options)
    assert [item.name for item in tmp_path.iterdir()] == [name]
    return images.read(path)


@pytest.mark.parametrize("suffix", ["png", "tif", "TIFF", "bmp", "ppm"])
def test_lossless_round_trip(tmp_path, suffix):
    np.testing.assert_array_equal(
        written(tmp_path, Picture([Frame(gradient())]), "a." + suffix).frames[0].rgb, gradient()
    )


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "gif", "jp2", "avif"])
def test_lossy_round_trip(tmp_path, suffix):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    back = written(tmp_path, Picture([Frame(gradient())]), "a." + suffix).frames[0].rgb
    assert np.abs(back.astype(int) - gradient()).mean() < (6 if suffix == "gif" else 3)


def test_jpeg_keeps_color_detail_and_obeys_quality(tmp_path):
    rgb = np.zeros((H, W, 3), np.uint8)
    rgb[:, ::2, 0] = 255
    images.write(Picture([Frame(rgb)]), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.layer[1][1:3] == (1, 1)
    assert np.abs(images.read(tmp_path / "a.jpg").frames[0].rgb.astype(int) - rgb).mean() < 5
    images.write(Picture([Frame(rgb)]), tmp_path / "b.jpg", quality=20)
    assert (tmp_path / "b.jpg").stat().st_size < (tmp_path / "a.jpg").stat().st_size
    for quality in (0, 101):
        with pytest.raises(InputError, match=r"between 1 and 100"):
            images.write(Picture([Frame(rgb)]), tmp_path / "c.jpg", quality=quality)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_alpha_round_trip(tmp_path, suffix):
    alpha = gradient()[..., 0]
    back = written(tmp_path, Picture([Frame(gradient(), alpha)]), "a." + suffix).frames[0]
    assert np.abs(back.alpha.astype(int) - alpha).max() <= 1


def test_gif_alpha_is_on_or_off(tmp_path):
    alpha = np.where(gradient()[..., 0] > 99, 255, 40).astype(np.uint8)
    back = written(tmp_path, Picture([Frame(gradient(), alpha)]), "a.gif").frames[0]
    np.testing.assert_array_equal(back.alpha, np.where(alpha == 255, 255, 0))
    seen = alpha == 255
    assert np.abs(back.rgb.astype(int) - gradient())[seen].mean() < 6


def test_gif_whose_first_frame_alone_is_opaque(tmp_path):
    alpha = np.where(gradient()[..., 0] > 99, 255, 0).astype(np.uint8)
    picture = Picture(
        [Frame(gradient(), None, 100), Frame(gradient(), alpha, 100), Frame(gradient(), alpha, 100)]
    )
    for frame in written(tmp_path, picture, "a.gif").frames[1:]:
        np.testing.assert_array_equal(frame.alpha, alpha)


def test_opaque_black_stays_opaque_in_a_gif(tmp_path):
    rgb = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    rgb[:32] //= 12
    back = written(tmp_path, Picture([Frame(rgb, np.full((64, 64), 255, np.uint8))]), "a.gif").frames[0]
    assert back.alpha is None or back.alpha.min() == 255
    assert np.abs(back.rgb.astype(int) - rgb).mean() < 30


@pytest.mark.parametrize("suffix", ["jpg", "bmp"])
def test_alpha_is_composited_on_white(tmp_path, suffix):
    alpha = np.zeros((H, W), np.uint8)
    alpha[:, W // 2 :] = 128
    back = written(tmp_path, Picture([Frame(np.zeros((H, W, 3), np.uint8), alpha)]), "a." + suffix).frames[0]
    assert back.alpha is None
    assert back.rgb[:, :8].min() > 250
    assert np.abs(back.rgb[:, -8:].astype(int) - 127).max() < 4


def test_few_colors_are_exact_in_gif(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (200, 3), np.uint8)[np.arange(H * W).reshape(H, W) % 200]
    np.testing.assert_array_equal(written(tmp_path, Picture([Frame(rgb)]), "a.gif").frames[0].rgb, rgb)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "avif"])
def test_profile_is_embedded(tmp_path, suffix):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    assert written(tmp_path, Picture([Frame(gradient())], SRGB), "a." + suffix).icc == SRGB


def test_format_without_profiles_gets_srgb(tmp_path):
    assert (
        np.abs(
            written(tmp_path, Picture([Frame(gradient())], SRGB), "a.bmp").frames[0].rgb.astype(int)
            - gradient()
        ).max()
        <= 2
    )
    (tmp_path / "a.bmp").unlink()
    np.testing.assert_array_equal(
        written(tmp_path, Picture([Frame(gradient())], b"nonsense" * 30), "a.bmp").frames[0].rgb, gradient()
    )


SWAPPED = SRGB.replace(b"rXYZ", b"tmp ").replace(b"gXYZ", b"rXYZ").replace(b"tmp ", b"gXYZ")
"""sRGB with red and green exchanged, which is still called sRGB."""


@pytest.mark.parametrize("kind", ["gif", "bmp", "ppm", "jp2", "png"])
def test_profile_that_the_format_does_not_hold_is_applied_and_named(kind):
    red = np.full((H, W, 3), (250, 20, 20), np.uint8)
    picture = images.read(encoded(Image.fromarray(red), "PNG", icc_profile=SWAPPED))
    buffer = io.BytesIO()
    lost = images.write(picture, buffer, format=kind)
    back = images.read(buffer.getvalue())
    assert (lost, back.icc) == (([], SWAPPED) if kind == "png" else ([CONVERTED_PROFILE], None))
    expected = (250, 20, 20) if kind == "png" else (20, 250, 20)
    np.testing.assert_allclose(back.frames[0].rgb[0, 0], expected, atol=3)


@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("loop", [None, 0, 5])
@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "apng"])
def test_animation_round_trip_keeps_every_frame(tmp_path, suffix, loop, with_alpha):
    # Frames two and three are equal. The test fails if an encoder merges them.
    noise = np.kron(
        np.random.default_rng(2).integers(0, 256, (H // 8, W // 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8)
    )
    stills = [gradient(), noise, noise, gradient()[::-1]]
    alphas = [None, None, None, None]
    if with_alpha:
        alphas[1] = alphas[2] = np.where(gradient()[..., 0] > 99, 255, 0).astype(np.uint8)
    durations = [33, 33, 34, 1000]
    frames = [
        Frame(np.ascontiguousarray(rgb), alpha, ms)
        for rgb, alpha, ms in zip(stills, alphas, durations, strict=True)
    ]
    back = written(tmp_path, Picture(frames, SRGB, None, loop), "a." + suffix)
    assert len(back.frames) == 4
    assert sum(frame.duration_ms for frame in back.frames) == sum(durations)
    if suffix == "gif":
        assert [frame.duration_ms for frame in back.frames] == [30, 40, 30, 1000]
    else:
        assert [frame.duration_ms for frame in back.frames] == durations
        assert back.icc == SRGB
    assert back.loop == (loop if loop is not None or suffix == "gif" else 1)
    for frame, rgb, alpha in zip(back.frames, stills, alphas, strict=True):
        seen = np.ones((H, W), bool) if alpha is None else alpha > 0
        if with_alpha and frame.alpha is not None:
            np.testing.assert_array_equal(frame.alpha > 127, seen)
        difference = np.abs(frame.rgb.astype(int) - rgb)[seen]
        assert difference.mean() < {"gif": 30 if rgb is noise else 6, "webp": 12}.get(suffix, 1e-9)


def test_long_and_missing_durations(tmp_path):
    frames = [Frame(rgb, None, ms) for rgb, ms in zip(films(), [None, 70_000, 0], strict=True)]
    for suffix in ("gif", "webp", "png"):
        images.write(Picture(frames), tmp_path / f"a.{suffix}")
        assert [frame.duration_ms for frame in images.read(tmp_path / f"a.{suffix}").frames] == [
            100,
            70_000,
            0,
        ]


def test_pillow_reads_the_same_animations(tmp_path):
    for suffix in ("gif", "webp", "png"):
        images.write(Picture([Frame(rgb, None, 50) for rgb in films(5)], loop=0), tmp_path / f"a.{suffix}")
        with Image.open(tmp_path / f"a.{suffix}") as image:
            assert image.n_frames == 5
            assert image.info["loop"] == 0
            image.seek(4)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - films(5)[4]).max() < 4


def test_streams_need_a_format_name():
    picture = images.read(encoded(Image.fromarray(gradient()), "PNG"))
    for name, kind in [(None, "PNG"), ("jpg", "JPEG"), (".TIF", "TIFF"), ("webp", "WEBP"), ("GIF", "GIF")]:
        buffer = io.BytesIO()
        images.write(picture, buffer, format=name)
        assert images.read(buffer.getvalue()).format == kind
    with pytest.raises(OutputError, match="no format"):
        images.write(Picture([Frame(gradient())]), io.BytesIO())


def test_missing_folders_are_created_and_files_are_replaced(tmp_path):
    path = tmp_path / "new" / "deeper" / "a.png"
    images.write(Picture([Frame(gradient())]), path)
    images.write(Picture([Frame(gradient(40, 40))]), str(path))
    assert images.read(path).size == (40, 40)
    link = tmp_path / "link.png"
    link.symlink_to(path)
    images.write(Picture([Frame(gradient())]), link)
    assert link.is_symlink()
    assert images.read(path).size == (H, W)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xyz", "cannot write '.xyz'"),
        ("a", "no format"),
        ("file/a.png", "cannot be written"),
        ("folder.png", "is a folder"),
        ("x" * 300 + ".png", "long"),
    ],
)
def test_unwritable_outputs_are_refused(tmp_path, name, message):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=message) as caught:
        images.write(Picture([Frame(gradient())]), tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_device_is_not_renamed_over():
    with pytest.raises(OutputError, match="it is not a regular file"):
        images.write(Picture([Frame(gradient())]), "/dev/null", format="png")
    assert Path("/dev/null").is_char_device()


def test_unsupported_pictures_are_refused(tmp_path):
    frames = [Frame(rgb) for rgb in films()]
    with pytest.raises(OutputError, match=r"JPEG does not support 3 frames"):
        images.write(Picture(frames), tmp_path / "a.jpg")
    with pytest.raises(OutputError, match="no frames"):
        images.write(Picture([]), tmp_path / "a.png")
    with pytest.raises(OutputError, match="differ in size"):
        images.write(Picture([*frames, Frame(gradient(40, 40))]), tmp_path / "a.gif")
    with pytest.raises(OutputError, match="16383 pixels"):
        images.write(Picture([Frame(np.zeros((16, 17000, 3), np.uint8))]), tmp_path / "a.webp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "failure",
    [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), ValueError("encoder\nbroke")],
)
def test_failure_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch, failure):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(*args: object, **_: object) -> None:
        raise failure

    monkeypatch.setattr(encode, "encode", fail)
    with pytest.raises(
        KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else OutputError
    ) as caught:
        images.write(Picture([Frame(gradient())]), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert "\n" not in str(caught.value)


# --- find, resize, Pillow ---


def test_find_returns_images_sorted(tmp_path):
    for name in [
        "b.PNG",
        "a.jpg",
        "deep/er/c.webp",
        ".hidden.png",
        ".git/x.png",
        "notes.txt",
        "folder.png/d.tif",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "linked.png").symlink_to(tmp_path / "a.jpg")
    found = [str(path.relative_to(tmp_path)) for path in images.find(tmp_path)]
    assert found == ["a.jpg", "b.PNG", "deep/er/c.webp", "folder.png/d.tif", "linked.png"]


def test_find_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="no image files"):
        images.find(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        images.find(tmp_path / "x")
    (tmp_path / "f.png").write_bytes(b"")
    with pytest.raises(InputError, match="is not a folder"):
        images.find(tmp_path / "f.png")


@pytest.mark.parametrize(
    ("shape", "long_side", "expected"),
    [
        ((100, 200), 100, (50, 100)),
        ((200, 100), 400, (400, 200)),
        ((1000, 20), 100, (100, 16)),
        ((30, 40), 40, (30, 40)),
    ],
)
def test_resize_keeps_the_aspect_ratio(shape, long_side, expected):
    rgb = np.full((*shape, 3), 77, np.uint8)
    result = images.resize(rgb, long_side=long_side)
    assert result.shape == (*expected, 3)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - 77).max() <= 1


def test_resize_does_not_alias_and_refuses_tiny():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(images.resize(stripes, long_side=16)[:, 4:-4]) < 40
    with pytest.raises(InputError):
        images.resize(stripes, long_side=15)


def test_pillow_round_trip():
    alpha = gradient()[..., 0]
    for frame in (Frame(gradient()), Frame(gradient(), alpha)):
        back = images.from_pil(images.to_pil(frame))
        np.testing.assert_array_equal(back.rgb, frame.rgb)
        assert (back.alpha is None) == (frame.alpha is None)
    assert images.to_pil(Frame(gradient(), alpha)).mode == "RGBA"


def test_errors_are_fststyle_errors():
    assert issubclass(InputError, FststyleError)
    assert issubclass(OutputError, FststyleError)


@pytest.mark.parametrize("lead", [b"", bytes((1 << 20) - 1000)])
def test_video_after_a_jpeg_is_named_without_xmp_data(tmp_path, lead):
    path = tmp_path / "in.jpg"
    Image.new("RGB", (32, 32)).save(path)
    assert images.read(path).lost == ()
    box = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42"
    path.write_bytes((path.read_bytes() + lead)[: (1 << 20) - 8] + box + bytes(100))
    assert images.read(path).lost == ("video of a motion photo",)


def test_other_sizes_of_an_icon_are_named(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "in.ico", sizes=[(16, 16), (32, 32), (64, 64)])
    read = images.read(tmp_path / "in.ico")
    assert (read.size, read.lost) == ((64, 64), ("2 further sizes",))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animated_avif_repeats_forever_in_other_formats(tmp_path, suffix):
    if not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    images.write(Picture([Frame(rgb, None, 50) for rgb in films(3)]), tmp_path / "a.avif")
    images.write(images.read(tmp_path / "a.avif"), tmp_path / f"a.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as image:
        assert image.info["loop"] == 0


def test_srgb_profile_that_the_format_does_not_hold_is_not_named(tmp_path):
    assert images.write(Picture([Frame(gradient())], SRGB), tmp_path / "a.bmp") == []
