"""Control values: their ranges, and refused values."""

import math

import pytest

from fststyle.errors import InputError
from fststyle.runtime.webcam.controls.values import RANGES, Controls, Range, ReportOnce, Values


@pytest.fixture
def controls():
    return Controls(Values("invert"), ["invert", "great-wave", "udnie"])


def test_numbers_in_their_range_are_set(controls):
    for name, value in (("strength", 2), ("mix", 0.5), ("brush", 8.0), ("steadiness", 0), ("sound", 1)):
        controls.set(name, value)
        assert getattr(controls.values, name) == value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -0.01, 2.01, 10**400, "0.5", "", None, True, b"1", [], [0.5], {}, 1j],
)
def test_other_values_are_refused(controls, value):
    for name in RANGES:
        before = controls.values
        if isinstance(value, float | int) and value == 2.01 and name == "brush":
            continue
        with pytest.raises(InputError):
            controls.set(name, value)
        with pytest.raises(InputError):
            controls.set_position(name, value)
        assert controls.values == before


@pytest.mark.parametrize(
    "style", ["missing", "/etc/passwd", "../udnie", "", 0, 4, -1, 1.5, math.nan, None, True]
)
def test_styles_that_are_not_in_the_list_are_refused(controls, style):
    with pytest.raises(InputError):
        controls.set("style", style)
    assert controls.values.style == "invert"


def test_styles_are_set_by_name_and_number(controls):
    controls.set("style", "Great_Wave")
    assert controls.values.style == "great-wave"
    controls.set("second", 3.0)
    assert controls.values.second == "udnie"


def test_first_style_may_be_set_again_although_it_is_not_in_the_list():
    controls = Controls(Values("own/mine.onnx"), ["udnie"])
    controls.set("style", 1)
    controls.set("style", "own/mine.onnx")
    assert controls.values.style == "own/mine.onnx"


def test_fader_covers_the_range(controls):
    controls.set_position("strength", 1)
    assert controls.values.strength == 2
    controls.set_position("brush", 0.4)
    assert controls.values.brush == pytest.approx(1.0)
    for share, style in ((0, "invert"), (0.34, "great-wave"), (1, "udnie")):
        controls.set_position("style", share)
        assert controls.values.style == style


@pytest.mark.parametrize("name", ["strenght", "next", ""])
def test_names_without_a_range_have_no_fader(controls, name):
    with pytest.raises(
        InputError, match=rf"^'{name}' cannot be controlled by a fader; use one of style, .*sound$"
    ):
        controls.set_position(name, 0.5)


def test_fader_cannot_select_from_an_empty_list():
    controls = Controls(Values("udnie"), [])
    with pytest.raises(InputError, match=r"^there are no styles to select$"):
        controls.set_position("style", 0.5)


def test_number_cannot_select_from_an_empty_list():
    controls = Controls(Values("udnie"), [])
    with pytest.raises(InputError, match=r"^there are no styles to select$"):
        controls.set("style", 1)
    controls.set("style", "udnie")


def test_logarithmic_range_has_equal_ratios():
    assert Range(0.25, 8, logarithmic=True).at(0.5) == pytest.approx(math.sqrt(2))


def test_steps_go_round_the_list(controls):
    controls.change(mix=0.7)
    controls.run_action("previous")
    assert (controls.values.style, controls.values.mix) == ("udnie", 0)
    controls.run_action("next")
    assert controls.values.style == "invert"
    with pytest.raises(InputError):
        controls.run_action("jump")


def test_step_from_a_style_outside_of_the_list_goes_to_its_ends():
    controls = Controls(Values("mine.onnx"), ["a", "b", "c"])
    assert (controls.neighbor("mine.onnx", 1), controls.neighbor("mine.onnx", -1)) == ("a", "c")


def test_sound_is_mixed_with_the_own_value(controls):
    controls.followed = lambda: {"strength": 0.5}
    assert controls.current().strength == 0.5
    controls.set("sound", 0.5)
    assert controls.current().strength == 0.75
    controls.set("sound", 0)
    assert controls.current().strength == 1


def test_each_problem_is_reported_once_and_not_without_end():
    said: list[str] = []
    once = ReportOnce(said.append)
    for number in range(1000):
        once(f"kind {number % 500}", f"problem {number}")
    assert said[:2] == ["problem 0", "problem 1"]
    assert len(said) == ReportOnce.MAX_KINDS + 1
    assert said[-1] == "further problems are not reported"
