"""Damaged files at the command line: each is stylized or refused with one line.

There is no traceback, no hang and no incomplete file. The files are mutated with fixed seeds. A file that
fails is kept in the folder `in` of the test's temporary folder.
"""

import io
import json
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, features

from fststyle.io import images
from tests import clips
from tests.io.test_images_fuzz import KINDS, mutated
from tests.io.test_images_fuzz import seed as picture_seed

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]
PICTURES, CLIPS = 200, 60
SUFFIXES = {"JPEG": "jpg", "CMYK": "jpg", "TIFF": "tif", "TIFFLZW": "tif", "GIFS": "gif", "WEBPS": "webp"}
CONTAINERS = ("mp4", "mkv", "mov", "webm", "avi", "ts", "gif", "apng", "mpg", "flv")

pytestmark = pytest.mark.usefixtures("style_folder")


def pictures() -> Iterator[tuple[str, bytes]]:
    """Suffix and content of sound files, one of each kind."""
    for kind in KINDS:
        yield (
            SUFFIXES.get(
                kind,
                kind.removesuffix("16").removesuffix("P").lower() if kind.startswith("PNG") else kind.lower(),
            ),
            picture_seed(kind),
        )
    still = Image.fromarray(clips.frame(3))
    for kind, suffix in (("AVIF", "avif"), ("JPEG2000", "jp2"), ("ICO", "ico")):
        if kind != "AVIF" or features.check("avif"):
            buffer = io.BytesIO()
            still.save(buffer, kind)
            yield suffix, buffer.getvalue()


@cache
def clip(suffix: str, folder: Path) -> bytes:
    """A video of eight frames with sound if the container supports it, or an animation of four frames."""
    path = folder / f"sound.{suffix}"
    if suffix in ("gif", "apng"):
        frames = [images.Frame(clips.frame(number), None, 40) for number in range(4)]
        images.write(images.Picture(frames), path)
        return path.read_bytes()
    codecs = {
        "webm": ("libvpx-vp9", "libopus"),
        "avi": ("mpeg4", "mp2"),
        "mpg": ("mpeg1video", "mp2"),
        "flv": ("flv", "aac"),
    }.get(suffix, ("libx264", "aac"))
    with av.open(str(path), "w") as container:
        video, sound = (
            container.add_stream(codecs[0], rate=25),
            container.add_stream(codecs[1], rate=48000 if suffix == "webm" else 44100),
        )
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        for number in range(8):
            container.mux(video.encode(av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")))
        container.mux(video.encode(None))
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 9600), np.int16), format="s16", layout="stereo")
        samples.sample_rate = 44100
        resampler = av.AudioResampler(
            sound.codec_context.format,
            sound.codec_context.layout,
            sound.codec_context.sample_rate,
            sound.codec_context.frame_size or 960,
        )
        for piece in (*resampler.resample(samples), *resampler.resample(None)):
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path.read_bytes()


def damaged(sound: list[tuple[str, bytes]], count: int, folder: Path, seed: int) -> None:
    """Write ``count`` mutated files, of each kind in turn."""
    folder.mkdir()
    rng = random.Random(seed)
    for number in range(count):
        suffix, content = sound[number % len(sound)]
        (folder / f"{number:03d}.{suffix}").write_bytes(mutated(content, rng))


def checked(
    done: "subprocess.CompletedProcess[bytes]", count: int, out: Path
) -> tuple[list[dict], list[str]]:
    """The outputs, and the lines for the refused files."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode in (0, 1), lines[-5:]
    assert not [line for line in lines if "Traceback" in line or re.match(r"\s", line)], lines
    made = json.loads(done.stdout)
    refused = {
        found[1] for line in lines if (found := re.match(r"fststyle: (?:in|out)/(\d{3})\.\w+: \S", line))
    }
    accounted = refused | {Path(entry["input"]).stem for entry in made}  # a damaged video may be in both
    assert len(accounted) == count, lines
    assert all(len(line) < 400 for line in lines), lines
    assert {path.name for path in out.iterdir()} == {Path(entry["output"]).name for entry in made}
    return made, lines


def test_pictures(program: Program, tmp_path: Path) -> None:
    damaged(list(pictures()), PICTURES, tmp_path / "in", 22)
    made, lines = checked(
        program("image", "in", "-o", "out", "-s", "invert", "--json"), PICTURES, tmp_path / "out"
    )
    assert 40 < len(made) < 180
    for line in lines:
        assert re.match(r"fststyle: |in/\d{3}\.\w+: not in the output: ", line), line
    for entry in made:
        assert images.read(tmp_path / entry["output"]).size == (entry["height"], entry["width"])


def test_clips(program: Program, tmp_path: Path) -> None:
    sound = [(suffix, clip(suffix, tmp_path)) for suffix in CONTAINERS]
    damaged(sound, CLIPS, tmp_path / "in", 22)
    done = program("video", "in", "out", "-s", "invert", "--device", "cpu", "--json")
    made, _ = checked(done, CLIPS, tmp_path / "out")
    assert 20 < len(made) < 60
    for entry in made:
        assert (tmp_path / entry["output"]).stat().st_size > 0
