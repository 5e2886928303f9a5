import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.generative.divergence import PATIENCE, DivergenceMonitor


def heard(values):
    said = []
    watch = DivergenceMonitor({"low": (0.1, "too low")}, {"high": (5.0, "too high")}, said.append)
    for low, high in values:
        watch({"low": low, "high": high})
    return said


def test_warns_once_about_a_loss_out_of_range():
    assert heard([(0.01, 1.0)] * 3 * PATIENCE) == ["warning: too low"]
    assert heard([(1.0, 9.0)] * 3 * PATIENCE) == ["warning: too high"]


def test_short_deviation_gives_no_warning():
    assert heard([(1.0, 1.0)] * 3 * PATIENCE) == []
    assert heard([(0.01, 9.0)] * (PATIENCE - 1)) == []
    assert heard([(1.0, 1.0)] * PATIENCE + [(0.0, 9.0)] * (PATIENCE // 10) + [(1.0, 1.0)] * PATIENCE) == []
    assert heard([(1.0, float("nan")), (float("inf"), 1.0)] + [(1.0, 1.0)] * PATIENCE) == []
