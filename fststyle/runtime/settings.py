"""Settings of the commands that stylize: image, video, webcam and bench.

Imports neither NumPy nor OpenCV, so that the command line starts fast.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fststyle.io.files import refuse_overwrite
from fststyle.runtime.video.keyframes import Timeline
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.settings import accepts_former_names, as_paths, option

PRECISIONS = ("auto", "float", "int8")
"""Choices of ``--precision``."""

AUDIO = ("auto", "copy")
"""Choices of ``fststyle video --audio``."""

DEINTERLACE = ("auto", "off", "on")
"""Choices of ``--deinterlace``: deinterlace the frames marked as interlaced, no frames, or all frames."""

FIELD_RATES = ("halve", "keep")
"""Choices of ``--field-rate``: write one frame per two fields, or one frame per field."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""Choices of ``--preset``, from fast to slow. The default, veryfast, leaves CPU time for the network."""

SIZES = ("320x240", "640x480", "960x540", "1280x720", "1920x1080")
"""Default frame sizes of the benchmark."""

_SHARED: dict[str, dict[str, Any]] = {
    "precision": {
        "default": "auto",
        "help": "Network precision; auto uses int8 on CPUs if the style has an int8 file.",
        "choices": PRECISIONS,
    },
    "device": {"default": "auto", "help": "Device; see `fststyle image --help`."},
    "threads": {
        "default": None,
        "help": "Number of CPU threads; default: one per core.",
        "min": 1,
        "max": 1024,
    },
    "detail": {
        "default": None,
        "help": "Keep sharp details of the input, such as eyes and lettering: 0 for none, 1 for all; default:"
        " the value recommended for the style.",
        "min": 0,
        "max": 1,
    },
    "only": {
        "default": None,
        "help": "Stylize only the subject or only the background, found by a small segmentation network.",
        "choices": ("subject", "background"),
    },
    "steady": {
        "default": True,
        "help": "Suppress flicker by blending with the previous frame along the optical flow.",
    },
}


def _shared(name: str, **changes: Any) -> Any:
    """Return a dataclass field for the option ``name``, a key of ``_SHARED``, which several commands share.

    ``changes`` are arguments of `option` that override those in ``_SHARED``.
    """
    return option(**_SHARED[name] | changes)


@dataclass(frozen=True)
class FrameSettings:
    """Settings that are common to images and videos."""

    style: str = option(
        "starry-night",
        "Name of a style (see `fststyle styles`), an .onnx file, or a mixture (a:0.6,b:0.4).",
        flags=("--style", "-s"),
    )
    size: int | None = option(
        None,
        "Resize the input so that its longer side has this length in pixels; default: no resizing.",
        min=16,
        max=65535,
    )
    brush: float | None = option(
        None,
        "Brush stroke size relative to training; default: 1 for a shorter side of up to 640 pixels,"
        " proportionally larger above.",
        min=0.25,
        max=8,
    )
    detail: float | None = _shared("detail")
    smooth: int | None = option(
        0,
        "Smooth along the brush strokes, over this number of pixels in each direction, which removes weave"
        " and dots but takes several times as long as the network; 0 for no smoothing.",
        min=0,
        max=16,
    )
    keep_colors: bool = option(False, "Keep the colors of the input and stylize only its luma.")
    tile: str = option(
        "auto", "Tiling: auto (only if memory is short), off, or the side of a tile in pixels (at least 64)."
    )
    precision: str = _shared("precision")
    device: str = _shared(
        "device", help="Device: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx."
    )
    threads: int | None = _shared("threads")
    mask: Path | None = option(
        None,
        "Mask image with the aspect ratio of the input: white areas are stylized, black areas are kept; edges"
        " are softened.",
    )
    only: str | None = _shared("only")
    ray: str | None = option(
        None,
        "Stylize on a Ray cluster: the address of the cluster, auto for the cluster of this machine, or local"
        " to start one.",
    )

    def __post_init__(self) -> None:
        as_paths(self, "mask")


@dataclass(frozen=True)
class StylizeSettings(FrameSettings):
    """Settings for images and single frames: those of `FrameSettings`, and a constant strength."""

    strength: float = option(
        1.0,
        "Style strength: 0 keeps the input, 1 is the trained style, higher values exaggerate it.",
        min=0,
        max=2,
    )


@dataclass(frozen=True)
class ImageSettings(StylizeSettings):
    """Settings of `fststyle image`."""

    smooth: int | None = option(
        None,
        "Smooth along the brush strokes, over this number of pixels in each direction, which removes weave"
        " and dots; 0 for no smoothing; default: the value recommended for the style.",
        min=0,
        max=16,
    )
    quality: int = option(95, "Quality of JPEG, WebP, AVIF, HEIC and JPEG XL output.", min=1, max=100)
    lossless: bool | None = option(
        None,
        "Write lossless WebP, HEIC and JPEG XL; default: only WebP and JPEG XL, if the input is lossless.",
        flags=("--lossless/--no-lossless",),
    )
    strip_metadata: bool = option(
        False,
        "Do not write EXIF, XMP, IPTC and text metadata (camera, date, location).",
        flags=("--strip-metadata",),
    )
    skip_existing: bool = option(
        False, "Skip images whose output already exists.", flags=("--skip-existing",)
    )


@accepts_former_names
@dataclass(frozen=True)
class VideoSettings(FrameSettings):
    """Settings of `fststyle video`.

    ``style`` and ``strength`` may contain keyframes (`fststyle.runtime.video.keyframes`), whose times are
    measured from the start of the output.
    """

    style: str = option(
        "starry-night",
        "Name of a style (see `fststyle styles`), an .onnx file, a mixture (a:0.6,b:0.4), or styles with"
        " start times (a@0,b@4s).",
        flags=("--style", "-s"),
    )
    strength: str = option(
        "1",
        "Style strength from 0 to 2: 0 keeps the input, 1 is the trained style, higher values exaggerate it;"
        " or values with times (0@0,1@3s).",
    )
    fade: float = option(1.0, "Duration of a transition between two styles, in seconds.", min=0, max=3600)
    keyframes: Path | None = option(
        None, "JSON or CSV file with times, styles and strengths; replaces --style and --strength."
    )

    steady: bool = _shared("steady")
    start: float = option(0.0, "Start time in seconds.", min=0)
    end: float | None = option(None, "End time in seconds; default: the end of the video.", min=0)
    fps: float | None = option(
        None,
        "Frame rate of the output; frames are repeated or dropped to match it. Default: each frame keeps its"
        " timestamp.",
        min=0.01,
        max=1000,
    )
    input_fps: float = option(
        25.0,
        "Frame rate of an input without timestamps (an image sequence or raw frames).",
        min=0.01,
        max=1000,
        former="rate",
    )
    frame_size: str | None = option(None, "Size of raw frames (rgb24) from stdin, as WIDTHxHEIGHT.")
    codec: str = option(
        "auto",
        "FFmpeg encoder, such as libx264, libx265, libsvtav1, libvpx-vp9, h264_nvenc or h264_videotoolbox;"
        " auto selects libx264, or libvpx-vp9 for .webm.",
    )
    crf: int = option(
        18,
        "Constant rate factor of x264, x265, VP9 and SVT-AV1; lower means better quality and larger files.",
        min=0,
        max=63,
    )
    preset: str = option("veryfast", "Preset of x264 and x265; slower means smaller files.", choices=PRESETS)
    pix_fmt: str | None = option(
        None,
        "Pixel format of the output, such as yuv420p10le for 10 bits; default: yuv420p, which most players"
        " support, if the encoder supports it.",
    )

    deinterlace: str = option(
        "auto",
        "Which frames to deinterlace: auto (those marked as interlaced), off (none) or on (all).",
        choices=DEINTERLACE,
    )
    field_rate: str = option(
        "halve",
        "Frame rate of deinterlaced video: halve writes one frame per two fields, keep one frame per field.",
        choices=FIELD_RATES,
    )
    audio: str = option(
        "auto",
        "Audio handling: auto copies the stream, or re-encodes it if the container or common MP4 players do"
        " not support its codec; copy also copies PCM and MP3 into MP4.",
        choices=AUDIO,
    )
    resume: bool = option(
        False,
        "Save finished segments of the output, and continue an interrupted run of the same command.",
    )
    skip_existing: bool = option(
        False, "If the input is a folder, skip the videos in it whose output already exists."
    )

    mask: Path | None = option(
        None,
        "Mask with the aspect ratio of the input, an image, a video or an image sequence: white areas are"
        " stylized, black areas are kept; edges are softened.",
    )

    def __post_init__(self) -> None:
        as_paths(self, "keyframes", "mask")
        object.__setattr__(self, "strength", str(self.strength))  # callers may pass a number

    @property
    def timeline(self) -> Timeline:
        """Styles and strength over time. Raises `InputError` for invalid keyframes."""
        return parse_keyframes(self.style, self.strength, self.keyframes, self.fade)


@dataclass(frozen=True)
class WebcamSettings:
    """Settings of `fststyle webcam`.

    Raises `OutputError` if ``record`` is the same file as ``camera`` or ``mask``.
    """

    camera: str = option(
        "0",
        "Index, device path or URL of a camera, or a video file, which is played in a loop.",
        flags=("--camera", "-c"),
    )
    reconnect: float = option(
        10.0,
        "How long to try to reconnect to a network camera (a URL), in seconds.",
        min=0,
        max=86400,
    )
    style: str = option(
        "starry-night",
        "Initial style: a name (see `fststyle styles`), an .onnx file or a mixture (a:0.6,b:0.4).",
        flags=("--style", "-s"),
    )
    fps: float = option(
        30.0,
        "Target frame rate; the resolution is reduced if the machine is too slow.",
        min=1,
        max=240,
    )
    size: int | None = option(
        None,
        "Fixed longer side of the stylized frames in pixels; default: adapted to --fps.",
        min=32,
        max=4096,
    )
    brush: float = option(
        1.0,
        "Brush stroke size relative to training, at the stylized resolution.",
        min=0.25,
        max=8,
    )
    detail: float | None = _shared("detail")
    strength: float = option(
        1.0,
        "Style strength: 0 keeps the camera image, 1 is the trained style, higher values exaggerate it.",
        min=0,
        max=2,
    )
    steady: bool = _shared("steady")
    mirror: bool = option(True, "Mirror the camera image.")
    fullscreen: bool = option(False, "Start in full screen.")
    headless: bool = option(False, "Do not open a window, for servers and recordings.")
    seconds: float | None = option(None, "Stop after this time, in seconds.", min=0)
    record: Path | None = option(
        None,
        "Record to this video file from the start; the key r also starts and stops a recording.",
    )
    virtual: bool = option(
        False, "Send the stylized video to a virtual camera (v4l2loopback, OBS) for video-call apps."
    )
    stream: str | None = option(
        None, "Stream the stylized video to this URL: rtmp://, rtmps://, srt://, udp://, tcp:// or rtsp://."
    )
    ndi: bool = option(False, "Publish the stylized video as the NDI source fststyle.")
    spout: bool = option(
        False,
        "Publish the stylized video as the Spout sender fststyle (Windows only; not yet tested on Windows).",
    )
    syphon: bool = option(
        False,
        "Publish the stylized video as the Syphon server fststyle (macOS only; not yet tested on macOS).",
    )
    osc: str | None = option(
        None, "Receive OSC messages at this UDP address: PORT (on 127.0.0.1) or HOST:PORT."
    )
    osc_out: str | None = option(
        None, "Send the current values and statistics as OSC messages to this HOST:PORT."
    )
    midi: str | None = option(
        None, "Receive MIDI from all input ports (auto), or from a port whose name contains this text."
    )
    midi_map: Path | None = option(
        None, "JSON file with the MIDI assignments; default: midi.json in the user's configuration folder."
    )
    learn: str | None = option(
        None,
        "Assign MIDI faders and buttons to these controls, such as strength,mix,next: move one fader or press"
        " one button for each, in this order.",
    )
    audio: str | None = option(
        None,
        "Sound source for --follow: auto for the default input, part of the name of an input, or an audio"
        " file, which is analyzed in a loop.",
    )
    follow: str = option(
        "strength=bass",
        "Controls that follow the sound: CONTROL=MEASURE, separated by commas, such as"
        " strength=bass,mix=beat. With :QUIET:LOUD, the control has these values where the measure is 0 and"
        " 1, such as strength=bass:0.3:1.2. Controls: strength, mix, brush, steadiness. Measures: level,"
        " bass, treble, beat.",
    )
    precision: str = _shared("precision")
    device: str = _shared("device")
    threads: int | None = _shared("threads")

    mask: Path | None = option(
        None,
        "Mask image with the aspect ratio of the camera image: white areas are stylized, black areas are"
        " kept; edges are softened.",
    )
    only: str | None = _shared("only")

    def __post_init__(self) -> None:
        as_paths(self, "record", "mask", "midi_map")
        if self.record is not None:
            refuse_overwrite((self.camera, *filter(None, (self.mask,))), self.record)

    @property
    def controlled(self) -> bool:
        """Whether OSC messages, MIDI or sound can change the style and other values while the webcam runs.

        If so, styles are loaded in advance.
        """
        return any(value is not None for value in (self.osc, self.midi, self.audio))


@dataclass(frozen=True)
class SpeedSettings:
    """Settings of `fststyle bench`."""

    device: str = _shared("device")
    threads: int | None = _shared("threads")
    frames: int = option(
        10, "Minimum number of timed frames per measurement, after a warm-up.", min=1, max=10000
    )
