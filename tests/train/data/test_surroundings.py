import pytest

torch = pytest.importorskip("torch")

from fststyle.train.data.surroundings import SURPLUS, surround  # noqa: E402


@pytest.mark.parametrize(("side", "surplus"), [(256, SURPLUS), (240, 96), (64, 32), (32, 16)])
def test_photo_has_a_random_place_in_the_padded_input(side, surplus):
    photo = torch.rand(2, 3, side, side)
    places = set()
    for seed in range(20):
        wide, (rows, columns) = surround(photo, torch.Generator().manual_seed(seed))
        assert wide.shape == (2, 3, side + surplus, side + surplus)
        assert torch.equal(wide[..., rows, columns], photo)
        places.add((rows.start, columns.start))
    assert len(places) > 10


def test_padding_is_the_reflection_of_the_photo():
    photo = torch.rand(1, 3, 64, 64)
    wide, (rows, columns) = surround(photo, torch.Generator().manual_seed(3))
    assert rows.start > 0
    assert torch.equal(wide[..., rows.start - 1, columns], photo[..., 1, :])
