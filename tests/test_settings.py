"""Former names of settings."""

import dataclasses
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fststyle.errors import InputError
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.stylize import stylize_video

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_former_name_is_a_deprecated_keyword_and_attribute() -> None:
    with pytest.warns(DeprecationWarning, match="rate is renamed to input_fps") as warned:
        settings = VideoSettings(**{"rate": 12.0})
    assert warned[0].filename == __file__
    assert settings.input_fps == 12.0
    with pytest.warns(DeprecationWarning, match="rate is renamed to input_fps") as warned:
        assert settings.rate == 12.0  # type: ignore[attr-defined]
    assert warned[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="rate is renamed"):
        assert dataclasses.replace(settings, **{"rate": 10.0}).input_fps == 10.0


def test_current_name_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = VideoSettings(input_fps=12.0)
        assert dataclasses.replace(settings, crf=20).input_fps == 12.0
    assert "rate" not in dataclasses.asdict(settings)


def test_video_function_warns_at_the_line_of_the_caller(tmp_path: Path) -> None:
    with (
        pytest.warns(DeprecationWarning, match="rate is renamed to input_fps") as warned,
        pytest.raises(InputError, match="no such file"),
    ):
        stylize_video(tmp_path / "none.mp4", tmp_path / "out.mp4", **{"rate": 12.0})
    assert [warning.filename for warning in warned] == [__file__]


def test_program_takes_the_former_option_with_one_line(program: Program, tmp_path: Path) -> None:
    done = program("video", "none.mp4", "out.mp4", "--rate", "12")
    assert done.stderr.decode().splitlines()[0] == "fststyle: --rate is deprecated; use --input-fps"
    assert done.returncode == 2
    out_of_range = program("video", "none.mp4", "out.mp4", "--rate", "5000")
    assert b"--input-fps: 5000.0 is above 1000" in out_of_range.stderr
    both = program("video", "none.mp4", "out.mp4", "--rate", "12", "--input-fps", "13")
    assert both.returncode == 2
    assert (
        both.stderr.decode() == "fststyle: --rate is the former name of --input-fps; give only --input-fps\n"
    )
    shown = program("video", "--help").stdout.decode()
    assert "--input-fps" in shown
    assert "--rate" not in shown


def test_former_name_of_the_image_listener_is_deprecated() -> None:
    from fststyle.runtime import batch

    with pytest.warns(DeprecationWarning, match="Listener is renamed to ImageListener"):
        assert batch.Listener is batch.ImageListener
