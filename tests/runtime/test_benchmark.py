"""Measurement of frames per second."""

import json

import pytest

from fststyle.errors import InputError, StyleError
from fststyle.runtime.benchmark import Speed, largest_at, measure
from fststyle.runtime.settings import SpeedSettings


@pytest.mark.usefixtures("style_folder")
def test_measures_sizes_in_ascending_order():
    heard = []
    found = list(measure(["norm"], ["48x32", "32x24"], SpeedSettings(device="cpu", frames=2), heard.append))
    assert [(s.style, s.width, s.height, s.device) for s in found] == [
        ("norm", 32, 24, "cpu"),
        ("norm", 48, 32, "cpu"),
    ]
    assert all(s.ms > 0 and s.fps == pytest.approx(1000 / s.ms) for s in found)
    assert heard == ["norm float 32x24", "norm float 48x32"]


@pytest.mark.usefixtures("style_folder")
def test_bad_values_are_refused():
    for size in ("wide", "8x8", "100", "99999x20"):
        with pytest.raises(InputError):
            list(measure(["norm"], [size]))
    with pytest.raises(StyleError):
        list(measure(["nothing"], ["32x32"]))


def test_largest_at_is_the_largest_size_that_is_fast_enough():
    speeds = [
        Speed("a", "fp32", "cpu", "CPU", width, width, ms)
        for width, ms in ((100, 10.0), (200, 33.0), (300, 34.0))
    ]
    assert largest_at(speeds).width == 200
    assert largest_at(speeds, fps=200) is None


@pytest.mark.usefixtures("style_folder")
def test_program(program):
    done = program("bench", "norm", "--size", "32x24", "--frames", "1", "--device", "cpu", "--json")
    assert done.returncode == 0
    (row,) = json.loads(done.stdout)
    assert (row["style"], row["provider"], row["width"]) == ("norm", "CPUExecutionProvider", 32)
    assert b"30 fps at" in program("bench", "norm", "--size", "32x24", "--frames", "1").stdout
    assert program("bench", "norm", "--size", "tiny").returncode == 2
