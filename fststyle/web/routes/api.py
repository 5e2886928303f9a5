"""The HTTP API. The pages use it too."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.runtime.settings import ImageSettings
from fststyle.settings import check
from fststyle.web.errors import ConflictError, NotFoundError
from fststyle.web.forms import paint_settings
from fststyle.web.judge import judge_of, remember
from fststyle.web.library import Card
from fststyle.web.names import disposition, label
from fststyle.web.painting import checked_style
from fststyle.web.sniff import video_suffix
from fststyle.web.state import TRAIN_KINDS, State, state
from fststyle.web.suggestions import propose
from fststyle.web.uploaded_style import MAX_BYTES
from fststyle.web.work.jobs import DONE, OVER, Job
from fststyle.web.work.trainings import (
    TrainingSettings,
    painting_of,
    preview_of,
    require_torch,
    steps_of,
)
from fststyle.web.work.videos import PREVIEW, check_video

router = APIRouter(prefix="/api")
Parts = Annotated[State, Depends(state)]
Paint = Annotated[ImageSettings, Depends(paint_settings)]
Format = Annotated[
    str, Form(max_length=10, description="Format of the result, such as jpeg, png or webp; empty: as sent.")
]
LARGEST_BATCH = 200
"""Photos of one job."""
PAINTING_SIDE = 2048
"""Longer side of a painting for a training, in pixels."""
EVENT_SECONDS = 0.4
"""Seconds between two looks at the progress of a job."""
HEARTBEAT_SECONDS = 15.0


class StyleInfo(BaseModel):
    """A style of the library. ``rank``: place in the blind comparisons, 1 for the first."""

    name: str
    title: str
    artist: str
    year: str
    licence: str
    network: str
    own: bool
    size: int
    stars: float | None
    ratings: int
    rank: int | None
    strength: float | None
    onnx: str
    sample: str
    painting: str


class JobInfo(BaseModel):
    """A job. ``ahead``: jobs that are done before it. ``result``: address of the result, or empty."""

    id: str
    kind: str
    state: str
    label: str
    ahead: int
    error: str
    progress: dict[str, Any]
    details: dict[str, Any]
    result: str
    preview: str


class Ranked(BaseModel):
    """A style with its strength in the model of Bradley and Terry: log odds against the average style."""

    style: str
    strength: float


@router.get("/styles", tags=["styles"])
def list_styles(
    parts: Parts, q: str = "", sort: Literal["rating", "name", "year"] = "name"
) -> list[StyleInfo]:
    """All styles, or those that contain each word of ``q``."""
    return [_style(card) for card in parts.library.cards(q, sort)]


@router.post("/styles", tags=["styles"], status_code=201)
async def upload_style(
    parts: Parts,
    file: Annotated[UploadFile, File(description="A style file (.onnx).")],
    name: Annotated[str, Form(max_length=64)] = "",
) -> StyleInfo:
    """Add a style file. It is checked and tried in a process of its own first."""
    content = await file.read(MAX_BYTES + 1)
    added = await run_in_threadpool(parts.library.upload, content, name or label(file.filename, "style"))
    return _style(await run_in_threadpool(parts.library.card, added))


@router.delete("/styles/{name}", tags=["styles"], status_code=204)
def delete_style(parts: Parts, name: str) -> None:
    """Delete a style that is not included in fststyle."""
    parts.library.delete(name)


@router.post(
    "/paint",
    tags=["paint"],
    response_class=Response,
    responses={200: {"content": {"image/*": {}}, "description": "The stylized picture."}},
)
async def paint(
    request: Request,
    parts: Parts,
    settings: Paint,
    photo: Annotated[UploadFile, File(description="A picture in any format that fststyle reads.")],
    format: Format = "",
) -> Response:
    """Stylize a picture at its full resolution. Nothing is stored."""
    painted = await parts.studio.paint(photo.file, settings, format or None, request.is_disconnected)
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
    settings: Paint,
    files: Annotated[list[UploadFile], File(description="One video, or several pictures.")],
    format: Format = "",
) -> JobInfo:
    """Stylize a video or a batch of pictures in the background.

    A video becomes an .mp4 file, or .webm with that ``format``; pictures become a .zip file.
    """
    return await run_in_threadpool(_add_job, parts, settings, files, format)


@router.get("/jobs", tags=["jobs"])
def list_jobs(parts: Parts) -> list[JobInfo]:
    """All jobs, the newest first."""
    return [_job(parts, job) for job in parts.jobs.all()]


@router.get("/jobs/{id}", tags=["jobs"])
def show_job(parts: Parts, id: str) -> JobInfo:
    """One job."""
    return _job(parts, parts.jobs.find(id))


@router.get("/jobs/{id}/events", tags=["jobs"], response_class=StreamingResponse)
async def follow_job(parts: Parts, id: str) -> StreamingResponse:
    """The job as server-sent events, one after each change, until it is over."""
    parts.jobs.find(id)
    return StreamingResponse(
        _events(parts, id), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.post("/jobs/{id}/stop", tags=["jobs"])
def stop_job(parts: Parts, id: str) -> JobInfo:
    """Stop a job. A training saves a checkpoint first."""
    return _job(parts, parts.jobs.stop(id))


@router.post("/jobs/{id}/resume", tags=["jobs"])
def resume_job(parts: Parts, id: str) -> JobInfo:
    """Queue a stopped or failed job again; a training and a video continue where they ended."""
    return _job(parts, parts.jobs.resume(id))


@router.delete("/jobs/{id}", tags=["jobs"], status_code=204)
def remove_job(parts: Parts, id: str) -> None:
    """Remove a job that is over, with its files."""
    parts.jobs.remove(id)


@router.get("/jobs/{id}/result", tags=["jobs"], response_class=FileResponse)
def job_result(parts: Parts, id: str, inline: bool = False) -> FileResponse:
    """The result of a job: the video, the pictures as .zip, or the trained style file."""
    job = parts.jobs.find(id)
    file = _result(job)
    if file is None:
        raise NotFoundError("the job has no result")
    headers = {} if inline else {"Content-Disposition": disposition(f"{job.label}{file.suffix}")}
    return FileResponse(file, headers=headers, media_type=None if inline else "application/octet-stream")


@router.get(
    "/jobs/{id}/preview.jpg",
    tags=["jobs"],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def job_preview(parts: Parts, id: str) -> Response:
    """The last stylized frame or photo, or the preview sheet of a training."""
    try:
        # Read at once: the file is replaced while the job runs.
        content = _preview(parts.jobs.find(id)).read_bytes()
    except FileNotFoundError:
        raise NotFoundError("there is no preview yet") from None
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/jobs/{id}/painting.png", tags=["trainings"], response_class=FileResponse)
def training_painting(parts: Parts, id: str) -> FileResponse:
    """The painting of a training."""
    return FileResponse(painting_of(parts.jobs.find(id, TRAIN_KINDS).folder), media_type="image/png")


@router.get("/jobs/{id}/steps", tags=["trainings"])
def training_steps(parts: Parts, id: str) -> list[dict[str, Any]]:
    """The losses of a training step by step, thinned to some hundred points."""
    return steps_of(parts.jobs.find(id, TRAIN_KINDS))


@router.post("/trainings", tags=["trainings"], status_code=202)
async def add_training(
    parts: Parts,
    painting: Annotated[UploadFile, File(description="The painting, a picture.")],
    name: Annotated[str, Form(max_length=64, description="Name of the style.")],
    title: Annotated[str, Form(max_length=120)] = "",
    artist: Annotated[str, Form(max_length=120)] = "",
    year: Annotated[str, Form(max_length=40)] = "",
    minutes: Annotated[float, Form()] = TrainingSettings.minutes,
    style_weight: Annotated[float, Form()] = TrainingSettings.style_weight,
    style_size: Annotated[int, Form()] = TrainingSettings.style_size,
    size: Annotated[int, Form()] = TrainingSettings.size,
    width: Annotated[int | None, Form()] = None,
    blocks: Annotated[int | None, Form()] = None,
) -> JobInfo:
    """Train a style on a painting. One training runs at a time. Needs PyTorch on the server."""
    require_torch()
    settings = TrainingSettings(minutes, style_weight, style_size, size, width, blocks)
    check(settings)
    about = {"title": title.strip(), "artist": artist.strip(), "year": year.strip()}

    def add() -> JobInfo:
        free = parts.library.free_name(name)
        picture = images.read(painting.file, max_pixels=parts.settings.max_pixels)
        folder = parts.jobs.new_folder()
        _save_painting(picture, painting_of(folder))
        values = {"name": free, "about": about, "train": asdict(settings)}
        return _job(parts, parts.jobs.add("train", folder, free, values))

    return await run_in_threadpool(add)


@router.post("/trainings/{id}/publish", tags=["trainings"], status_code=201)
def publish(parts: Parts, id: str) -> StyleInfo:
    """Add the style of a finished training to the library."""
    job = parts.jobs.find(id, TRAIN_KINDS)
    style = _result(job)
    if job.state != DONE or style is None:
        raise ConflictError("the training is not finished")
    if job.result.get("published"):
        raise ConflictError(f"the style is in the library already, as {job.result['published']}")
    int8 = style.with_name(f"{style.stem}-int8.onnx")
    added = parts.library.publish(
        style, int8 if int8.is_file() else None, painting_of(job.folder), job.label, job.settings["about"]
    )
    parts.jobs.update(id, {**job.result, "published": added})
    return _style(parts.library.card(added))


@router.post("/suggestions", tags=["trainings"])
async def suggest(
    parts: Parts, painting: Annotated[UploadFile, File(description="The painting, a picture.")]
) -> dict[str, Any]:
    """Settings for a training on this painting, from the best rated styles with the most similar paintings.

    Needs PyTorch on the server, and ratings.
    """

    def find() -> dict[str, Any]:
        require_torch()
        picture = images.read(painting.file, max_pixels=parts.settings.max_pixels)
        folder = parts.jobs.new_folder()
        try:
            file = painting_of(folder)
            _save_painting(picture, file)
            return asdict(propose(file, parts.library.rated(), parts.folder / "statistics"))
        finally:
            painting_of(folder).unlink(missing_ok=True)
            folder.rmdir()

    return await run_in_threadpool(find)


@router.post("/ratings", tags=["ratings"], status_code=201)
def rate(
    request: Request,
    parts: Parts,
    style: Annotated[str, Form(max_length=400)],
    stars: Annotated[int, Form(ge=1, le=5)],
) -> JSONResponse:
    """Give a style, or each style of a mixture, 1 to 5 stars."""
    judge = judge_of(request)
    for part in checked_style(style).split(","):
        parts.ratings.rate(part.partition(":")[0], stars, judge, {"style": style})
    response = JSONResponse({"style": style, "stars": stars}, 201)
    remember(response, judge)
    return response


@router.get("/ranking", tags=["ratings"])
def ranking(parts: Parts) -> list[Ranked]:
    """The styles by the blind comparisons, the strongest first."""
    return [Ranked(style=name, strength=value) for name, value in parts.ratings.ranking().items()]


@router.get("/votes.csv", tags=["ratings"], response_class=Response)
def votes_csv(parts: Parts) -> Response:
    """The blind votes as CSV: sheet, choice, judge. `bench/blind.py score` reads them with the key."""
    headers = {"Content-Disposition": disposition("votes.csv")}
    return Response(parts.ratings.votes_csv(), media_type="text/csv", headers=headers)


@router.get("/votes.json", tags=["ratings"])
def votes_json(parts: Parts) -> list[dict[str, str]]:
    """The blind votes as JSON."""
    return parts.ratings.votes()


@router.get("/votes-key.json", tags=["ratings"])
def votes_key(parts: Parts) -> dict[str, Any]:
    """The styles behind A and B of each comparison with a vote."""
    return parts.ratings.key()


def _style(card: Card) -> StyleInfo:
    return StyleInfo(
        name=card.name,
        title=card.title,
        artist=card.artist,
        year=card.year,
        licence=card.licence,
        network=card.network,
        own=card.own,
        size=card.size,
        stars=card.stars.mean if card.stars else None,
        ratings=card.stars.count if card.stars else 0,
        rank=card.rank,
        strength=card.strength,
        onnx=f"/styles/{card.name}/style.onnx",
        sample=card.sample(),
        painting=card.painting,
    )


def _job(parts: State, job: Job) -> JobInfo:
    return JobInfo(
        id=job.id,
        kind=job.kind,
        state=job.state,
        label=job.label,
        ahead=0 if job.state in OVER else parts.jobs.ahead(job),
        error=job.error,
        progress=parts.jobs.progress(job.id),
        details=job.result,
        result=f"/api/jobs/{job.id}/result" if job.state == DONE and _result(job) else "",
        preview=f"/api/jobs/{job.id}/preview.jpg" if _preview(job).is_file() else "",
    )


def _result(job: Job) -> Path | None:
    """The file of the result, None if there is none yet."""
    name = f"out/{job.settings['name']}.onnx" if job.kind == "train" else job.result.get("file", "")
    file = job.folder / name
    return file if name and file.is_file() else None


def _preview(job: Job) -> Path:
    return preview_of(job) if job.kind == "train" else job.folder / PREVIEW


async def _events(parts: State, id: str) -> AsyncIterator[str]:
    last, quiet = "", 0.0
    while True:
        try:
            job = await run_in_threadpool(lambda: _job(parts, parts.jobs.find(id)))
        except NotFoundError:
            return
        told = job.model_dump_json()
        if told != last:
            last, quiet = told, 0.0
            yield f"data: {told}\n\n"
            if job.state in OVER:
                return
        elif quiet >= HEARTBEAT_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(EVENT_SECONDS)
        quiet += EVENT_SECONDS


def _add_job(parts: State, settings: ImageSettings, files: list[UploadFile], format: str) -> JobInfo:
    if len(files) > LARGEST_BATCH:
        raise InputError(f"at most {LARGEST_BATCH} files in one job")
    suffixes = [video_suffix(file.file) for file in files]
    folder = parts.jobs.new_folder()
    try:
        if suffixes == [None] * len(files):
            kind, name, values = _photos(folder, files, settings, format)
        elif len(files) == 1:
            kind, name, values = _video(parts, folder, files[0], suffixes[0] or "", settings, format)
        else:
            raise InputError("a video is a job of its own")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _job(parts, parts.jobs.add(kind, folder, name, values))


def _photos(
    folder: Path, files: list[UploadFile], settings: ImageSettings, format: str
) -> tuple[str, str, dict[str, Any]]:
    (folder / "photos").mkdir()
    for number, file in enumerate(files):
        _save(file, folder / "photos" / f"{number:04}")
    values = {
        "paint": _plain(settings, "size", "quality"),
        "labels": [label(file.filename) for file in files],
        "format": format or None,
    }
    return "photos", f"{len(files)} photos", values


def _video(
    parts: State, folder: Path, file: UploadFile, suffix: str, settings: ImageSettings, format: str
) -> tuple[str, str, dict[str, Any]]:
    if format not in ("", "mp4", "webm"):
        raise InputError("format: a video becomes mp4 or webm")
    source = folder / f"source{suffix}"
    _save(file, source)
    check_video(source, parts.settings.max_pixels, parts.settings.video_seconds)
    paint = {**_plain(settings, "size"), "strength": f"{settings.strength:g}"}
    return "video", label(file.filename, "video"), {"paint": paint, "suffix": f".{format or 'mp4'}"}


def _plain(settings: ImageSettings, *more: str) -> dict[str, Any]:
    names = ("style", "strength", "brush", "keep_colors", *more)
    return {name: getattr(settings, name) for name in names}


def _save(file: UploadFile, path: Path) -> None:

    with path.open("xb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)


def _save_painting(picture: images.Picture, path: Path) -> None:
    rgb = picture.opaque
    if max(rgb.shape[:2]) > PAINTING_SIDE:
        rgb = images.resize(rgb, PAINTING_SIDE)
    images.write(images.Picture([images.Frame(rgb)]), path)
