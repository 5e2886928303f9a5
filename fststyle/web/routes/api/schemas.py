"""Schemas of the styles and jobs that the API returns, and the dependencies of its routes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from fststyle.web.client import client_from_cookie
from fststyle.web.database import JsonObject
from fststyle.web.library import Card
from fststyle.web.state import State, state
from fststyle.web.work.jobs import DONE, FINISHED, Job
from fststyle.web.work.trainings import preview_of
from fststyle.web.work.videos import PREVIEW

Parts = Annotated[State, Depends(state)]
Client = Annotated[str, Depends(client_from_cookie)]


class StyleInfo(BaseModel):
    """A style of the library.

    ``own`` is true if it belongs to the user. ``size`` is the size of its file in bytes. ``stars`` is the
    mean and ``ratings`` the number of its star ratings. ``rank`` is its rank in the blind comparisons, from
    1, and ``strength`` is its log odds of being preferred to an average style. ``stars`` is null without
    ratings, and ``rank`` and ``strength`` are null without comparisons. ``onnx``, ``sample`` and ``painting``
    are URLs; ``painting`` is "" if there is no image of it.
    """

    name: str
    title: str
    artist: str
    year: str
    license: str
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
    """A job, in a response to one client.

    ``kind`` is video, photos or train, and ``state`` is queued, running, done, stopped or failed. ``own`` is
    true if this client added the job. ``ahead`` is the number of jobs before it in the queue. ``error`` is
    the reason for a failure, or "". ``progress`` is what a running job last reported, such as the number of
    finished items as ``done`` and their total as ``of``; it is {} for other jobs. ``details`` contains values
    about the result, such as the number of frames. ``result`` and ``preview`` are the URLs of the result file
    and of the preview, or "".
    """

    id: str
    kind: str
    state: str
    label: str
    own: bool
    ahead: int
    error: str
    progress: JsonObject
    details: JsonObject
    result: str
    preview: str


def style_info(card: Card) -> StyleInfo:
    """Convert a style of the library to the `StyleInfo` that the API returns."""
    return StyleInfo(
        name=card.name,
        title=card.title,
        artist=card.artist,
        year=card.year,
        license=card.license,
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


def job_info(parts: State, job: Job, client: str) -> JobInfo:
    """Convert a job to the `JobInfo` that the API returns to the client with the client number ``client``."""
    return job_infos(parts, [job], client)[0]


def job_infos(parts: State, jobs: Sequence[Job], client: str) -> list[JobInfo]:
    """Convert jobs to the `JobInfo` objects that the API returns to one client.

    ``client`` is the client number.
    """
    ahead = parts.jobs.ahead()
    return [_job_info(parts, job, client, ahead.get(job.id, 0)) for job in jobs]


def _job_info(parts: State, job: Job, client: str, ahead: int) -> JobInfo:
    return JobInfo(
        id=job.id,
        kind=job.kind,
        state=job.state,
        label=job.label,
        own=is_own(job, client),
        ahead=0 if job.state in FINISHED else ahead,
        error=job.error,
        progress=parts.jobs.progress(job.id),
        details=_details(parts, job),
        result=f"/api/jobs/{job.id}/result" if job.state == DONE and result_of(job) else "",
        preview=f"/api/jobs/{job.id}/preview.jpg" if preview_file(job).is_file() else "",
    )


def is_own(job: Job, client: str) -> bool:
    """Return whether a client added the job.

    ``client`` is the client number. If it is "", the result is False.
    """
    return bool(client) and job.owner == client


def _details(parts: State, job: Job) -> JsonObject:
    """Return the result of a job for the field ``details`` of `JobInfo`.

    The key ``published``, the name under which a trained style was added to the library, is omitted if that
    style is no longer in the library.
    """
    found = {name: value for name, value in job.result.items() if name != "published"}
    name = parts.library.published(job)
    return {**found, "published": name} if name else found


def result_of(job: Job) -> Path | None:
    """Return the path of the result file of a job, or None if there is none yet."""
    name = f"out/{job.settings['name']}.onnx" if job.kind == "train" else job.result.get("file", "")
    file = job.folder / name
    return file if name and file.is_file() else None


def preview_file(job: Job) -> Path:
    """Return the path of a job's preview. The file may not exist yet."""
    return preview_of(job) if job.kind == "train" else job.folder / PREVIEW
