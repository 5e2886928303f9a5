import os

import pytest

from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.frame_processor import concurrency

pytestmark = pytest.mark.usefixtures("style_folder")


def test_frames_are_stylized_concurrently_on_a_cpu_only(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    shared, workers = concurrency(VideoSettings(device="cpu"))
    assert (shared.threads, workers) == (4, 2)
    for asked in (VideoSettings(device="cuda"), VideoSettings(device="cpu", threads=3)):
        assert concurrency(asked) == (asked, 1)
