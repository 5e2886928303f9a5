"""Keyframes of styles and strengths as a function of time."""

import pytest

from fststyle.errors import InputError
from fststyle.runtime.video.keyframes import change, parse, parse_seconds


def near(shares, wanted):
    assert shares == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4", 4),
        ("4s", 4),
        (" 1.5 s ", 1.5),
        ("500ms", 0.5),
        ("2m", 120),
        ("1:30", 90),
        ("0:01:30.5", 90.5),
        ("1:00:00", 3600),
    ],
)
def test_times(text, seconds):
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1", "1:2:3:4", "1:30m", "4h", "nan", "1e9", "four"])
def test_invalid_times_are_refused(text):
    with pytest.raises(InputError, match="not a time"):
        parse_seconds(text)


def test_one_style_and_one_strength_are_constant():
    line = parse("candy", "0.6")
    assert not line.moves
    assert line(0) == line(1e6) == ({"candy": 1.0}, 0.6)
    near(parse("a:3,b:1")(5)[0], {"a": 0.75, "b": 0.25})


def test_transition_takes_the_duration_of_the_fade():
    line = parse("a@0, b@4s, c@8s", fade=2)
    assert line.names == ["a", "b", "c"]
    assert line.moves
    for seconds, shares in (
        (0, {"a": 1}),
        (4, {"a": 1}),
        (4.5, {"a": 0.75, "b": 0.25}),
        (6, {"b": 1}),
        (9, {"b": 0.5, "c": 0.5}),
        (99, {"c": 1}),
    ):
        near(line(seconds)[0], shares)


def test_fade_ends_at_the_next_key_and_zero_is_a_cut():
    near(parse("a@0,b@1,c@2", fade=10)(1.5)[0], {"a": 0.5, "b": 0.5})
    near(parse("a@0,b@1,c@2", fade=10)(2)[0], {"b": 1})
    assert parse("a@0,b@1", fade=0)(0.999)[0] == {"a": 1}
    assert parse("a@0,b@1", fade=0)(1)[0] == {"b": 1}


def test_first_key_holds_before_its_time():
    line = parse("a@2,b@3", "0.5@1,1@2", fade=0)
    assert line(0) == ({"a": 1}, 0.5)
    assert line(1.5) == ({"a": 1}, 0.75)
    assert line(9) == ({"b": 1}, 1)


def test_keyframes_accept_mixtures_and_files(tmp_path):
    line = parse("a:0.6, b:0.4 @ 0, my/c.onnx@4s", fade=1)
    near(line(4.5)[0], {"a": 0.3, "b": 0.2, "my/c.onnx": 0.5})
    odd = tmp_path / "x@4"
    odd.touch()
    assert parse(str(odd))(0)[0] == {str(odd): 1}


def test_keyframes_from_files(tmp_path):
    (tmp_path / "k.json").write_text(
        '[{"time": 0, "style": "a", "strength": 0}, {"time": "0:02", "strength": 1}, {"time": 4.0, "style":'
        ' "b"}]'
    )
    (tmp_path / "k.csv").write_text("time,style,strength\n0, a, 0\n2s,,1\n4,b,\n")
    for name in ("k.json", "k.csv"):
        line = parse("unused", keyframes=tmp_path / name, fade=2)
        assert line(0) == ({"a": 1}, 0)
        assert line(1) == ({"a": 1}, 0.5)
        assert line(5) == ({"a": 0.5, "b": 0.5}, 1)
    (tmp_path / "strength.csv").write_text("time,strength\n0,0\n2,2\n")
    assert parse("kept", keyframes=tmp_path / "strength.csv")(1) == ({"kept": 1}, 1)


@pytest.mark.parametrize(
    ("style", "strength"),
    [
        ("a@0,b", "1"),
        ("a,b@4", "1"),
        ("a@4,b@2", "1"),
        ("a@0,b@0", "1"),
        ("@4", "1"),
        ("a", "x"),
        ("a", "3"),
        ("a", "0@0,1"),
        ("a", "0@0,3@1"),
        ("a", "1@1,0@0"),
        ("a", "nan"),
    ],
)
def test_invalid_timelines_are_refused(style, strength):
    with pytest.raises(InputError):
        parse(style, strength)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b"[{",
        b"\xff\xfe",
        b"[" * 100000,
        b'[{"time": 1, "stile": "a"}]',
        b'[{"style": "a"}]',
        b"time,style\nlater,a\n",
        b"0,a\n",
        b"time\n1,2,3\n",
    ],
)
def test_invalid_keyframe_files_are_refused(tmp_path, content):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(InputError):
        parse("a", keyframes=tmp_path / "bad")
    with pytest.raises(InputError):
        parse("a@0,b@1", keyframes=tmp_path / "bad")
    with pytest.raises(InputError):
        parse("a", keyframes=tmp_path / "nothing")


def test_change_is_the_largest_difference():
    assert change(({"a": 1.0}, 1.0), ({"a": 1.0}, 1.0)) == 0
    assert change(({"a": 1.0}, 1.0), ({"a": 0.7, "b": 0.3}, 0.9)) == pytest.approx(0.3)
    assert change(({"a": 1.0}, 0.2), ({"b": 1.0}, 1.5)) == pytest.approx(1.3)


def test_invalid_time_is_named_in_the_message():
    with pytest.raises(InputError, match=r"'soon' in 'great-wave@soon' is not a time"):
        parse("great-wave@soon", "1")
    assert not parse("my@home.onnx", "1").moves


def test_error_in_a_keyframe_file_names_the_file(tmp_path):
    path = tmp_path / "keys.csv"
    for row, problem in (("0,a:x,1", "the weight 'x'"), ("0,a,3", "strength: 3 is not between 0 and 2")):
        path.write_text(f"time,style,strength\n{row}\n")
        with pytest.raises(InputError, match=f"{path}: {problem}"):
            parse("a", keyframes=path)


def test_row_with_an_extra_cell_is_refused(tmp_path):
    (tmp_path / "keys.csv").write_text("time,style\n0,a\n1,b,c\n")
    with pytest.raises(InputError, match="more cells than there are columns"):
        parse("a", keyframes=tmp_path / "keys.csv")
