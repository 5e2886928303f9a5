import numpy as np
import pytest

import fststyle
from fststyle.runtime import brush
from tests import styles


def identity(photo: np.ndarray) -> np.ndarray:
    return photo.copy()


@pytest.mark.parametrize(
    ("size", "shape"), [(2.0, (40, 60, 3)), (0.5, (40, 60, 3)), (4.0, (17, 200, 3)), (1.3, (33, 47, 3))]
)
def test_copy_is_smaller_or_larger_and_the_result_has_the_size_of_the_photo(
    size: float, shape: tuple[int, int, int]
) -> None:
    seen: list[tuple[int, ...]] = []

    def paint(copy: np.ndarray) -> np.ndarray:
        seen.append(copy.shape)
        return copy

    result = brush.stylize_with_brush(size, paint, styles.photo(*shape[:2]))
    assert result.shape == shape
    assert result.dtype == np.uint8
    assert seen == [(max(16, round(shape[0] / size)), max(16, round(shape[1] / size)), 3)]


def test_brush_1_stylizes_the_photo_itself() -> None:
    photo = styles.photo(40, 60)
    assert np.array_equal(brush.stylize_with_brush(1.0, identity, photo), photo)


def test_edges_of_the_photo_stay_sharp() -> None:
    photo = np.full((160, 160, 3), 60, np.uint8)
    photo[:, 80:] = 190
    softened = brush.stylize_with_brush(4.0, identity, photo).astype(int)
    step = np.abs(np.diff(softened[80, :, 0])).max()
    assert step > 0.7 * 130  # enlarged without the photo's detail it is 0.3
    assert np.abs(softened - photo).mean() < 3


def test_unrelated_result_gets_no_detail_of_the_photo() -> None:
    photo = styles.photo(160, 160)
    flat = brush.stylize_with_brush(4.0, lambda copy: np.full_like(copy, 99), photo)
    assert (flat == 99).all()


def test_brush_grows_with_large_pictures_only() -> None:
    assert brush.brush_size(None, 480, 640) == 1
    assert brush.brush_size(None, 2 * brush.REFERENCE_SIDE, 9000) == 2
    assert brush.brush_size(0.5, 4000, 4000) == 0.5


def test_stylize_takes_a_brush(style_folder) -> None:
    photo = styles.photo(64, 96)
    assert np.array_equal(fststyle.stylize(photo, "invert", brush=1), 255 - photo)
    assert fststyle.stylize(photo, "invert", brush=2).shape == photo.shape
    with pytest.raises(fststyle.errors.InputError, match="brush"):
        fststyle.stylize(photo, "invert", brush=0.01)
