"""Encoder process of `fststyle.runtime.webcam.outputs.stream`: encode frames from stdin and stream them.

This file is run as a script, and imports only PyAV and NumPy in addition to the standard library. stdin
contains one line of JSON with ``url``, ``format``, ``size`` (width, height) and ``fps``, and then for each
frame its capture time in seconds (`float.hex`, padded to 32 bytes) and its pixels, uint8 (H, W, 3). The
process writes the line `CONNECTED` to stdout after the first frame, and an error message if it fails.
"""

import json
import os
import signal
import sys
from fractions import Fraction
from typing import Any, BinaryIO

CONNECTED = "connected"
"""Line that is written to stdout after the first frame has been sent."""
PERMANENT_ERROR = 3
"""Exit code for errors that reconnecting does not fix."""

BITS_PER_PIXEL = 0.1
"""Bits per pixel of a frame, from which the bit rate is computed. The minimum bit rate is 400 kbit/s."""

_CLOCK = Fraction(1, 1000)
_TIME = 32


def stream(frames: BinaryIO, request: dict[str, Any]) -> None:
    """Encode the frames in the binary stream ``frames`` until it ends, and send them to ``request["url"]``.

    ``frames`` and ``request`` have the format in the module docstring. Raises the exceptions of PyAV.
    """
    import av
    import numpy as np

    width, height = request["size"]
    fps = request["fps"]
    with av.open(request["url"], "w", format=request["format"]) as container:
        video = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        # 4:2:0 needs even sides, so an odd last row or column is dropped.
        video.width, video.height, video.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
        video.time_base = video.codec_context.time_base = _CLOCK
        bits = max(400_000, int(BITS_PER_PIXEL * width * height * fps))
        video.bit_rate, video.codec_context.gop_size = bits, max(1, round(2 * fps))
        video.codec_context.color_range = video.codec_context.colorspace = 1  # limited range, BT.709
        video.options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "profile": "high",
            "maxrate": str(bits),
            "bufsize": str(bits),
        }
        begin, last = None, -1
        while (head := _read_exactly(frames, _TIME)) and (
            pixels := _read_exactly(frames, width * height * 3)
        ):
            at = float.fromhex(head.decode().strip())
            begin = at if begin is None else begin
            rgb = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            rgb = rgb[: height // 2 * 2, : width // 2 * 2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            first, last = last < 0, max(last + 1, round((at - begin) / _CLOCK))
            frame.pts, frame.time_base = last, _CLOCK
            for packet in video.encode(frame):
                container.mux(packet)
            if first:
                _send(CONNECTED)
        for packet in video.encode(None):
            container.mux(packet)


def _read_exactly(frames: BinaryIO, count: int) -> bytes:
    """Read exactly ``count`` bytes. Returns b"" if the stream ends earlier."""
    content = frames.read(count)
    return content if len(content) == count else b""


def main() -> int:
    """Stream the frames from stdin until it ends. Returns the exit code of the process."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal also sends these signals to the parent process
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    request = json.loads(sys.stdin.buffer.readline())
    try:
        import av
    except ImportError as error:
        _send(f"PyAV cannot be imported: {error}")
        return PERMANENT_ERROR
    av.logging.set_level(None)
    try:
        stream(sys.stdin.buffer, request)
    except av.error.ProtocolNotFoundError:
        _send(f"this build of PyAV does not support {request['url'].partition(':')[0]}")
        return PERMANENT_ERROR
    except (av.codec.codec.UnknownCodecError, av.error.EncoderNotFoundError):
        _send("this build of PyAV cannot encode H.264")
        return PERMANENT_ERROR
    except (av.error.FFmpegError, OSError, ValueError) as error:
        _send(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        return 1
    return 0


def _send(text: str) -> None:
    """Send one line to the parent process."""
    sys.stdout.write(" ".join(text.split()) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Modules in this folder must not shadow modules of other packages.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    code = main()
    sys.stdout.flush()
    os._exit(code)  # skips the cleanup, which may hang if the connection does not respond
