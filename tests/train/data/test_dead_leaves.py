from itertools import pairwise

import numpy as np
import pytest

from fststyle.errors import InputError
from fststyle.train.data.dead_leaves import scene


def _slope(gray):
    """Slope of the power spectrum over the frequency, both logarithmic. It is about -2 for photos."""
    window = np.outer(*[np.hanning(gray.shape[0])] * 2)
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(gray.shape[0])] * 2))
    edges = np.geomspace(4 / gray.shape[0], 0.4, 10)
    bands = [power[(frequency >= low) & (frequency < high)].mean() for low, high in pairwise(edges)]
    return np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(bands), 1)[0]


@pytest.mark.parametrize("size", [16, 33, 128])
def test_shape_and_repeatable(size):
    one = scene(3, size)
    assert one.shape == (size, size, 3)
    assert one.dtype == np.uint8
    assert one.flags.c_contiguous
    np.testing.assert_array_equal(one, scene(3, size))
    assert not np.array_equal(one, scene(4, size))


def test_generator_is_advanced():
    rng = np.random.default_rng(3)
    first, second = scene(rng, 64), scene(rng, 64)
    np.testing.assert_array_equal(first, scene(3, 64))
    assert not np.array_equal(first, second)


def test_statistics_are_those_of_photos():
    """Bounds around the values of 48 photos of BSDS at 256 pixels: gradient 11.8, slope -2.6, mean 108,
    spread 45, saturation 42.
    """
    scenes = [scene(seed, 256).astype(np.float32) for seed in range(16)]
    gray = [s.mean(2) for s in scenes]
    gradient = [np.hypot(np.diff(g, axis=1)[:-1], np.diff(g, axis=0)[:, :-1]).mean() for g in gray]
    assert 6 < np.mean(gradient) < 20
    assert -3.1 < np.mean([_slope(g) for g in gray]) < -2.0
    assert 80 < np.mean([g.mean() for g in gray]) < 140
    assert 30 < np.mean([g.std() for g in gray]) < 60
    assert min(g.std() for g in gray) > 12
    assert 20 < np.mean([(s.max(2) - s.min(2)).mean() for s in scenes]) < 70


def test_too_small_is_refused():
    with pytest.raises(InputError, match="16 pixels"):
        scene(0, 15)
