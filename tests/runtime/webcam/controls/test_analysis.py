"""Level, bands, beats and tempo of synthesized sounds."""

import numpy as np
import pytest

from fststyle.runtime.webcam.controls.analysis import HOP, SAMPLE_RATE, Measures, Meter
from tests.runtime.webcam.controls.sounds import kicks, sine


def measured(sound: np.ndarray) -> Measures:
    meter = Meter()
    meter.feed(sound)
    return meter.measures


@pytest.mark.parametrize("bpm", [90, 120, 128, 174])
@pytest.mark.parametrize("hats", [False, True])
def test_kicks_give_their_tempo_and_one_beat_each(bpm, hats):
    found = measured(kicks(bpm, hats=hats))
    assert found.bpm == pytest.approx(bpm, abs=1)
    assert found.beats == pytest.approx(11.5 * bpm / 60, abs=1)


@pytest.mark.parametrize(("hertz", "band", "other"), [(60, "bass", "treble"), (8000, "treble", "bass")])
def test_bass_and_treble_are_separate(hertz, band, other):
    found = measured(sine(hertz))
    assert getattr(found, band) > 0.9
    assert getattr(found, other) < 0.05


def test_middle_is_neither_bass_nor_treble():
    found = measured(sine(1000))
    assert found.level > 0.9
    assert max(found.bass, found.treble) < 0.05


def test_quiet_and_loud_sounds_give_the_same_measures():
    loud, quiet = measured(kicks(120)), measured(kicks(120) * 0.05)
    assert quiet.bpm == pytest.approx(loud.bpm, abs=0.5)
    assert quiet.beats == loud.beats
    assert quiet.bass == pytest.approx(loud.bass, abs=0.05)


def test_beat_rises_at_the_kick_and_falls_after_it():
    meter, beats = Meter(), []
    sound = kicks(120, 6)
    for start in range(0, len(sound), HOP):
        meter.feed(sound[start : start + HOP])
        beats.append(meter.measures.beat)
    at = np.flatnonzero(np.array(beats) == 1) * HOP / SAMPLE_RATE
    assert len(at) >= 10
    late = at[1:] - np.round(at[1:] * 2) / 2  # a kick every half second
    assert np.abs(late).max() < 0.06
    assert min(beats[30:]) < 0.05


def test_bass_follows_the_kick():
    meter, bass = Meter(), []
    sound = kicks(60, 4)
    for start in range(0, len(sound), HOP):
        meter.feed(sound[start : start + HOP])
        bass.append(meter.measures.bass)
    second = round(SAMPLE_RATE / HOP)
    assert max(bass[second : second + 20]) > 0.9
    assert min(bass[2 * second - 20 : 2 * second]) < 0.1


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(3 * SAMPLE_RATE),
        np.random.default_rng(0).normal(0, 1e-4, 3 * SAMPLE_RATE),
        np.full(3 * SAMPLE_RATE, np.nan),
    ],
)
def test_silence_noise_and_nonsense_give_no_beats(sound):
    found = measured(sound.astype(np.float32))
    assert max(found.level, found.bass, found.treble) < 0.1
    assert (found.beats, found.bpm) == (0, 0)


def test_values_out_of_range_stay_in_range():
    found = measured(
        np.concatenate((np.full(SAMPLE_RATE, np.inf), np.full(SAMPLE_RATE, 1e30))).astype(np.float32)
    )
    assert all(0 <= getattr(found, name) <= 1 for name in ("level", "bass", "treble", "beat"))


def test_size_of_the_blocks_does_not_matter():
    sound, meter = kicks(120, 6), Meter()
    for start in range(0, len(sound), 777):
        meter.feed(sound[start : start + 777])
    whole = measured(sound)
    assert (meter.measures.beats, meter.measures.bpm) == (whole.beats, pytest.approx(whole.bpm))
