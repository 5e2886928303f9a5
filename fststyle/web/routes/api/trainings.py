"""API of training jobs: start them, follow the losses, publish styles, and propose settings."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from fststyle.io import images
from fststyle.settings import check
from fststyle.web.database import JsonObject
from fststyle.web.errors import ConflictError
from fststyle.web.routes.api.schemas import Client, JobInfo, Parts, StyleInfo, job_info, result_of, style_info
from fststyle.web.state import TRAIN_KINDS
from fststyle.web.suggestions import propose
from fststyle.web.work.jobs import DONE
from fststyle.web.work.trainings import TrainingSettings, painting_of, require_torch, steps_of

router = APIRouter()
PAINTING_SIDE = 2048
"""Longer side in pixels to which larger paintings are reduced."""


@router.get("/jobs/{id}/painting.png", tags=["trainings"], response_class=FileResponse)
def training_painting(parts: Parts, id: str) -> FileResponse:
    """Return the painting of a training job as PNG."""
    return FileResponse(painting_of(parts.jobs.find(id, TRAIN_KINDS).folder), media_type="image/png")


@router.get("/jobs/{id}/steps", tags=["trainings"])
def training_steps(parts: Parts, id: str) -> list[JsonObject]:
    """Return the steps of a training job with their losses, thinned out to a few hundred steps."""
    return steps_of(parts.jobs.find(id, TRAIN_KINDS))


@router.post("/trainings", tags=["trainings"], status_code=202)
async def add_training(
    parts: Parts,
    client: Client,
    painting: Annotated[UploadFile, File(description="The painting, an image.")],
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
    """Queue a job that trains a style on a painting.

    One training job runs at a time. The server needs PyTorch.
    """
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
        return job_info(parts, parts.jobs.add("train", folder, free, values, client), client)

    result: JobInfo = await run_in_threadpool(add)
    return result


@router.post("/trainings/{id}/publish", tags=["trainings"], status_code=201)
def publish(
    parts: Parts,
    id: str,
    name: Annotated[
        str, Form(max_length=64, description="Name of the style; empty: the name of the training job.")
    ] = "",
) -> StyleInfo:
    """Add the style of a finished training job to the library."""
    job = parts.jobs.find(id, TRAIN_KINDS)
    style = result_of(job)
    if job.state != DONE or style is None:
        raise ConflictError(f"the training job is {job.state} and has no finished style")
    if published := parts.library.published(job):
        raise ConflictError(f"the style is already in the library as {published}")
    int8 = style.with_name(f"{style.stem}-int8.onnx")
    added = parts.library.publish(
        style,
        int8 if int8.is_file() else None,
        painting_of(job.folder),
        name or job.label,
        job.settings["about"],
    )
    parts.jobs.update(id, {**job.result, **parts.library.as_published(added)})
    return style_info(parts.library.card(added))


@router.post("/suggestions", tags=["trainings"])
async def suggest(
    parts: Parts, painting: Annotated[UploadFile, File(description="The painting, an image.")]
) -> JsonObject:
    """Propose training settings for a painting.

    They are averaged over well-rated styles with similar paintings. The server needs PyTorch, and there must
    be rated styles.
    """

    def find() -> JsonObject:
        require_torch()
        picture = images.read(painting.file, max_pixels=parts.settings.max_pixels)
        folder = parts.jobs.new_folder()
        try:
            file = painting_of(folder)
            _save_painting(picture, file)
            found = propose(file, parts.library.rated(), parts.folder / "statistics")
            titles = {card.name: card.title for card in parts.library.cards() if card.name in found.styles}
            return {**asdict(found), "titles": titles}
        finally:
            painting_of(folder).unlink(missing_ok=True)
            folder.rmdir()

    result: JsonObject = await run_in_threadpool(find)
    return result


def _save_painting(picture: images.Picture, path: Path) -> None:
    rgb = picture.opaque
    if max(rgb.shape[:2]) > PAINTING_SIDE:
        rgb = images.resize(rgb, PAINTING_SIDE)
    images.write(images.Picture([images.Frame(rgb)]), path)
