"""Timecodes at other frame rates. Expected labels follow SMPTE ST 12-1."""

from fractions import Fraction

import pytest

from fststyle.runtime.video.formats.timecode import fits, has_drop_frames, moved

FILM, NTSC, DOUBLE, FOUR = (Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120))


@pytest.mark.parametrize(
    ("timecode", "before", "now", "expected"),
    [
        ("01:00:00;00", NTSC, NTSC, "01:00:00;00"),
        ("01:01:00;02", NTSC, DOUBLE, "01:01:00;04"),
        ("01:01:00;05", DOUBLE, NTSC, "01:01:00;02"),
        ("10:09:59;29", NTSC, DOUBLE, "10:09:59;58"),
        ("00:10:00;00", NTSC, FOUR, "00:10:00;00"),
        ("01:00:00;00", NTSC, Fraction(25), "01:00:00:00"),
        ("01:00:00;00", NTSC, FILM, "01:00:00:00"),
        ("01:00:00;00", NTSC, Fraction(30), "01:00:00:00"),
        ("23:59:59;29", NTSC, Fraction(25), "23:59:59:22"),  # 86 ms less than its digits say
        ("01:00:00;12", Fraction(25), Fraction(25), "01:00:00:12"),
        ("01:00:00:40", Fraction(60), Fraction(24), "01:00:00:16"),
        ("23:59:59:59", Fraction(60), Fraction(24), "00:00:00:00"),
        ("01:00:00:5", Fraction(10), Fraction(10), "01:00:00:5"),
        ("01:00:00:5", Fraction(10), Fraction(25), "01:00:00:12"),
        ("one", NTSC, DOUBLE, "one"),
    ],
)
def test_label_of_the_same_time(timecode, before, now, expected):
    assert moved(timecode, before, now) == expected


def test_drop_frame_labels_return_from_twice_the_rate():
    labels = [
        f"00:{m:02d}:{s:02d};{f:02d}" for m in (0, 1, 2, 9, 10, 11) for s in (0, 1, 59) for f in range(30)
    ]
    for label in labels:
        if label[6:] not in ("00;00", "00;01") or int(label[3:5]) % 10 == 0:
            assert moved(moved(label, NTSC, DOUBLE), DOUBLE, NTSC) == label


def test_rates_with_drop_frames():
    assert [has_drop_frames(rate) for rate in (NTSC, DOUBLE, FOUR, Fraction(2997, 100))] == [True] * 4
    assert not any(map(has_drop_frames, (FILM, Fraction(30), Fraction(25), Fraction(50), Fraction(60))))


def test_labels_that_mp4_supports():
    assert fits("01:00:00;00", NTSC)
    assert fits("01:00:00:00", Fraction(25))
    assert not fits("01:00:00;00", Fraction(25))
    assert fits("01:00:00:5", Fraction(10))
    assert not fits("one", Fraction(25))
