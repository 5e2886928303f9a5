"""Analyze a stream of audio samples: level, bass, treble, beats and tempo."""

import math
import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import Floats

Samples = Floats
"""Mono samples, float32 (N,) in -1..1."""

SAMPLE_RATE = 44100
"""Sample rate in Hz."""

HOP = 512
"""Hop size in samples (12 ms)."""

WINDOW = 2048
"""FFT size in samples, for bins of 21.5 Hz."""

BASS = 20.0, 150.0
TREBLE = 4000.0, 12000.0
BEAT = 20.0, 400.0
"""Lower and upper limits of the frequency bands in Hz. `BEAT` includes drums but not cymbals."""

RELEASE = 0.15
"""Time constant in seconds with which a measure decreases. Measures increase immediately."""

PEAK_HALF_LIFE = 8.0
"""Half-life in seconds of the peak values. Measures are normalized by the peak values, so that they do not
depend on the input level.
"""

PEAK_FLOOR = 10 ** (-50 / 20)
"""Lower limit of the peak values (amplitude, -50 dB), so that noise during silence is not amplified."""

BAND_FLOOR = 0.1
"""Lower limit of the peak value of a band, relative to the peak value of the level."""

ONSET = 2.0, 0.1
"""Thresholds for detecting an onset: one for the ratio of the spectral flux to its mean over the last
second, and one for the flux itself. Both must be exceeded.
"""

REFRACTORY = 0.2
"""Minimum time between beats in seconds."""

TEMPO_SECONDS = 8.0
"""Length of the flux history from which the tempo is estimated, in seconds."""

TEMPO_RANGE = 60.0, 200.0
"""Range of the tempo in beats per minute."""


@dataclass(frozen=True)
class Measures:
    """Loudness, beats and tempo of a sound at one time.

    Attributes:
        level: amplitude relative to its recent peak, 0..1.
        bass: amplitude of the band `BASS` relative to its recent peak, 0..1.
        treble: amplitude of the band `TREBLE` relative to its recent peak, 0..1.
        beat: 1 at a beat, from which it decays exponentially to 0.
        bpm: tempo in beats per minute; 0 if unknown.
        beats: number of beats so far.
    """

    level: float = 0.0
    bass: float = 0.0
    treble: float = 0.0
    beat: float = 0.0
    bpm: float = 0.0
    beats: int = 0


class Meter:
    """Analyzes a stream of samples at `SAMPLE_RATE`. `feed` and `measures` may be used in different threads.

    A beat is detected when the spectral flux, the increase of the spectrum from one hop to the next, rises
    above the thresholds `ONSET` (Dixon 2006, "Onset Detection Revisited", section 2; without its search for
    local maxima, which needs later samples). The tempo is computed from the lag with the largest
    autocorrelation of the flux, weighted by a log-Gaussian around 120 beats per minute (Ellis 2007, "Beat
    Tracking by Dynamic Programming", section 3.2).
    """

    def __init__(self) -> None:
        self._hann = np.hanning(WINDOW).astype(np.float32)
        hertz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
        self._bands = {
            name: slice(*np.searchsorted(hertz, edges))
            for name, edges in (("bass", BASS), ("treble", TREBLE), ("beat", BEAT))
        }
        self._samples = np.zeros(WINDOW, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._before = np.zeros(len(hertz[self._bands["beat"]]))
        self._loudest = dict.fromkeys(("level", "bass", "treble"), PEAK_FLOOR)
        self._values = dict.fromkeys(("level", "bass", "treble", "beat"), 0.0)
        self._flux: deque[float] = deque([0.0] * 4, maxlen=round(TEMPO_SECONDS * SAMPLE_RATE / HOP))
        self._since, self._hops, self._beats, self._bpm = REFRACTORY, 0, 0, 0.0
        self._lock = threading.Lock()
        self._measures = Measures()

    @property
    def measures(self) -> Measures:
        """The results of the analysis up to the latest samples."""
        with self._lock:
            return self._measures

    def feed(self, samples: Samples) -> None:
        """Analyze the next mono samples, float32 (N,) for any N.

        Samples that do not fill a hop of `HOP` samples are kept for the next call. Values outside -1..1 are
        clipped, and values that are not finite are replaced by 0.
        """
        waiting = np.concatenate((self._rest, np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)))
        whole = len(waiting) // HOP * HOP
        for start in range(0, whole, HOP):
            self._analyze(np.clip(waiting[start : start + HOP], -1, 1))
        self._rest = waiting[whole:].astype(np.float32)
        with self._lock:
            self._measures = Measures(**self._values, bpm=self._bpm, beats=self._beats)

    def _analyze(self, samples: Samples) -> None:
        """Analyze the next `HOP` samples, and update the measures, the beats and the tempo."""
        self._samples = np.concatenate((self._samples[HOP:], samples))
        # The scale is such that a sine wave of amplitude 1 has magnitude 1 in its bin.
        spectrum = np.abs(np.fft.rfft(self._samples * self._hann)) / (WINDOW / 4)
        found = {"level": math.sqrt(2 * float(np.mean(samples**2)))}
        for name in ("bass", "treble"):
            found[name] = math.sqrt(float(np.sum(spectrum[self._bands[name]] ** 2)))
        fading, release = 0.5 ** (HOP / SAMPLE_RATE / PEAK_HALF_LIFE), math.exp(-HOP / SAMPLE_RATE / RELEASE)
        for name, amplitude in found.items():
            least = max(PEAK_FLOOR, BAND_FLOOR * self._loudest["level"])
            self._loudest[name] = max(amplitude, self._loudest[name] * fading, least)
            self._values[name] = max(amplitude / self._loudest[name], self._values[name] * release)
        self._values["beat"] *= release
        self._detect_beat(spectrum)
        self._hops += 1
        if self._hops % (SAMPLE_RATE // HOP // 2) == 0:
            self._bpm = _tempo(np.array(self._flux))

    def _detect_beat(self, spectrum: NDArray[np.float64]) -> None:
        loudness = np.log1p(100 * spectrum[self._bands["beat"]] / self._loudest["level"])
        flux = float(np.mean(np.maximum(0, loudness - self._before)))
        self._before = loudness
        latest = list(self._flux)[-SAMPLE_RATE // HOP :]
        self._flux.append(flux)
        self._since += HOP / SAMPLE_RATE
        ratio, least = ONSET
        if flux > max(least, ratio * sum(latest) / len(latest), latest[-1]) and self._since >= REFRACTORY:
            self._since, self._values["beat"] = 0.0, 1.0
            self._beats += 1


def _tempo(flux: NDArray[np.float64]) -> float:
    """Estimate the tempo of a sound, in beats per minute, from its spectral flux.

    ``flux`` is float64 (N,) with `SAMPLE_RATE` / `HOP` values per second. Returns 0 if it is too short or has
    no regular beats.
    """
    per_minute = 60 * SAMPLE_RATE / HOP
    shortest, longest = (int(per_minute / tempo) for tempo in reversed(TEMPO_RANGE))
    if len(flux) < 3 * longest or flux.max() <= ONSET[1]:
        return 0.0
    flux = flux - flux.mean()
    correlation = np.correlate(flux, flux, "full")[len(flux) - 1 :] / np.arange(len(flux), 0, -1)
    lags = np.arange(shortest, longest + 1)
    weight = np.exp(-0.5 * (np.log2(per_minute / lags / 120) / 0.9) ** 2)
    lag = int(lags[np.argmax(weight * correlation[lags])])
    if correlation[lag] < 0.1 * correlation[0]:
        return 0.0
    # The peak near the lag of up to four beats gives the length of a beat with a higher resolution.
    times = min(4, (len(flux) // 2) // lag)
    around = np.arange(times * lag - times, times * lag + times + 1)
    peak = int(around[np.argmax(correlation[around])])
    left, middle, right = correlation[peak - 1 : peak + 2]
    curve = left - 2 * middle + right
    exact = peak + (0.5 * (left - right) / curve if curve < 0 else 0.0)
    return float(per_minute * times / exact)
