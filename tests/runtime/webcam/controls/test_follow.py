"""Values that follow a sound file, and a simulated sound input."""

import sys
import threading
import time
import types

import numpy as np
import pytest

from fststyle.errors import DependencyError, InputError
from fststyle.runtime.webcam.controls import sound as sound_module
from fststyle.runtime.webcam.controls.analysis import SAMPLE_RATE, Meter
from fststyle.runtime.webcam.controls.follow import Follower, Rule, parse
from fststyle.runtime.webcam.controls.sound import AudioSource, decode_file, play_file
from fststyle.runtime.webcam.controls.values import Controls, Values
from tests import clips
from tests.runtime.webcam.controls.sounds import kicks, sine, write


@pytest.fixture
def notes():
    return []


@pytest.fixture
def controls(notes):
    return Controls(Values("invert"), ["invert"], notes.append)


def until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_file_has_the_tempo_of_its_kicks(tmp_path):
    meter = Meter()
    for block in decode_file(write(tmp_path / "kicks.wav", kicks(120))):
        meter.feed(block)
    assert meter.measures.bpm == pytest.approx(120, abs=1)


def test_sound_of_a_video_is_read(tmp_path):
    path = clips.write(tmp_path / "in.mp4", list(range(0, 1000, 40)), sound="aac")
    sound = np.concatenate(list(decode_file(path)))
    assert 0.4 * SAMPLE_RATE < len(sound) < 0.7 * SAMPLE_RATE
    assert 0.1 < np.abs(sound).max() <= 1


def test_file_is_played_in_real_time_and_repeated(tmp_path):
    path, stop = write(tmp_path / "short.wav", sine(100, 0.2)), threading.Event()
    begin, count = time.monotonic(), 0
    for block in play_file(path, stop):
        count += len(block)
        if count >= 0.6 * SAMPLE_RATE:
            break
    assert 0.45 < time.monotonic() - begin < 3


def test_values_follow_the_sound(tmp_path, controls):
    loud = np.concatenate((sine(60, 0.4), np.zeros(SAMPLE_RATE // 2, np.float32)))
    follower = Follower(
        controls,
        str(write(tmp_path / "bass.wav", loud)),
        parse("strength=bass:0.25:1.5,mix=treble,brush=level"),
    )
    try:
        seen: list[Values] = []

        def moved() -> bool:
            seen.append(controls.current())
            strengths = [values.strength for values in seen]
            return min(strengths) < 0.6 and max(strengths) > 1.45 and max(v.brush for v in seen) > 2.5

        until(moved, 30)
        assert max(values.strength for values in seen) <= 1.5
        assert all(values.mix < 0.3 for values in seen)
        assert controls.values.strength == 1  # the own value is kept
        controls.set("sound", 0)
        assert controls.current() == controls.values
    finally:
        follower.close()
    assert follower.meters().keys() == {"level", "bass", "treble", "beat", "bpm"}


def test_rules():
    assert parse("strength=bass") == [Rule("strength", "bass", 0, 1)]
    assert parse("mix=beat:1:0, steadiness = level") == [
        Rule("mix", "beat", 1, 0),
        Rule("steadiness", "level", 1, 0),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "strength",
        "strength=",
        "bass",
        "style=bass",
        "strength=loud",
        "strength=bass:1",
        "strength=bass:a:b",
        "strength=bass:0:3",
        "strength=bass:nan:1",
        "strength=bass:0:1:2",
        "strength=bass,strength=beat",
        "mix=beat,",
    ],
)
def test_other_rules_are_refused(text):
    with pytest.raises(InputError, match="--follow"):
        parse(text)


def test_files_without_sound_are_refused(tmp_path, controls):
    silent = clips.write(tmp_path / "silent.mp4", [0, 40], sound=None)
    (tmp_path / "text.wav").write_text("no sound at all")
    write(tmp_path / "empty.wav", np.zeros(0, np.float32))
    for path in (silent, tmp_path / "text.wav", tmp_path / "empty.wav"):
        with pytest.raises(InputError, match=path.name):
            Follower(controls, str(path), parse("strength=bass"))


class Card:
    """Behaves like sounddevice with one input."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self):
        self.callback, self.opened, self.broken, self.rate = None, 0, False, SAMPLE_RATE

    def query_devices(self, device, kind):
        if device not in (None, "USB"):
            raise ValueError(f"No input device matching {device!r}")
        return {"default_samplerate": float(self.rate), "max_input_channels": 8}

    def InputStream(self, samplerate, channels, blocksize, dtype, device, callback):
        assert (samplerate, channels) == (self.rate, 2)
        if self.broken:
            raise self.PortAudioError("Device unavailable")
        self.callback, self.opened = callback, self.opened + 1
        callback(np.zeros((blocksize, 2), np.float32), blocksize, None, None)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.callback = None

    def play(self, sound):
        for start in range(0, len(sound) - 511, 512):
            if self.callback is not None:
                self.callback(sound[start : start + 512, None].repeat(2, 1), 512, None, None)
            time.sleep(0.002)


@pytest.fixture
def card(monkeypatch):
    made = Card()
    names = ("InputStream", "PortAudioError", "query_devices")
    module = types.SimpleNamespace(**{name: getattr(made, name) for name in names})
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return made


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 48000, 96000])
def test_sound_of_an_input_is_measured(card, notes, rate):
    card.rate, meter = rate, Meter()
    listener = AudioSource("USB", meter.feed, notes.append)
    try:
        card.play(sine(60 * SAMPLE_RATE / rate, 1.0))
        until(lambda: meter.measures.bass > 0.9)
        assert meter.measures.treble < 0.05
    finally:
        listener.close()
    assert not notes


def test_input_that_stops_is_opened_again_and_reported_once(card, notes, monkeypatch, controls):
    monkeypatch.setattr(sound_module, "INPUT_TIMEOUT", 0.1)
    meter = Meter()
    listener = AudioSource("auto", meter.feed, notes.append, retry=0.05)
    try:
        until(lambda: not listener.alive)
        card.broken = True
        until(lambda: len(notes) >= 2)
        time.sleep(0.3)
        card.broken = False
        until(lambda: listener.alive)
    finally:
        listener.close()
    assert card.opened > 1
    assert len(notes) == 2
    assert "disconnected" in notes[0]
    assert "Device unavailable" in notes[1]


def test_input_that_does_not_exist_is_refused(card, notes):
    with pytest.raises(InputError, match="Firewire"):
        AudioSource("Firewire", lambda samples: None, notes.append)


def test_missing_libraries_say_what_to_install(monkeypatch, notes):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DependencyError, match="pip install sounddevice"):
        AudioSource("auto", lambda samples: None, notes.append)
