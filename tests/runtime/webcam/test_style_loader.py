"""Styles, mixtures and strengths that are loaded in the background."""

import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from fststyle.errors import StyleError
from fststyle.runtime.blend import weight_share
from fststyle.runtime.settings import StylizeSettings, WebcamSettings
from fststyle.runtime.webcam import style_loader as loader_module
from fststyle.runtime.webcam.live import Live
from fststyle.runtime.webcam.style_loader import MAX_NETWORKS, StyleBlend, StyleLoader, blend_of
from tests import clips, styles

FRAME = np.random.default_rng(0).integers(0, 120, (20, 24, 3), np.uint8)
SETTINGS = StylizeSettings(device="cpu", threads=1, brush=1.0)


def blend(style="dark", second="pale", mix=0.0, strength=1.0) -> StyleBlend:
    return blend_of(style, second, mix, strength)


@pytest.fixture
def made(family):
    loaders = []

    def make(first=None, **changes):
        loaders.append(StyleLoader(first or blend(), SETTINGS, **changes))
        return loaders[-1]

    yield make
    for one in loaders:
        one.close()


def painted(loader: StyleLoader, wanted: StyleBlend) -> np.ndarray:
    """A frame after the mixture is loaded."""
    end = time.monotonic() + 10
    while not loader.ready(wanted):
        loader.at(wanted, (20, 24))
        assert time.monotonic() < end
        time.sleep(0.005)
    return loader.at(wanted, (20, 24)).paint(FRAME).astype(float)


def test_mix_and_a_strength_are_those_of_the_weights(made):
    loader = made()
    assert np.abs(painted(loader, blend()) - FRAME * 0.5).max() <= 1
    assert np.abs(painted(loader, blend(mix=0.25)) - (FRAME * 0.625 + 25)).max() <= 1
    assert np.abs(painted(loader, blend(mix=1)) - (FRAME + 100.0)).max() <= 1
    assert np.abs(painted(loader, blend(strength=0.5)) - FRAME * (1 - weight_share(0.5) / 2)).max() <= 2
    between_two_steps = FRAME * (1 - weight_share(0.3) / 2)
    assert np.abs(painted(loader, blend(strength=0.3)) - between_two_steps).max() <= 2
    assert np.abs(painted(loader, blend(strength=0)) - FRAME).max() == 0
    assert np.abs(painted(loader, blend("stranger", strength=0.5)) - (FRAME + 25.0)).max() <= 1


def test_styles_without_a_common_base_are_cross_faded(made):
    notes: list[str] = []
    loader = made(on_note=notes.append)
    assert np.abs(painted(loader, blend("dark", "stranger", 0.5)) - (0.75 * FRAME + 25)).max() <= 1
    assert len(notes) == 1


def test_strength_that_is_not_loaded_is_a_blend_of_pixels_meanwhile(made, monkeypatch):
    loader = made()
    gate = threading.Event()
    original = StyleLoader._painter
    monkeypatch.setattr(StyleLoader, "_painter", lambda *args: gate.wait(10) and original(*args))
    strengths = np.linspace(1, 0, 9)
    means = [loader.at(blend(strength=s), (20, 24)).paint(FRAME).mean() for s in strengths]
    assert all(after >= before for before, after in pairwise(means))
    assert means[0] == pytest.approx(FRAME.mean() / 2, abs=1)
    assert means[-1] == pytest.approx(FRAME.mean(), abs=1)
    gate.set()


def test_at_does_not_block_and_keeps_the_style_until_the_next_one_is_loaded(made, monkeypatch):
    loader = made()
    gate = threading.Event()
    original = StyleLoader._painter
    monkeypatch.setattr(StyleLoader, "_painter", lambda *args: gate.wait(10) and original(*args))
    begin = time.monotonic()
    assert loader.at(blend("pale"), (20, 24)).name == "dark"
    assert time.monotonic() - begin < 1
    gate.set()
    painted(loader, blend("pale"))
    assert loader.at(blend("pale"), (20, 24)).name == "pale"


def test_only_the_latest_request_is_loaded(made, monkeypatch):
    loader, loads = made(), []
    gate = threading.Event()
    original = StyleLoader._painter

    def slow(self, parts, strength):
        loads.append(parts)
        gate.wait(10)
        return original(self, parts, strength)

    painted(loader, blend(mix=1))
    monkeypatch.setattr(StyleLoader, "_painter", slow)
    for step in range(1, 16):
        loader.at(blend(mix=step / 16), (20, 24))
    gate.set()
    painted(loader, blend(mix=15 / 16))
    assert len(loads) <= 3


def test_number_of_networks_is_limited(made, monkeypatch):
    monkeypatch.setattr(loader_module, "MAX_NETWORKS", 4)
    loader = made()
    for step in range(17):
        painted(loader, blend(mix=step / 16))
        assert loader.loaded <= 4
    assert MAX_NETWORKS >= 17  # all steps of one mix


def test_style_that_cannot_be_loaded_is_reported_once_and_the_picture_goes_on(made, style_folder):
    (style_folder / "broken.onnx").write_bytes(b"no")
    failures = []
    loader = made(on_failed=lambda names, reason: failures.append((names, reason)))
    for _ in range(40):
        assert loader.at(blend("broken"), (20, 24)).name == "dark"
        time.sleep(0.005)
    assert [names for names, _ in failures] == [{"broken"}]
    with pytest.raises(StyleError):
        loader.load(blend("broken"))


def test_styles_are_loaded_in_advance(made, style_folder):
    (style_folder / "broken.onnx").write_bytes(b"no")
    failures = []
    loader = made(
        preload=["dark", "broken", "pale", "stranger"], on_failed=lambda *failed: failures.append(failed)
    )
    end = time.monotonic() + 10
    while loader.loaded < 3 and time.monotonic() < end:
        time.sleep(0.01)
    assert loader.ready(blend("stranger"))
    assert not failures  # nobody asked for the broken one


def test_live_picture_keeps_its_rhythm_through_changes_of_style(family, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", list(range(0, 2000, 40)), sound=None)
    live = Live(WebcamSettings(camera=str(clip), style="dark", device="cpu", osc="9000"))
    seen, times = set(), []
    try:
        for number, view in enumerate(live.frames()):
            seen.add(view.style)
            times.append(time.monotonic())
            if number == 75:
                break
            if number % 12 == 11:
                live.controls.set("style", ["pale", "dark", "stranger"][number // 12 % 3])
            live.controls.set("mix", number % 16 / 16)
            live.controls.set("strength", number % 20 / 10)
    finally:
        live.close()
    assert {"pale", "dark"} <= {name for names in seen for name in names.split("+")}
    # If nothing blocks, a frame comes every 40 ms. The limit is higher, since the machine may be busy.
    assert max(after - before for before, after in pairwise(times)) < 1


def test_broken_style_goes_back_to_the_one_on_screen(family, style_folder, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", list(range(0, 2000, 40)), sound=None)
    (style_folder / "broken.onnx").write_bytes(b"no")
    styles.save(style_folder, "invert", styles.inverting())
    notes: list[str] = []
    live = Live(WebcamSettings(camera=str(clip), style="dark", device="cpu"), on_note=notes.append)
    try:
        live.controls.set("style", "broken")
        for number, view in enumerate(live.frames()):
            assert view.style == "dark"
            time.sleep(0.02)
            if number >= 20 and live.controls.values.style == "dark":
                break
    finally:
        live.close()
    assert live.controls.values.style == "dark"
    assert len(notes) == 1
    assert "broken" in notes[0]
