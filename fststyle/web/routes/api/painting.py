"""API of stylization: images are stylized immediately, videos and batches of images as jobs."""

import shutil
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from fststyle.errors import InputError
from fststyle.runtime.settings import ImageSettings
from fststyle.web.database import JsonObject
from fststyle.web.forms import paint_settings
from fststyle.web.names import disposition, label
from fststyle.web.routes.api.schemas import Client, JobInfo, Parts, job_info
from fststyle.web.sniff import video_suffix
from fststyle.web.state import State
from fststyle.web.work.videos import check_video

router = APIRouter()
Paint = Annotated[ImageSettings, Depends(paint_settings)]
Format = Annotated[
    str,
    Form(
        max_length=10,
        description="Format of the result, such as jpeg, png or webp; empty: the format of the input, or png"
        " if that format cannot be written.",
    ),
]
MAX_BATCH = 200
"""Maximum number of files in one job."""


@router.post(
    "/paint",
    tags=["paint"],
    response_class=Response,
    responses={200: {"content": {"image/*": {}}, "description": "The stylized image."}},
)
async def paint(
    request: Request,
    parts: Parts,
    settings: Paint,
    photo: Annotated[UploadFile, File(description="An image in any format that fststyle reads.")],
    format: Format = "",
) -> Response:
    """Stylize an image, at full resolution by default. The server does not keep the image or the result."""
    painted = await parts.pool.paint(photo.file, settings, format or None, request.is_disconnected)
    name = f"{label(photo.filename)}-{settings.style.replace(',', '+').replace(':', '-')}{painted.suffix}"
    headers = {
        "Content-Disposition": disposition(name).replace("attachment", "inline", 1),
        "Cache-Control": "no-store",
        "X-Fststyle-Seconds": f"{painted.seconds}",
        "X-Fststyle-Size": f"{painted.width}x{painted.height}",
    }
    return Response(painted.content, media_type=painted.media_type, headers=headers)


@router.post("/jobs", tags=["jobs"], status_code=202)
async def add_job(
    parts: Parts,
    client: Client,
    settings: Paint,
    files: Annotated[list[UploadFile], File(description="One video, or up to 200 images.")],
    format: Format = "",
) -> JobInfo:
    """Stylize a video or a batch of images in the background.

    The result of a video is an .mp4 file, or a .webm file if ``format`` is webm. The result of images is a
    .zip file.
    """
    result: JobInfo = await run_in_threadpool(_add_job, parts, client, settings, files, format)
    return result


def _add_job(
    parts: State, client: str, settings: ImageSettings, files: list[UploadFile], format: str
) -> JobInfo:
    parts.remove_old_jobs()
    if len(files) > MAX_BATCH:
        raise InputError(f"a job may have at most {MAX_BATCH} files")
    suffixes = [video_suffix(file.file) for file in files]
    folder = parts.jobs.new_folder()
    try:
        if suffixes == [None] * len(files):
            kind, name, values = _photos(folder, files, settings, format)
        elif len(files) == 1:
            kind, name, values = _video(parts, folder, files[0], suffixes[0] or "", settings, format)
        else:
            raise InputError(f"a job may have either one video or up to {MAX_BATCH} images")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return job_info(parts, parts.jobs.add(kind, folder, name, values, client), client)


def _photos(
    folder: Path, files: list[UploadFile], settings: ImageSettings, format: str
) -> tuple[str, str, JsonObject]:
    (folder / "photos").mkdir()
    for number, file in enumerate(files):
        _save(file, folder / "photos" / f"{number:04}")
    values = {
        "paint": _plain(settings, "smooth", "size", "quality"),
        "labels": [label(file.filename) for file in files],
        "format": format or None,
    }
    return "photos", f"{len(files)} photo{'s' * (len(files) != 1)}", values


def _video(
    parts: State, folder: Path, file: UploadFile, suffix: str, settings: ImageSettings, format: str
) -> tuple[str, str, JsonObject]:
    if format not in ("", "mp4", "webm"):
        raise InputError(f"format: {format!r} is not supported for videos; use mp4 or webm")
    source = folder / f"source{suffix}"
    _save(file, source)
    check_video(source, parts.settings.max_pixels, parts.settings.video_seconds)
    paint = {**_plain(settings, "size"), "strength": f"{settings.strength:g}"}
    return "video", label(file.filename, "video"), {"paint": paint, "suffix": f".{format or 'mp4'}"}


def _plain(settings: ImageSettings, *more: str) -> JsonObject:
    names = ("style", "strength", "brush", "detail", "keep_colors", *more)
    return {name: getattr(settings, name) for name in names}


def _save(file: UploadFile, path: Path) -> None:
    with path.open("xb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
