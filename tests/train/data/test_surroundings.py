import pytest

torch = pytest.importorskip("torch")

from fststyle.train.data.surroundings import SURPLUS, random_window, surplus  # noqa: E402


@pytest.mark.parametrize(("side", "expected"), [(512, SURPLUS), (256, SURPLUS), (64, 48), (32, 16), (16, 16)])
def test_small_windows_have_smaller_surroundings(side, expected):
    assert surplus(side) == expected


def test_window_is_at_a_random_place_inside():
    starts = set()
    for seed in range(50):
        rows, columns = random_window(32, 80, torch.Generator().manual_seed(seed))
        assert rows.stop - rows.start == columns.stop - columns.start == 32
        assert min(rows.start, columns.start) >= 0
        assert max(rows.stop, columns.stop) <= 80
        starts.add((rows.start, columns.start))
    assert len(starts) > 40


def test_window_of_the_whole_square_is_the_square():
    assert random_window(32, 32, torch.Generator().manual_seed(0)) == (slice(0, 32), slice(0, 32))
