"""Sounds for the tests, synthesized."""

import wave
from pathlib import Path

import numpy as np

from fststyle.runtime.webcam.controls.analysis import SAMPLE_RATE


def kicks(bpm: float, seconds: float = 12.0, hats: bool = False) -> np.ndarray:
    """A bass drum at each beat: a falling sine of 140 to 50 Hz; with ``hats``, noise at each half beat."""
    random = np.random.default_rng(0)
    sound = random.normal(0, 0.005, int(SAMPLE_RATE * seconds))
    t = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    drum = 0.7 * np.sin(2 * np.pi * (50 * t + 3 * (1 - np.exp(-30 * t)))) * np.exp(-12 * t)
    t = np.arange(SAMPLE_RATE // 25) / SAMPLE_RATE
    hat = np.diff(random.normal(0, 0.15, len(t)), prepend=0) * np.exp(-80 * t)
    for number in range(int((seconds - 0.5) * bpm / 30)):
        for part, wanted in ((drum, number % 2 == 0), (hat, hats)):
            if wanted:
                place = int(number * 30 / bpm * SAMPLE_RATE)
                sound[place : place + len(part)] += part
    return sound.astype(np.float32)


def sine(hertz: float, seconds: float = 2.0, amplitude: float = 0.3) -> np.ndarray:
    return (
        amplitude * np.sin(2 * np.pi * hertz * np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE)
    ).astype(np.float32)


def write(path: Path, sound: np.ndarray) -> Path:
    """A WAV file with 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path
