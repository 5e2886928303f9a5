"""Timestamps of joined recordings and of high frame rates."""

import numpy as np
import pytest
from PIL import Image

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
EVERY = list(range(0, 500, 40))


def paint(source, target, **more):
    return stylize_video(source, target, style="invert", device="cpu", **more)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("sound", ["aac", None])
def test_concatenated_recordings_have_continuous_times(tmp_path, sound, suffix):
    one = clips.write(tmp_path / "one.ts", EVERY, sound=sound).read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    done = paint(tmp_path / "two.ts", tmp_path / f"out{suffix}")
    times = np.array([time for time, _ in clips.frames(tmp_path / f"out{suffix}")])
    assert done.frames == len(times) >= 24
    assert (np.diff(times) > 0.03).all()
    assert 0.9 < times[-1] - times[0] < 1.4
    if sound:
        heard = [time for time, _ in clips.packets(tmp_path / f"out{suffix}")]
        assert heard == sorted(heard)
        assert abs(heard[-1] - times[-1]) < 0.2


def test_sixty_frames_per_second_are_kept(tmp_path):
    pictures = [Image.fromarray(clips.frame(number)) for number in range(8)]
    pictures[0].save(
        tmp_path / "in.webp", save_all=True, append_images=pictures[1:], duration=16, lossless=True
    )
    paint(tmp_path / "in.webp", tmp_path / "out.mkv")
    assert np.diff([time for time, _ in clips.frames(tmp_path / "out.mkv")]) == pytest.approx(0.016, abs=1e-3)
