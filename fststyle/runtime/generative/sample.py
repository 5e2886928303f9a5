"""Generate images from latent vectors with models from `fststyle gan train` and `fststyle vae train`.

Does not need PyTorch.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from fststyle.arrays import RGB, Floats
from fststyle.catalogue import encoder_of
from fststyle.errors import OutputError, StyleError
from fststyle.io import animation, images
from fststyle.io.files import replacing_path
from fststyle.runtime.generative.model import BATCH, Model, center_square
from fststyle.runtime.video.formats.animation import MAX_RATE
from fststyle.runtime.video.formats.base import Source, TimedFrame
from fststyle.runtime.video.formats.encoders import Encoding
from fststyle.runtime.video.formats.writer import FORMATS, Writer

KINDS = ("gan", "vae")
"""Kinds of models that `Generator` accepts by default."""


class Generator(Model):
    """Loaded generator: a model whose input is a latent vector and whose output is an image.

    The attribute ``latent`` is the number of values of a latent vector. See `Model` for the arguments and the
    errors.
    """

    def __init__(self, model: str | Path, kinds: Sequence[str] = KINDS, device: str = "auto"):
        super().__init__(model, kinds, "latent", ["picture"], device)
        self.latent = int(self.shape[0])

    def draw(self, latents: Floats) -> RGB:
        """Generate one image for each row of ``latents``, float32 (N, Z). Returns uint8 (N, S, S, 3).

        Raises the errors of `Model.__call__`, and `StyleError` if the output is not uint8 (N, H, W, 3).
        """
        (pictures,) = self(latents)
        if str(pictures.dtype) != "uint8" or pictures.ndim != 4 or pictures.shape[3] != 3:
            raise StyleError(
                f"{self.name}: its output is {pictures.dtype} {pictures.shape}, not uint8 (N, H, W, 3)"
            )
        return pictures

    def stream(self, latents: Floats) -> Iterator[RGB]:
        """Yield one image, uint8 (S, S, 3), for each row of ``latents``, float32 (N, Z).

        At most `BATCH` images are in memory at a time. Raises the errors of `draw`.
        """
        for start in range(0, len(latents), BATCH):
            yield from self.draw(latents[start : start + BATCH])


class Encoder(Model):
    """Encoder of a VAE, loaded from NAME-encoder.onnx in the folder of its decoder, NAME.onnx.

    Raises the errors of `Model`, and `StyleError` if the file is missing or the size of its latent vectors is
    not that of the decoder.
    """

    def __init__(self, decoder: Generator, device: str = "auto"):
        path = encoder_of(decoder.path)
        if not path.is_file():  # for a symbolic link, in the folder of its target
            path = encoder_of(decoder.path.resolve())
        if not path.is_file():
            raise StyleError(
                f"{decoder.path}: its encoder, {encoder_of(decoder.path).name}, is not in the same folder"
            )
        super().__init__(path, ("vae-encoder",), "frame", ["latent", "deviation"], device)
        latent = next((value.shape for value in self._session.get_outputs() if value.name == "latent"), None)
        if latent and isinstance(latent[-1], int) and latent[-1] != decoder.latent:
            raise StyleError(
                f"{path}: has latent vectors of size {latent[-1]}, but {decoder.path.name} needs"
                f" {decoder.latent}; they belong to different VAEs"
            )

    def read(self, picture: str | Path) -> tuple[RGB, Floats]:
        """Encode the center square of an image file. Transparent areas are composited on white.

        Returns the input of the encoder, uint8 (S, S, 3), and the latent vector, float32 (Z,), which is the
        mean of the predicted distribution. Raises `InputError` if the file cannot be read,
        `DependencyError` if the package for its format is not installed, and `StyleError` if the network
        fails or its input is not a square RGB image.
        """
        frames = center_square(images.read(picture).opaque, self)
        return frames[0], self(frames)[0][0]


def supported_fps(path: Path, fps: int) -> int:
    """Return the frame rate ``fps``, limited to the maximum of the file format of ``path``, if it has one."""
    return min(fps, MAX_RATE.get(path.suffix.lower(), fps))


def write_animation(frames: Iterable[RGB], path: Path, fps: int, side: int) -> None:
    """Write images as a video (.mp4, .m4v, .mov, .mkv, .webm) or an animation (.gif, .webp, .png, .apng).

    The file is written completely or not at all. The frames of a video are written one by one; the frames of
    an animation are collected in memory. Missing parent folders are created.

    Args:
        frames: at least one image, uint8 (S, S, 3) each.
        path: the output file.
        fps: frames per second; for an animation, limited by `supported_fps`.
        side: minimum side of the output in pixels; smaller frames are enlarged.

    Raises:
        OutputError: the suffix is not supported, or the file cannot be written.
        DependencyError: PyAV, which is needed for a video, is not installed.
    """
    animated = [suffix for suffix, kind in images.WRITABLE.items() if kind in animation.ASSEMBLERS]
    if path.suffix.lower() not in (*FORMATS, *animated):
        raise OutputError(
            f"{path}: the suffix of the output must be one of {' '.join((*FORMATS, *animated))}"
        )
    large = (_enlarged(frame, side) for frame in frames)
    if path.suffix.lower() in FORMATS:
        _write_video(large, path, fps)
    else:
        shown = round(1000 / supported_fps(path, fps))
        images.write(images.Picture([images.Frame(frame, None, shown) for frame in large], loop=0), path)


def _enlarged(frame: RGB, side: int) -> RGB:
    """Enlarge a square image to ``side`` x ``side`` pixels. Larger images keep their size."""
    size = max(side, frame.shape[0])
    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC))


def _write_video(frames: Iterator[RGB], path: Path, fps: int) -> None:
    timed_frames = (TimedFrame(frame, number, Fraction(1, fps)) for number, frame in enumerate(frames))
    first = next(timed_frames)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_path(path) as temporary:
            writer = Writer(temporary, path.suffix, Source(), first, Fraction(fps), Encoding())
            try:
                for timed in itertools.chain([first], timed_frames):
                    writer.write(timed)
                writer.close()
            except BaseException:
                writer.abandon()
                raise
    except OutputError as error:
        raise OutputError(f"{path}: {error}") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
