"""bench/containers.py: the round trip of twelve kinds of files loses nothing."""

import pytest

pytestmark = [pytest.mark.usefixtures("style_folder"), pytest.mark.slow]


def test_twelve_kinds_of_files_are_complete(bench):
    containers = bench("containers")
    rows = containers.measure("invert")
    assert len(rows) == 12
    for row in rows:
        deep = "ProRes" in str(row["input"])  # 10 bits, of which stylized frames have 8
        assert row["lost"] == ("more than 8 bits per channel" if deep else "nothing"), row
        assert "→" not in "".join(row[key] for key in ("streams", "tags", "chapters", "frames", "alpha")), row
        assert float(row["time, ms"]) < 1, row
    assert containers.markdown(rows).count("\n") == 13
