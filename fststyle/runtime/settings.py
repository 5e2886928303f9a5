"""Settings of everything that stylizes; no numpy and no OpenCV, so that the command line knows them at
once.
"""

from dataclasses import dataclass
from pathlib import Path

from fststyle.io.files import spare
from fststyle.runtime.video.keyframes import Timeline
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.settings import accepts_former_names, as_paths, option

PRECISIONS = ("auto", "float", "int8")

AUDIO = ("auto", "copy")
"""Choices of ``--audio``."""

DEINTERLACE = ("auto", "off", "on")
"""auto deinterlaces the frames that say so, on deinterlaces all, off none."""

FIELD_RATES = ("halve", "keep")
"""One frame per two fields, or one per field."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""Of x264 and x265.

On a few cores the encoder takes its time from the network, so the default is a fast one.
"""

SIZES = ("320x240", "640x480", "960x540", "1280x720", "1920x1080")


@dataclass(frozen=True)
class FrameSettings:
    """How a frame is painted, wherever it comes from and whatever changes from frame to frame."""

    style: str = option(
        "starry-night",
        "Name of a style (see `fststyle styles`), an .onnx file, or a mixture: a:0.6,b:0.4.",
        flags=("--style", "-s"),
    )
    size: int | None = option(
        None, "Resize first, so that the longer side has this many pixels.", min=16, max=65535
    )
    brush: float | None = option(
        None,
        "Size of the brush strokes, 1 as trained; if not given, in proportion to pictures with a shorter "
        "side over 640 pixels.",
        min=0.25,
        max=8,
    )
    keep_colors: bool = option(False, "Keep the colours: only their light is painted.")
    tile: str = option("auto", "Paint in tiles: auto where memory asks for it, off, or their side in pixels.")
    precision: str = option(
        "auto", "Arithmetic of styles that have both; auto takes the faster.", choices=PRECISIONS
    )
    device: str = option(
        "auto", "Where to paint: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx."
    )
    threads: int | None = option(None, "Threads of the CPU; one per core if not given.", min=1, max=1024)
    mask: Path | None = option(
        None, "An image of the same shape: white is stylized, black stays a photo; edges are softened."
    )
    only: str | None = option(
        None, "Stylize only this part, as a small network finds it.", choices=("subject", "background")
    )

    def __post_init__(self) -> None:
        as_paths(self, "mask")


@dataclass(frozen=True)
class PaintSettings(FrameSettings):
    """How a frame is painted, with one strength."""

    strength: float = option(
        1.0, "How much painting: 0 is the photo, 1 the painting, up to 2 exaggerates.", min=0, max=2
    )


@dataclass(frozen=True)
class ImageSettings(PaintSettings):
    """How a picture is painted."""

    quality: int = option(95, "Quality of JPEG, WebP, AVIF, HEIC and JPEG XL.", min=1, max=100)
    lossless: bool | None = option(
        None,
        "Exact pixels in WebP, HEIC and JPEG XL; if not given, WebP and JPEG XL are as lossless as the"
        " input.",
        flags=("--lossless/--no-lossless",),
    )
    strip_metadata: bool = option(
        False,
        "Leave EXIF, XMP and IPTC data (camera, date, location) and texts out.",
        flags=("--strip-metadata",),
    )


@accepts_former_names
@dataclass(frozen=True)
class VideoSettings(FrameSettings):
    """How a video is painted.

    ``style`` and ``strength`` may be keyframes (`fststyle.runtime.video.keyframes`); their times are those of
    the painted video.
    """

    style: str = option(
        "starry-night-live",
        "Name of a style (see `fststyle styles`), an .onnx file, a mixture: a:0.6,b:0.4, or styles with the"
        " times at which they begin: a@0,b@4s.",
        flags=("--style", "-s"),
    )
    strength: str = option(
        "1",
        "How much painting: 0 is the photo, 1 the painting, up to 2 exaggerates; or numbers with times,"
        " 0@0,1@3s.",
    )
    fade: float = option(1.0, "Seconds in which a style turns into the next.", min=0, max=3600)
    keyframes: Path | None = option(
        None, "In place of --style and --strength: a JSON list or a CSV file of time, style, strength."
    )

    steady: bool = option(
        True, "Keep what was painted where the scene has only moved, so that it does not flicker."
    )
    start: float = option(0.0, "Begin here, in seconds.", min=0)
    end: float | None = option(None, "End here, in seconds.", min=0)
    fps: float | None = option(
        None,
        "Frames a second of the output, repeated or left out by time; if not given, every frame keeps its"
        " time.",
        min=0.01,
        max=1000,
    )
    input_fps: float = option(
        25.0,
        "Frames per second of an input without timestamps: an image sequence or raw frames.",
        min=0.01,
        max=1000,
        former="rate",
    )
    frame_size: str | None = option(None, "WIDTHxHEIGHT of raw frames (rgb24) that come in from -.")
    codec: str = option(
        "auto",
        "Encoder: libx264, libx265, libsvtav1, libvpx-vp9, h264_nvenc, h264_videotoolbox ...; auto takes"
        " libx264, for .webm libvpx-vp9.",
    )
    crf: int = option(
        18, "Quality of x264, x265, vp9 and SVT-AV1: lower is better and larger.", min=0, max=63
    )
    preset: str = option(
        "veryfast", "Pace of x264 and x265: slower ones leave smaller files.", choices=PRESETS
    )
    pix_fmt: str | None = option(
        None,
        "Pixels of the output: yuv420p if the encoder takes it, which every player shows; yuv420p10le for ten"
        " bits ...",
    )

    deinterlace: str = option(
        "auto",
        "auto deinterlaces the frames that are marked as interlaced, on all frames, off none.",
        choices=DEINTERLACE,
    )
    field_rate: str = option(
        "halve",
        "Deinterlaced video: halve gives a frame per two fields, keep one per field.",
        choices=FIELD_RATES,
    )
    audio: str = option(
        "auto",
        "auto copies audio, and re-encodes what the container or players of MP4 refuse; copy copies PCM and"
        " MP3 too.",
        choices=AUDIO,
    )
    resume: bool = option(
        False,
        "Keep finished segments of the output, and continue after those of an interrupted run of the same"
        " command.",
    )
    skip_existing: bool = option(False, "Skip the videos of a folder whose output already exists.")

    def __post_init__(self) -> None:
        as_paths(self, "keyframes", "mask")
        object.__setattr__(self, "strength", str(self.strength))  # for callers who pass numbers

    @property
    def timeline(self) -> Timeline:
        """What is painted when. Raises `InputError`."""
        return parse_keyframes(self.style, self.strength, self.keyframes, self.fade)


@dataclass(frozen=True)
class WebcamSettings:
    """How the live picture is taken and painted."""

    camera: str = option(
        "0",
        "Index of the camera, its device path or URL, or a video file, played in real time again and again.",
        flags=("--camera", "-c"),
    )
    reconnect: float = option(
        10.0,
        "Seconds during which a network camera (a URL) that stops is opened again.",
        min=0,
        max=86400,
    )
    style: str = option(
        "starry-night-live",
        "Style to begin with: a name, an .onnx file or a mixture.",
        flags=("--style", "-s"),
    )
    fps: float = option(
        30.0,
        "Frames a second to hold: the picture is painted smaller where the machine is too slow.",
        min=1,
        max=240,
    )
    size: int | None = option(None, "Paint at this longer side, whatever the rate.", min=32, max=4096)
    brush: float = option(
        1.0,
        "Size of the brush strokes, 1 as trained, relative to the picture as it is stylized.",
        min=0.25,
        max=8,
    )
    strength: float = option(
        1.0, "How much painting: 0 is the camera, 1 the painting, up to 2 exaggerates.", min=0, max=2
    )
    steady: bool = option(
        True, "Keep the painting steady where the scene is: what was painted moves along with it."
    )
    mirror: bool = option(True, "Show the picture as a mirror does.")
    fullscreen: bool = option(False, "Fill the screen.")
    headless: bool = option(False, "Show no window: for servers and recordings.")
    seconds: float | None = option(None, "End after this many seconds.", min=0)
    record: Path | None = option(
        None,
        "Record what is shown into this video file, from the beginning; in the window `r` begins and ends a"
        " recording.",
    )
    virtual: bool = option(
        False, "Send the picture to a virtual camera (v4l2loopback, OBS), for meeting programs."
    )
    precision: str = option(
        "auto", "Arithmetic of styles that have both; auto takes the faster.", choices=PRECISIONS
    )
    device: str = option("auto", "Where to paint; see `fststyle image --help`.")
    threads: int | None = option(None, "Threads of the CPU; one per core if not given.", min=1, max=1024)

    mask: Path | None = option(
        None,
        "An image of the same shape, as shown: white is stylized, black stays a photo; edges are softened.",
    )
    only: str | None = option(
        None, "Stylize only this part, as a small network finds it.", choices=("subject", "background")
    )

    def __post_init__(self) -> None:
        as_paths(self, "record", "mask")
        if self.record is not None:
            spare((self.camera, *filter(None, (self.mask,))), self.record)


@dataclass(frozen=True)
class SpeedSettings:
    """What is measured."""

    device: str = option("auto", "Where to paint; see `fststyle image --help`.")
    threads: int | None = option(None, "Threads of the CPU; one per core if not given.", min=1, max=1024)
    frames: int = option(
        10, "Frames timed for each figure at least, after some to warm up.", min=1, max=10000
    )
