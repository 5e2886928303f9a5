"""Short synthetic videos for the tests."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fststyle.io import images


def frame(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A bright bar that moves over a gradient. Its brightness depends on the frame number, so all frames
    differ.
    """
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 1] = np.linspace(40, 200, width).astype(np.uint8)
    rgb[:, number * 3 % width : number * 3 % width + 6] = (250, 30, 30 + number * 4 % 200)
    return rgb


def write(
    path: Path,
    times: list[int],
    *,
    base: Fraction = Fraction(1, 1000),
    sound: str | None = "aac",
    size: tuple[int, int] = (48, 64),
    keyframes: int = 250,
) -> Path:
    """Write a video with one frame at each of `times`, in units of `base`, and half a second of a tone if
    `sound` is a codec.
    """
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "a test"
        video = container.add_stream("libx264", rate=25, options={"crf": "10", "g": str(keyframes)})
        video.height, video.width, video.pix_fmt = *size, "yuv420p"
        video.time_base = video.codec_context.time_base = base
        audio = container.add_stream(sound, rate=48000) if sound else None
        for number, pts in enumerate(times):
            picture = av.VideoFrame.from_ndarray(frame(number, *size), format="rgb24")
            picture.pts, picture.time_base = pts, base
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            tone = (np.sin(np.arange(24000) / 20) * 8000).astype(np.int16)
            for start in range(0, len(tone), 1024):
                piece = av.AudioFrame.from_ndarray(
                    tone[None, start : start + 1024], format="s16", layout="mono"
                )
                piece.pts, piece.sample_rate, piece.time_base = start, 48000, Fraction(1, 48000)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def animation(path: Path, durations: list[int], alpha: bool = False) -> Path:
    """Write an animated image. ``durations`` are in milliseconds; with alpha, the upper rows are
    transparent.
    """
    frames = []
    for number in range(len(durations)):
        rgb = frame(number)
        opacity = np.full(rgb.shape[:2], 255, np.uint8)
        if alpha:
            opacity[:10] = 0
        frames.append(images.Frame(rgb, opacity if alpha else None, durations[number]))
    images.write(images.Picture(frames, loop=3), path)
    return path


def packets(path: Path, kind: str = "audio") -> list[tuple[float, bytes]]:
    """Time in seconds and content of every packet in the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        found = [
            (round(float(p.pts * p.time_base), 4), bytes(p))
            for p in container.demux(stream)
            if p.dts is not None
        ]
    return found


def frames(path: Path) -> list[tuple[float, np.ndarray]]:
    """Time in seconds and RGB of every frame."""
    with av.open(str(path)) as container:
        return [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
