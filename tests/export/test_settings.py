import pytest

from fststyle.export.settings import ExportSettings


def test_former_name_licence_sets_license() -> None:
    with pytest.warns(DeprecationWarning, match="licence is renamed to license"):
        assert ExportSettings(licence="CC0").license == "CC0"  # type: ignore[call-arg]
