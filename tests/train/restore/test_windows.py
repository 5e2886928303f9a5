"""Parts of the damage, their sizes and their scales."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.restore.windows import (
    LARGEST,
    SMALLEST,
    depth,
    halved,
    inpainted,
    parts,
    scale_count,
)


def hole_of(size, *boxes):
    hole = np.zeros(size, bool)
    for top, bottom, left, right in boxes:
        hole[top:bottom, left:right] = True
    return hole


def union(hole, found):
    total = np.zeros(hole.shape, int)
    for part in found:
        total[part.place] += part.hole
    return total


def test_every_damaged_pixel_is_in_exactly_one_part():
    rng = np.random.default_rng(0)
    hole = rng.random((150, 420)) < 0.002
    hole[70:74, 5:415] = True  # longer than the largest part
    found = parts(hole, 32)
    assert (union(hole, found) == hole).all()
    for part in found:
        rows, columns = (np.flatnonzero(part.hole.any(axis)) for axis in (1, 0))
        assert max(rows[-1] - rows[0], columns[-1] - columns[0]) < LARGEST


def test_distant_damage_is_apart_and_has_surroundings():
    hole = hole_of((200, 300), (10, 14, 10, 14), (150, 160, 250, 260))
    first, second = parts(hole, 40)
    assert first.place == (slice(0, 54), slice(0, 54))
    assert second.place == (slice(110, 200), slice(210, 300))


def test_near_damage_is_one_part():
    assert len(parts(hole_of((100, 100), (40, 44, 40, 44), (40, 44, 50, 54)), 32)) == 1


def test_a_part_has_the_smallest_side_where_the_image_has():
    (part,) = parts(hole_of((200, 40), (100, 102, 20, 22)), 16)
    assert part.hole.shape == (SMALLEST, 40)


def test_thin_cracks_have_one_scale_and_losses_several():
    crack, loss = hole_of((128, 128), (60, 63, 0, 128)), hole_of((128, 128), (40, 80, 40, 80))
    assert (depth(crack), scale_count(crack, 4)) == (pytest.approx(2, abs=0.1), 1)
    assert scale_count(loss, 4) == 3
    assert scale_count(loss, 2) == 2


def test_halving_takes_no_color_from_the_damage():
    rgb = np.full((65, 64, 3), 90, np.uint8)
    hole, spared = hole_of((65, 64), (20, 41, 20, 41)), hole_of((65, 64), (0, 3, 0, 3))
    rgb[hole | spared] = 255
    half, mine, left = halved(rgb, hole, spared)
    assert half.shape == (33, 32, 3)
    assert not (mine & left).any()
    assert (half[~(mine | left)] == 90).all()
    assert mine[12:18, 12:18].all()
    assert left[0, 0]
    assert mine.sum() == pytest.approx(hole.sum() / 4, rel=0.2)


def test_the_start_continues_the_edge():
    rgb = np.full((40, 40, 3), (200, 100, 50), np.uint8)
    hole = hole_of((40, 40), (10, 14, 0, 40))
    rgb[hole] = 0
    assert np.abs(inpainted(rgb, hole).astype(int) - (200, 100, 50)).max() <= 3
