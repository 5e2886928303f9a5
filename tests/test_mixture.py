import pytest

from fststyle.errors import InputError
from fststyle.mixture import parse, weights


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("candy", [("candy", 1)]),
        ("candy:1", [("candy", 1)]),
        ("a:0.6,b:0.4", [("a", 0.6), ("b", 0.4)]),
        ("a:3, b:1", [("a", 0.75), ("b", 0.25)]),
        ("a,b", [("a", 0.5), ("b", 0.5)]),
        ("my/a.onnx:1,C:\\styles\\b.onnx", [("my/a.onnx", 0.5), ("C:\\styles\\b.onnx", 0.5)]),
    ],
)
def test_parse(text, parts):
    assert [(name, pytest.approx(share)) for name, share in parts] == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,",
        "a:0,b:1",
        "a:-1",
        "a:x",
        ":1",
        "a:nan,b:1",
        "a:inf",
        "a:1e308,b:1e308",
        "a:0.5",
        ",".join("abcdefghijklmnopq"),
    ],
)
def test_parse_refuses(text):
    with pytest.raises(InputError):
        parse(text)


def test_weights_stay_as_written():
    assert weights("relu1_2:2, relu2_2", "--style-layers") == [("relu1_2", 2.0), ("relu2_2", 1.0)]
    with pytest.raises(InputError, match="--style-layers"):
        weights("relu1_2:0", "--style-layers")


def test_weight_without_a_name_is_named():
    with pytest.raises(InputError, match="'a,:1' contains a weight without a name"):
        parse("a,:1")
