"""Settings of everything that stylizes. Imports neither numpy nor OpenCV, so that the command line starts
fast.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fststyle.io.files import refuse_overwrite
from fststyle.runtime.video.keyframes import Timeline
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.settings import accepts_former_names, as_paths, option

PRECISIONS = ("auto", "float", "int8")

AUDIO = ("auto", "copy")
"""Choices of ``--audio``."""

DEINTERLACE = ("auto", "off", "on")
"""Deinterlacing: auto for frames that are marked as interlaced, on for all frames, off for none."""

FIELD_RATES = ("halve", "keep")
"""One frame per two fields, or one per field."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""Presets of x264 and x265. The default, veryfast, leaves most of the CPU to the network."""

SIZES = ("320x240", "640x480", "960x540", "1280x720", "1920x1080")

_SHARED: dict[str, dict[str, Any]] = {
    "precision": {
        "default": "auto",
        "help": "Precision of the network; auto uses int8 on CPUs if the style has an int8 file.",
        "choices": PRECISIONS,
    },
    "device": {"default": "auto", "help": "Device; see `fststyle image --help`."},
    "threads": {"default": None, "help": "CPU threads; default: one per core.", "min": 1, "max": 1024},
    "only": {
        "default": None,
        "help": "Stylize only the subject or only the background, which a small network detects.",
        "choices": ("subject", "background"),
    },
    "steady": {
        "default": True,
        "help": "Suppress flicker: blend with the previous frame along the motion of the scene.",
    },
}


def _shared(name: str, **changes: Any) -> Any:
    """A field with an option that several commands have; ``changes`` replace arguments of `option`."""
    return option(**_SHARED[name] | changes)


@dataclass(frozen=True)
class FrameSettings:
    """Settings of frames of images and videos that do not change from frame to frame."""

    style: str = option(
        "starry-night",
        "Name of a style (see `fststyle styles`), an .onnx file, or a mixture: a:0.6,b:0.4.",
        flags=("--style", "-s"),
    )
    size: int | None = option(
        None, "Resize the input to this longer side in pixels; default: no resizing.", min=16, max=65535
    )
    brush: float | None = option(
        None,
        "Size of the strokes relative to training; default: 1 up to a shorter side of 640 pixels, and in"
        " proportion above.",
        min=0.25,
        max=8,
    )
    keep_colors: bool = option(False, "Keep the colors of the input: only luma is stylized.")
    tile: str = option(
        "auto", "Stylize in tiles: auto if memory is short, off, or the side of the tiles in pixels."
    )
    precision: str = _shared("precision")
    device: str = _shared(
        "device", help="Device: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx."
    )
    threads: int | None = _shared("threads")
    mask: Path | None = option(
        None,
        "An image with the same aspect ratio: white is stylized, black stays a photo; edges are softened.",
    )
    only: str | None = _shared("only")
    ray: str | None = option(
        None,
        "Stylize on a Ray cluster: its address, auto for the one of this machine, or local to start one.",
    )

    def __post_init__(self) -> None:
        as_paths(self, "mask")


@dataclass(frozen=True)
class PaintSettings(FrameSettings):
    """Settings of frames with a constant strength."""

    strength: float = option(
        1.0, "Strength of the style: 0 is the photo, 1 the trained style, up to 2 exaggerated.", min=0, max=2
    )


@dataclass(frozen=True)
class ImageSettings(PaintSettings):
    """Settings of images."""

    quality: int = option(95, "Quality of JPEG, WebP, AVIF, HEIC and JPEG XL.", min=1, max=100)
    lossless: bool | None = option(
        None,
        "Lossless WebP, HEIC and JPEG XL; default: WebP and JPEG XL are lossless if the input is.",
        flags=("--lossless/--no-lossless",),
    )
    strip_metadata: bool = option(
        False,
        "Do not write EXIF, XMP, IPTC and text metadata (camera, date, location).",
        flags=("--strip-metadata",),
    )
    skip_existing: bool = option(
        False, "Skip the pictures whose output already exists.", flags=("--skip-existing",)
    )


@accepts_former_names
@dataclass(frozen=True)
class VideoSettings(FrameSettings):
    """Settings of videos.

    ``style`` and ``strength`` may be keyframes (`fststyle.runtime.video.keyframes`) with times of the output.
    """

    style: str = option(
        "starry-night",
        "Name of a style (see `fststyle styles`), an .onnx file, a mixture: a:0.6,b:0.4, or styles with their"
        " start times: a@0,b@4s.",
        flags=("--style", "-s"),
    )
    strength: str = option(
        "1",
        "Strength of the style: 0 is the photo, 1 the trained style, up to 2 exaggerated; or numbers with"
        " times: 0@0,1@3s.",
    )
    fade: float = option(1.0, "Duration of the transition between two styles in seconds.", min=0, max=3600)
    keyframes: Path | None = option(
        None, "A JSON list or a CSV file of time, style and strength, instead of --style and --strength."
    )

    steady: bool = _shared("steady")
    start: float = option(0.0, "Start time in seconds.", min=0)
    end: float | None = option(None, "End time in seconds; default: the end of the video.", min=0)
    fps: float | None = option(
        None,
        "Frames per second of the output: frames are repeated or dropped; default: each frame keeps its"
        " timestamp.",
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
    frame_size: str | None = option(None, "WIDTHxHEIGHT of raw frames (rgb24) from stdin.")
    codec: str = option(
        "auto",
        "Encoder: libx264, libx265, libsvtav1, libvpx-vp9, h264_nvenc, h264_videotoolbox ...; auto is"
        " libx264, or libvpx-vp9 for .webm.",
    )
    crf: int = option(
        18,
        "Constant rate factor of x264, x265, VP9 and SVT-AV1: lower means better quality and larger files.",
        min=0,
        max=63,
    )
    preset: str = option("veryfast", "Preset of x264 and x265: slower means smaller files.", choices=PRESETS)
    pix_fmt: str | None = option(
        None,
        "Pixel format of the output, such as yuv420p10le for 10 bits; default: yuv420p if the encoder"
        " supports it, for compatibility with all players.",
    )

    deinterlace: str = option(
        "auto",
        "Deinterlacing: auto for frames that are marked as interlaced, on for all frames, off for none.",
        choices=DEINTERLACE,
    )
    field_rate: str = option(
        "halve",
        "Frame rate of deinterlaced video: halve gives one frame per two fields, keep one per field.",
        choices=FIELD_RATES,
    )
    audio: str = option(
        "auto",
        "Audio: auto copies it, and re-encodes it if the container or players of MP4 do not support it; copy"
        " also copies PCM and MP3 into MP4.",
        choices=AUDIO,
    )
    resume: bool = option(
        False,
        "Keep finished segments of the output, and continue an interrupted run of the same command.",
    )
    skip_existing: bool = option(False, "Skip the videos of a folder whose output already exists.")

    mask: Path | None = option(
        None,
        "An image, a video or an image sequence with the same aspect ratio: white is stylized, black stays a"
        " photo; edges are softened.",
    )

    def __post_init__(self) -> None:
        as_paths(self, "keyframes", "mask")
        object.__setattr__(self, "strength", str(self.strength))  # callers may pass a number

    @property
    def timeline(self) -> Timeline:
        """Styles and strength over time. Raises `InputError`."""
        return parse_keyframes(self.style, self.strength, self.keyframes, self.fade)


@dataclass(frozen=True)
class WebcamSettings:
    """Settings of the webcam filter."""

    camera: str = option(
        "0",
        "Index, device path or URL of a camera, or a video file, which is played in a loop.",
        flags=("--camera", "-c"),
    )
    reconnect: float = option(
        10.0,
        "Seconds to retry if the connection to a network camera (a URL) is lost.",
        min=0,
        max=86400,
    )
    style: str = option(
        "starry-night",
        "The first style: a name, an .onnx file or a mixture.",
        flags=("--style", "-s"),
    )
    fps: float = option(
        30.0,
        "Target frame rate: the resolution is reduced if the machine is too slow.",
        min=1,
        max=240,
    )
    size: int | None = option(
        None, "Stylize at this longer side in pixels, at any frame rate.", min=32, max=4096
    )
    brush: float = option(
        1.0,
        "Size of the strokes relative to training, at the resolution that is stylized.",
        min=0.25,
        max=8,
    )
    strength: float = option(
        1.0,
        "Strength of the style: 0 is the camera image, 1 the trained style, up to 2 exaggerated.",
        min=0,
        max=2,
    )
    steady: bool = _shared("steady")
    mirror: bool = option(True, "Mirror the picture.")
    fullscreen: bool = option(False, "Start in full screen.")
    headless: bool = option(False, "Show no window, for servers and recordings.")
    seconds: float | None = option(None, "Stop after this many seconds.", min=0)
    record: Path | None = option(
        None,
        "Record to this video file from the start; in the window, `r` starts and stops a recording.",
    )
    virtual: bool = option(
        False, "Send the picture to a virtual camera (v4l2loopback, OBS) for video-call apps."
    )
    stream: str | None = option(
        None, "Stream the picture to this URL: rtmp://, rtmps://, srt://, udp://, tcp://, rtsp://."
    )
    ndi: bool = option(False, "Send the picture as the NDI source fststyle.")
    spout: bool = option(False, "Send the picture as the Spout sender fststyle (Windows).")
    syphon: bool = option(False, "Send the picture as the Syphon server fststyle (macOS).")
    osc: str | None = option(None, "Receive OSC on this UDP port: PORT (of 127.0.0.1) or HOST:PORT.")
    osc_out: str | None = option(None, "Send values and statistics by OSC to this HOST:PORT.")
    midi: str | None = option(
        None, "Receive MIDI: auto for all input ports, or a part of the name of a port."
    )
    midi_map: Path | None = option(
        None, "JSON file of the MIDI map; default: midi.json in the user's configuration folder."
    )
    learn: str | None = option(
        None,
        "Assign MIDI controls to these names, in this order, such as strength,mix,next: move the control of"
        " each name in turn.",
    )
    audio: str | None = option(
        None,
        "Sound source for --follow: auto for the default input, a part of the name of an input, or an audio"
        " file, which is played in a loop.",
    )
    follow: str = option(
        "strength=bass",
        "Controls that follow the sound: strength, mix, brush or steadiness = level, bass, treble or beat,"
        " with an optional range, such as strength=bass:0.3:1.2,mix=beat.",
    )
    precision: str = _shared("precision")
    device: str = _shared("device")
    threads: int | None = _shared("threads")

    mask: Path | None = option(
        None,
        "An image with the aspect ratio of the picture: white is stylized, black stays a photo; edges are"
        " softened.",
    )
    only: str | None = _shared("only")

    def __post_init__(self) -> None:
        as_paths(self, "record", "mask", "midi_map")
        if self.record is not None:
            refuse_overwrite((self.camera, *filter(None, (self.mask,))), self.record)

    @property
    def controlled(self) -> bool:
        """Whether values are changed by OSC, MIDI or sound, so that styles are loaded in advance."""
        return any(value is not None for value in (self.osc, self.midi, self.audio))


@dataclass(frozen=True)
class SpeedSettings:
    """Settings of the benchmark."""

    device: str = _shared("device")
    threads: int | None = _shared("threads")
    frames: int = option(10, "Minimum number of timed frames, after a warm-up.", min=1, max=10000)
