"""`fststyle image` at the command line: its output, its files and its exit code."""

import io
import json
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image, features

from fststyle.io import images
from tests import styles

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.usefixtures("style_folder")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.fromarray(styles.photo(24, 40)).save(path)
    return path


def png(width: int, height: int) -> bytes:
    """A PNG file whose header states any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def pixels(path: Path) -> np.ndarray:
    return images.read(path).frames[0].rgb


def left(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(done: "subprocess.CompletedProcess[bytes]", *words: str, code: int = 2) -> None:
    error = done.stderr.decode()
    assert done.returncode == code, error
    assert done.stdout == b""
    assert error.startswith("fststyle: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error


def test_paints_a_file(program: Program, photo: Path, tmp_path: Path) -> None:
    done = program("image", photo, "-s", "invert", "-o", "out/painted.png")
    assert (done.returncode, done.stdout) == (0, b"")
    np.testing.assert_array_equal(pixels(tmp_path / "out/painted.png"), 255 - pixels(photo))
    assert left(tmp_path) == {"cat.png", "out/painted.png"}


def test_further_pages_are_reported(program: Program, photo: Path, tmp_path: Path) -> None:
    page = Image.open(photo)
    page.save(tmp_path / "fax.tif", save_all=True, append_images=[page, page])
    done = program("image", tmp_path / "fax.tif", "-s", "invert", "-o", tmp_path / "out.png")
    assert done.returncode == 0
    assert "fax.tif: not in the output: 2 further pages" in " ".join(done.stderr.decode().split())


def test_metadata_is_kept_and_what_is_lost_is_named(program: Program, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8825] = 6, "Nikon", {1: "N"}
    Image.fromarray(styles.photo(24, 40)).save(tmp_path / "in.jpg", exif=exif)
    assert program("image", "in.jpg", "-s", "invert", "-o", "out.jpg", "--json").stderr == b""
    with Image.open(tmp_path / "out.jpg") as image:
        data = image.getexif()
        assert (image.size, data[0x0112], data[0x010F], data.get_ifd(0x8825)) == (
            (24, 40),
            1,
            "Nikon",
            {1: "N"},
        )
    done = program("image", "in.jpg", "-s", "invert", "-o", "out.bmp", "--json")
    assert json.loads(done.stdout)[0]["lost"] == ["EXIF data"]
    assert done.stderr.decode() == "in.jpg: not in the output: EXIF data\n"
    done = program("image", "in.jpg", "-s", "invert", "-o", "bare.jpg", "--strip-metadata", "--json")
    assert (done.stderr, json.loads(done.stdout)[0]["lost"]) == (b"", [])
    with Image.open(tmp_path / "bare.jpg") as image:
        assert not image.getexif()


def test_lossless_webp_stays_lossless(program: Program, photo: Path, tmp_path: Path) -> None:
    Image.open(photo).save(tmp_path / "in.webp", lossless=True)
    for name, *options in (("a.webp",), ("b.webp", "--no-lossless"), ("c.png",)):
        assert program("image", "in.webp", "-s", "invert", "-o", name, *options).returncode == 0
        same = np.array_equal(pixels(tmp_path / name), 255 - pixels(photo))
        assert same is (name != "b.webp")
    assert program("image", "cat.png", "-s", "invert", "-o", "d.webp", "--lossless").returncode == 0
    np.testing.assert_array_equal(pixels(tmp_path / "d.webp"), 255 - pixels(photo))
    refused(
        program("image", "cat.png", "-s", "invert", "-o", "e.jpg", "--lossless"),
        "e.jpg",
        "output is not supported",
    )
    assert not (tmp_path / "e.jpg").exists()


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_animated_avif_without_an_output(program: Program, photo: Path, tmp_path: Path) -> None:
    first = Image.open(photo)
    others = [first.rotate(180), first.transpose(Image.Transpose.FLIP_LEFT_RIGHT), first, first.rotate(180)]
    first.save(tmp_path / "anim.avif", save_all=True, append_images=others, duration=80)
    done = program("image", "anim.avif", "-s", "invert")
    assert done.returncode == 0, done.stderr
    painted = images.read(tmp_path / "anim-invert.avif")
    assert [frame.duration_ms for frame in painted.frames] == [80] * 5
    for before, after in zip(images.read(tmp_path / "anim.avif").frames, painted.frames, strict=True):
        assert np.abs(255 - before.rgb.astype(int) - after.rgb).mean() < 4


def test_default_output_name_is_reported(program: Program, photo: Path, tmp_path: Path) -> None:
    done = program("image", "cat.png", "-s", "invert")
    assert b"cat-invert.png  40x24" in done.stderr
    assert left(tmp_path) == {"cat.png", "cat-invert.png"}


def test_json_is_the_only_output(program: Program, photo: Path) -> None:
    done = program("image", "cat.png", "-s", "invert", "-o", "x.png", "--json", "--device", "cpu")
    assert done.stderr == b""
    [painted] = json.loads(done.stdout)
    assert isinstance(painted.pop("seconds"), float)
    assert painted == {
        "input": "cat.png",
        "output": "x.png",
        "width": 40,
        "height": 24,
        "style": "invert",
        "device": "cpu",
        "pages_left": 0,
        "lost": [],
    }


def test_pipe(program: Program, photo: Path, tmp_path: Path) -> None:
    done = program("image", "-", "-s", "invert", input=photo.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.array(image), 255 - pixels(photo))
    assert program("image", "cat.png", "-s", "invert", "-o", "-").stdout == done.stdout
    assert left(tmp_path) == {"cat.png"}


def test_folder(program: Program, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("in/a.png", "in/deep/b.jpg"):
        Image.fromarray(pixels(photo)).save(tmp_path / name)
    done = program("image", "in", "-o", "out", "-s", "norm", "--json")
    assert done.returncode == 0
    assert [entry["output"] for entry in json.loads(done.stdout)] == [
        str(Path("out/a.png")),
        str(Path("out/deep/b.jpg")),
    ]
    assert left(tmp_path / "out") == {"a.png", "deep/b.jpg"}


def test_settings_change_the_result(program: Program, photo: Path, tmp_path: Path) -> None:
    assert (
        program(
            "image",
            "cat.png",
            "-s",
            "invert",
            "--strength",
            "0",
            "--size",
            "20",
            "--tile",
            "64",
            "--keep-colors",
            "-o",
            "x.png",
        ).returncode
        == 0
    )
    assert images.read(tmp_path / "x.png").size == (16, 20)


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"this is no image", "not an image"),
    "truncated": (None, "damaged"),
    "small": (png(1, 1), "too small"),
    "bomb": (png(60_000, 60_000), "pixels"),
    "wide": (png(50_000, 16), "damaged"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_picture(program: Program, photo: Path, tmp_path: Path, kind: str) -> None:
    content, problem = BAD[kind]
    (tmp_path / "bad.png").write_bytes(photo.read_bytes()[:400] if content is None else content)
    refused(program("image", "bad.png", "-s", "invert", "-o", "out.png"), "bad.png", problem)
    assert left(tmp_path) == {"cat.png", "bad.png"}


@pytest.mark.parametrize("kind", ["data", "samples"])
def test_damaged_tiff_gives_one_line(program: Program, tmp_path: Path, kind: str) -> None:
    """libtiff and the log of Pillow would also write to stderr. libtiff ignores damaged rows of a fax."""
    path = tmp_path / "fax.tif"
    noise = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(bool)
    if kind == "data":
        Image.fromarray(noise).save(path, compression="group4")
    else:
        Image.fromarray(styles.photo(64, 64)).save(path)
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        start = image.tag_v2[273][0]
    if kind == "data":
        content[start + 40 : start + 200] = b"\xff" * 160
    else:
        samples = struct.pack("<HHIHH", 277, 3, 1, 3, 0)
        assert samples in content
        content = content.replace(samples, struct.pack("<HHIHH", 277, 3, 1, 55218, 0))
    path.write_bytes(content)
    done = program("image", "fax.tif", "-s", "invert", "-o", "out.png", "--json")
    if kind == "samples":
        refused(done, "fax.tif")
    else:
        assert json.loads(done.stdout)[0]["lost"] == ["damaged parts of the image"]
        assert done.stderr.decode() == "fax.tif: not in the output: damaged parts of the image\n"


def test_missing_picture(program: Program, tmp_path: Path) -> None:
    refused(program("image", "none.jpg", "-s", "invert"), "none.jpg", "no such file")
    assert left(tmp_path) == set()


def test_output_as_second_argument_is_refused_with_a_hint(
    program: Program, photo: Path, tmp_path: Path
) -> None:
    done = program("image", photo, tmp_path / "out.png")
    refused(done, f"image {photo} -o {tmp_path / 'out.png'}")
    assert left(tmp_path) == {photo.name}


def test_picture_50000_pixels_wide(program: Program, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 50_000, 3), np.uint8)).save(tmp_path / "wide.png")
    done = program("image", "wide.png", "-s", "norm", "-o", "out.png", "--tile", "2048")
    assert done.returncode == 0, done.stderr
    assert images.read(tmp_path / "out.png").size == (16, 50_000)
    # An output that the format of the input does not support is refused, and no incomplete file remains.
    refused(program("image", "wide.png", "-s", "invert", "-o", "out.webp"), "out.webp", "16383")
    assert left(tmp_path) == {"wide.png", "out.png"}


def test_folder_without_images(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(program("image", "empty", "-s", "invert"), "empty", "no image files")


def test_unwritable_output(program: Program, photo: Path, tmp_path: Path) -> None:
    refused(program("image", "cat.png", "-s", "invert", "-o", "cat.png/x.png"), "cat.png", "is a file")
    refused(program("image", "cat.png", "-s", "invert", "-o", "cat.png"), "would be overwritten")
    refused(program("image", "cat.png", "-s", "invert", "-o", "x.doc"), "x.doc", ".png")
    assert left(tmp_path) == {"cat.png"}


def test_unknown_style(program: Program, photo: Path) -> None:
    refused(program("image", "cat.png", "-s", "invrt"), "'invrt'", "did you mean invert?")


def test_foreign_onnx(program: Program, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign.onnx").write_bytes(
        styles.model([helper.make_node("Identity", ["x"], ["y"])], given="x", made="y")
    )
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x08rubbish")
    refused(
        program("image", "cat.png", "-s", "foreign.onnx"), "foreign.onnx: foreign is not an fststyle style"
    )
    refused(program("image", "cat.png", "-s", "broken.onnx"), "broken.onnx: broken cannot be used")
    refused(program("image", "cat.png", "-s", "missing.onnx"), "missing.onnx", "no such file")


def test_unavailable_device_is_refused(program: Program, photo: Path) -> None:
    refused(program("image", "cat.png", "-s", "invert", "--device", "dml"), "dml", "onnxruntime-directml")
    refused(program("image", "cat.png", "-s", "invert", "--device", "toaster"), "toaster", "cpu")


@pytest.mark.parametrize(
    "arguments",
    [
        ("image",),
        ("image", "cat.png", "--bogus"),
        ("image", "cat.png", "--strength", "3"),
        ("image", "cat.png", "--size", "many"),
        ("paint",),
    ],
)
def test_usage_errors_are_one_line(program: Program, photo: Path, arguments: tuple[str, ...]) -> None:
    refused(program(*arguments))


def test_rest_of_a_batch_is_stylized_after_an_error(program: Program, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"bad")
    done = program("image", "bad.png", "none.png", "cat.png", "-s", "invert", "-o", "out", "--json")
    assert done.returncode == 1
    assert [entry["input"] for entry in json.loads(done.stdout)] == ["cat.png"]
    lines = done.stderr.decode().splitlines()
    assert [line.split(":")[1].strip() for line in lines[:-1]] == ["none.png", "bad.png"]
    assert lines[-1] == "fststyle: 2 of 3 images failed"
    assert left(tmp_path) == {"cat.png", "bad.png", "out/cat.png"}


def test_conflicting_pipes_are_refused(program: Program, photo: Path) -> None:
    refused(program("image", "cat.png", "-s", "invert", "-o", "-", "--json"), "stdout")
    refused(program("image", "-", "-s", "invert", "-o", "-"), "stdin", "empty")


@pytest.mark.parametrize("arguments", [("image", ""), ("image", "cat.png", "-o", "")])
def test_empty_name_is_refused(program: Program, photo: Path, arguments: tuple[str, ...]) -> None:
    refused(program(*arguments), "empty")


def test_size_beyond_all_memory_is_refused(program: Program, photo: Path) -> None:
    refused(program("image", "cat.png", "-s", "invert", "--size", "65535"), "65535")


def test_checkpoint_and_picture_are_refused_as_style(program: Program, photo: Path, tmp_path: Path) -> None:
    refused(program("image", "cat.png", "-s", "starry.pt"), "export")
    refused(program("image", "cat.png", "-s", "cat.png"), ".onnx")


def test_train_without_a_style_is_refused(program: Program, tmp_path: Path) -> None:
    refused(program("train"), "Missing option '--style'")
    assert b"MISSING" not in program("train", "--help").stdout
