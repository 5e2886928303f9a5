import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import fststyle
from fststyle.errors import DeviceError, InputError, StyleError
from fststyle.io import images
from fststyle.io.pixels import VISIBLE_ALPHA, Frame, uncovered
from fststyle.runtime import tiles
from fststyle.runtime.image import stylize, stylize_picture
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import load_style
from tests import styles

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

pytestmark = pytest.mark.usefixtures("style_folder")


def test_array_in_array_out() -> None:
    photo = styles.photo(33, 47)
    np.testing.assert_array_equal(stylize(photo, "invert"), 255 - photo)


def test_alpha_of_an_array_is_kept() -> None:
    photo = np.dstack((styles.photo(20, 30), styles.photo(20, 30)[..., 0]))
    painted = stylize(photo, "invert")
    seen = photo[..., 3] >= VISIBLE_ALPHA
    assert seen.mean() > 0.5
    np.testing.assert_array_equal(painted[seen, :3], 255 - photo[seen, :3])
    np.testing.assert_array_equal(painted[..., 3], photo[..., 3])


@pytest.mark.parametrize("size", [None, 45])
def test_transparent_pixels_do_not_affect_the_result(size: int | None) -> None:
    """Instance norm depends on the whole image, and scaling mixes neighboring pixels."""
    photo, alpha = styles.photo(24, 32), np.full((24, 32), 255, np.uint8)
    alpha[:, 20:] = 0
    black, white = (
        np.dstack((np.where(alpha[..., None] == 0, np.uint8(hidden), photo), alpha)) for hidden in (0, 255)
    )
    painted = stylize(black, "norm", size=size)
    np.testing.assert_array_equal(painted, stylize(white, "norm", size=size))
    assert not np.array_equal(
        painted[:, :20], stylize(np.ascontiguousarray(black[..., :3]), "norm", size=size)[:, :20]
    )


def test_transparent_pixels_get_the_nearest_visible_color() -> None:
    rgb, alpha = styles.photo(20, 30), np.full((20, 30), 255, np.uint8)
    alpha[:, 10:] = 0
    filled = uncovered(Frame(rgb, alpha)).rgb
    np.testing.assert_array_equal(filled[:, :10], rgb[:, :10])
    np.testing.assert_array_equal(filled[:, 10:], np.repeat(rgb[:, 9:10], 20, axis=1))
    for unchanged in (
        Frame(rgb),
        Frame(rgb, np.zeros_like(alpha)),
        Frame(rgb, np.full_like(alpha, VISIBLE_ALPHA)),
    ):
        assert uncovered(unchanged) is unchanged


def test_every_input_type_gives_a_pillow_image(tmp_path: Path) -> None:
    photo = styles.photo(20, 30)
    path = tmp_path / "p.png"
    Image.fromarray(photo).save(path)
    for given in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), Image.fromarray(photo)):
        painted = stylize(given, "invert")
        assert isinstance(painted, Image.Image)
        np.testing.assert_array_equal(np.array(painted), 255 - photo)


def test_profile_is_kept(tmp_path: Path) -> None:
    Image.fromarray(styles.photo(20, 30)).save(tmp_path / "p.png", icc_profile=SRGB)
    stylize(tmp_path / "p.png", "invert").save(tmp_path / "q.png")
    assert images.read(tmp_path / "q.png").icc == SRGB


def test_loaded_style_is_reused() -> None:
    style = load_style("invert", "cpu")
    photo = styles.photo(20, 30)
    np.testing.assert_array_equal(stylize(photo, style), stylize(photo, style))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 16), (101, 67), (16, 300), (64, 63)])
def test_size_equals_that_of_the_photo(height: int, width: int) -> None:
    assert stylize(styles.photo(height, width), "norm").shape == (height, width, 3)


def test_requested_size() -> None:
    photo = np.dstack((styles.photo(60, 90), np.full((60, 90), 7, np.uint8)))
    painted = stylize(photo, "invert", size=45)
    assert painted.shape == (30, 45, 4)
    assert (painted[..., 3] == 7).all()


def test_strength() -> None:
    photo = styles.photo(30, 40)
    np.testing.assert_array_equal(stylize(photo, "invert", strength=0.0), photo)
    half = stylize(photo, "invert", strength=0.5).astype(int)
    assert np.abs(half - 127.5).max() <= 1
    quarter = stylize(photo, "invert", strength=0.25)
    np.testing.assert_allclose(quarter, 0.75 * photo + 0.25 * (255 - photo), atol=0.51)


def test_keep_colors_combines_luma_and_chroma() -> None:
    photo = styles.photo(40, 60, seed=1)
    luma = np.array([0.299, 0.587, 0.114])
    kept = stylize(photo, "invert", keep_colors=True).astype(float)
    np.testing.assert_allclose(kept @ luma, (255 - photo) @ luma, atol=1.0)
    # The same hue: the chroma of each pixel has the same direction as before.
    before, after = photo - (photo @ luma)[..., None], kept - (kept @ luma)[..., None]
    strong = np.linalg.norm(after, axis=2) > 20
    cosine = (before * after).sum(2) / np.maximum(
        np.linalg.norm(before, axis=2) * np.linalg.norm(after, axis=2), 1e-6
    )
    assert strong.any()
    assert cosine[strong].min() > 0.99


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255), (255, 255, 0)])
def test_keep_colors_stays_in_range(color: tuple[int, int, int]) -> None:
    photo = np.full((16, 16, 3), color, np.uint8)
    kept = stylize(photo, "invert", keep_colors=True).astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(kept @ luma, (255 - photo) @ luma, atol=1.0)


def test_tiles_are_used_and_do_not_change_the_result() -> None:
    photo = styles.photo(200, 300)
    whole, tiled = stylize(photo, "norm", tile="off"), stylize(photo, "norm", tile="64")
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_auto_tiles_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    monkeypatch.setattr(tiles.memory, "limit", lambda: 1)
    paint = tiles.TiledStyle.__call__
    monkeypatch.setattr(
        tiles.TiledStyle,
        "__call__",
        lambda self, frame, side, on_tile=None: used.append(side) or paint(self, frame, side, on_tile),
    )
    stylize(styles.photo(300, 400), "norm")
    assert used == [256]


def test_animations_keep_durations(tmp_path: Path) -> None:
    frames = [images.Frame(styles.photo(20, 30, seed), None, 40 * (seed + 1)) for seed in range(3)]
    painted = stylize_picture(
        images.Picture(frames, None, "GIF", 0), load_style("invert", "cpu"), ImageSettings()
    )
    assert [frame.duration_ms for frame in painted.frames] == [40, 80, 120]
    assert (painted.format, painted.loop) == ("GIF", 0)
    np.testing.assert_array_equal(painted.frames[2].rgb, 255 - frames[2].rgb)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"strength": 2.1}, "--strength"),
        ({"strength": "full"}, "--strength"),
        ({"strength": float("nan")}, "--strength"),
        ({"size": 8}, "--size"),
        ({"quality": 0}, "--quality"),
        ({"tile": "maybe"}, "--tile"),
        ({"color": 1}, "no such setting"),
    ],
)
def test_bad_settings(settings: dict, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        stylize(styles.photo(20, 20), "invert", **settings)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 3)),
        np.zeros((8, 8, 3), np.uint8),
        "missing.jpg",
        b"",
        b"text",
    ],
)
def test_bad_images(image: object) -> None:
    with pytest.raises(InputError):
        stylize(image, "invert")  # type: ignore[call-overload]


def test_errors_of_style_and_device() -> None:
    with pytest.raises(StyleError, match="did you mean invert"):
        stylize(styles.photo(20, 20), "inverd")
    with pytest.raises(DeviceError):
        stylize(styles.photo(20, 20), "invert", device="quantum")


def test_out_of_memory_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    style = load_style("invert", "cpu")

    class Full:
        def run(self, *_: object) -> None:
            raise RuntimeError("Failed to allocate memory for requested buffer")

    monkeypatch.setattr(style, "_session", Full())
    with pytest.raises(InputError, match="30x20 pixels need more memory"):
        stylize(styles.photo(20, 30), style)


def test_public_names() -> None:
    assert fststyle.stylize is stylize
    assert fststyle.load_style is load_style
    assert fststyle.__version__[0].isdigit()
    assert set(fststyle.__all__) <= set(dir(fststyle))
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        _ = fststyle.paint
