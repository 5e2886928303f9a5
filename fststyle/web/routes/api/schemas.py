"""Styles and jobs as the API returns them."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel

from fststyle.web.library import Card
from fststyle.web.state import State, state
from fststyle.web.work.jobs import DONE, OVER, Job
from fststyle.web.work.trainings import preview_of
from fststyle.web.work.videos import PREVIEW

Parts = Annotated[State, Depends(state)]


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


def style_info(card: Card) -> StyleInfo:
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


def job_info(parts: State, job: Job) -> JobInfo:
    return JobInfo(
        id=job.id,
        kind=job.kind,
        state=job.state,
        label=job.label,
        ahead=0 if job.state in OVER else parts.jobs.ahead(job),
        error=job.error,
        progress=parts.jobs.progress(job.id),
        details=job.result,
        result=f"/api/jobs/{job.id}/result" if job.state == DONE and result_of(job) else "",
        preview=f"/api/jobs/{job.id}/preview.jpg" if preview_file(job).is_file() else "",
    )


def result_of(job: Job) -> Path | None:
    """The file of the result, None if there is none yet."""
    name = f"out/{job.settings['name']}.onnx" if job.kind == "train" else job.result.get("file", "")
    file = job.folder / name
    return file if name and file.is_file() else None


def preview_file(job: Job) -> Path:
    """The file of the preview; it may not exist yet."""
    return preview_of(job) if job.kind == "train" else job.folder / PREVIEW
