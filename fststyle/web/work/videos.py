"""Stylize videos and batches of photos as jobs."""

import io
import time
import zipfile
from pathlib import Path

import av

from fststyle.arrays import RGB
from fststyle.errors import FststyleError, InputError
from fststyle.io import images
from fststyle.io.files import replacing_path
from fststyle.runtime.settings import ImageSettings, VideoSettings
from fststyle.runtime.video.formats.pyav import reason
from fststyle.runtime.video.report import Progress
from fststyle.runtime.video.resume import finished_frames
from fststyle.runtime.video.stylize import checked, stylize_video
from fststyle.web.database import JsonObject
from fststyle.web.errors import public
from fststyle.web.names import unique
from fststyle.web.painting import PaintingPool
from fststyle.web.work.jobs import Job, JobMonitor, Stopped

PREVIEW = "preview.jpg"
PREVIEW_SIDE = 960
"""Longer side of the preview, in pixels."""
PREVIEW_SECONDS = 0.7
"""Minimum time between previews of a video, in seconds."""
MAX_RATE = 240
"""Maximum number of frames of a video, per second of the maximum duration."""


def check_video(path: Path, max_pixels: int, seconds: float) -> None:
    """Raise `InputError` unless a file is a readable video within the limits on frame size and duration.

    ``max_pixels`` is the maximum number of pixels per frame, and ``seconds`` is the maximum duration, which
    may be exceeded by one second. The duration is read from the header of the file. If the header does not
    contain it, it is not checked.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError("the file contains no video")
            stream = container.streams.video[0]
            width, height = stream.width, stream.height
            duration = container.duration / 1_000_000 if container.duration else 0.0
    except InputError:
        raise
    except Exception as error:  # the exceptions of PyAV have many types
        cause = reason(error).replace(str(path), "the file")
        raise InputError(f"the video cannot be read ({cause})") from error
    if width * height > max_pixels:
        raise InputError(
            f"the frames of the video have {width}x{height} pixels; at most {max_pixels:,} are accepted"
        )
    if duration > seconds + 1:
        raise InputError(f"the video is {duration:.0f} seconds long; at most {seconds:.0f} are accepted")


class VideoWorker:
    """Worker that stylizes the video ``source.*`` in the folder of a job and writes ``painted.*`` there.

    Only the first ``seconds`` of the video are stylized. The job fails if they have more than ``seconds`` *
    `MAX_RATE` frames. A stopped job that writes .mp4 or .webm keeps its finished segments
    (`fststyle.runtime.video.resume`), and continues after them when it is resumed. The result of a stopped
    job has the key ``kept``, the number of frames in these segments.
    """

    def __init__(self, seconds: float, device: str):
        self.seconds, self.device = seconds, device

    def __call__(self, job: Job, monitor: JobMonitor) -> JsonObject:
        source = next(job.folder.glob("source.*"))
        target = job.folder / f"painted{job.settings['suffix']}"
        limit = int(self.seconds * MAX_RATE)
        shown = 0.0
        monitor.report(done=0)

        def follow(now: Progress) -> None:
            nonlocal shown
            if now.frames > limit:
                raise InputError(f"the video has too many frames; at most {limit:,} are accepted")
            if now.rgb is not None and time.monotonic() - shown > PREVIEW_SECONDS:
                write_preview(job.folder, now.rgb)
                shown = time.monotonic()
            monitor.report(done=now.frames, of=now.of, rate=round(now.fps, 1), unit="frames", preview=shown)

        settings = VideoSettings(
            **job.settings["paint"],
            device=self.device,
            end=self.seconds,
            resume=target.suffix in (".mp4", ".webm"),
        )
        try:
            painted = stylize_video(source, target, checked(settings), on_progress=follow)
        except Stopped:
            raise Stopped({"kept": finished_frames(target)}) from None
        return {
            "file": target.name,
            "frames": painted.frames,
            "seconds": painted.seconds,
            "notes": [painted.broken] if painted.broken else [],
        }


class PhotosWorker:
    """Worker that stylizes the files in ``photos/`` in the folder of a job and writes ``painted.zip`` there.

    The ``notes`` of the result list the photos that failed, with reasons. If all fail, the job fails. A
    resumed job starts again from the first photo.
    """

    def __init__(self, pool: PaintingPool):
        self.pool = pool

    def __call__(self, job: Job, monitor: JobMonitor) -> JsonObject:
        settings = ImageSettings(**job.settings["paint"])
        format = job.settings.get("format")
        sources = sorted((job.folder / "photos").iterdir())
        labels: list[str] = job.settings["labels"]
        failed: list[str] = []
        taken: set[str] = set()
        begin = time.monotonic()
        monitor.report(done=0, of=len(sources), unit="photos")
        with (
            replacing_path(job.folder / "painted.zip") as place,
            zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive,
        ):
            for number, (source, label) in enumerate(zip(sources, labels, strict=True), 1):
                try:
                    with source.open("rb") as file:
                        painted = self.pool.paint_now(file, settings, format)
                    archive.writestr(unique(label, painted.suffix, taken), painted.content)
                    picture = images.read(io.BytesIO(painted.content), max_pixels=self.pool.max_pixels)
                    write_preview(job.folder, picture.opaque)
                except FststyleError as error:
                    failed.append(f"{label}: {public(error).removeprefix(f'{source}: ')}")
                rate = number / max(time.monotonic() - begin, 1e-3)
                monitor.report(
                    done=number, of=len(sources), rate=round(rate, 2), unit="photos", preview=time.monotonic()
                )
        if len(failed) == len(sources):
            raise InputError("; ".join(failed[:3]))
        return {
            "file": "painted.zip",
            "photos": len(sources) - len(failed),
            "seconds": round(time.monotonic() - begin, 3),
            "notes": failed,
        }


def write_preview(folder: Path, rgb: RGB) -> None:
    """Write an image to the folder of a job as the preview of the job.

    The image is first scaled down if its longer side exceeds `PREVIEW_SIDE`.
    """
    if max(rgb.shape[:2]) > PREVIEW_SIDE:
        rgb = images.resize(rgb, PREVIEW_SIDE)
    images.write(images.Picture([images.Frame(rgb)]), folder / PREVIEW, quality=85)
