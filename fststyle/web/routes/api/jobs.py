"""The jobs: their state, their progress as server-sent events, and their results."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response, StreamingResponse

from fststyle.web.errors import NotFoundError
from fststyle.web.names import disposition
from fststyle.web.routes.api.schemas import JobInfo, Parts, job_info, preview_file, result_of
from fststyle.web.state import State
from fststyle.web.work.jobs import OVER

router = APIRouter()
EVENT_SECONDS = 0.4
"""Seconds between two looks at the progress of jobs."""
HEARTBEAT_SECONDS = 15.0
MOST_FOLLOWED = 500
"""Jobs of one stream of events."""


@router.get("/jobs", tags=["jobs"])
def list_jobs(parts: Parts) -> list[JobInfo]:
    """All jobs, the newest first."""
    return [job_info(parts, job) for job in parts.jobs.all()]


@router.get("/jobs/events", tags=["jobs"], response_class=StreamingResponse)
async def follow_jobs(
    parts: Parts, id: Annotated[list[str], Query(max_length=MOST_FOLLOWED)]
) -> StreamingResponse:
    """Several jobs as server-sent events, one after each change of a job, until all are over.

    A browser allows six connections to a server, so a page follows all its jobs by one. The event ``removed``
    has the ``id`` of a job that does not exist, or no longer.
    """
    return StreamingResponse(
        _events(parts, id), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.get("/jobs/{id}", tags=["jobs"])
def show_job(parts: Parts, id: str) -> JobInfo:
    """One job."""
    return job_info(parts, parts.jobs.find(id))


@router.get("/jobs/{id}/events", tags=["jobs"], response_class=StreamingResponse)
async def follow_job(parts: Parts, id: str) -> StreamingResponse:
    """The job as server-sent events, one after each change, until it is over."""
    parts.jobs.find(id)
    return StreamingResponse(
        _events(parts, [id]), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.post("/jobs/{id}/stop", tags=["jobs"])
def stop_job(parts: Parts, id: str) -> JobInfo:
    """Stop a job. A training saves a checkpoint first."""
    return job_info(parts, parts.jobs.stop(id))


@router.post("/jobs/{id}/resume", tags=["jobs"])
def resume_job(parts: Parts, id: str) -> JobInfo:
    """Queue a stopped or failed job again; a training and a video continue where they ended."""
    return job_info(parts, parts.jobs.resume(id))


@router.delete("/jobs/{id}", tags=["jobs"], status_code=204)
def remove_job(parts: Parts, id: str) -> None:
    """Remove a job that is over, with its files."""
    parts.jobs.remove(id)


@router.get("/jobs/{id}/result", tags=["jobs"], response_class=FileResponse)
def job_result(parts: Parts, id: str, inline: bool = False) -> FileResponse:
    """The result of a job: the video, the pictures as .zip, or the trained style file."""
    job = parts.jobs.find(id)
    file = result_of(job)
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
        content = preview_file(parts.jobs.find(id)).read_bytes()
    except FileNotFoundError:
        raise NotFoundError("there is no preview yet") from None
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def _events(parts: State, ids: Sequence[str]) -> AsyncIterator[str]:
    """The changes of the jobs, until all are over or removed, with comments in quiet times."""
    sent: dict[str, str] = {}
    active, quiet = list(dict.fromkeys(ids)), 0.0
    while active:
        changes: list[str] = []
        for id in list(active):
            try:
                job = await run_in_threadpool(show_job, parts, id)
            except NotFoundError:
                active.remove(id)
                changes.append(f"event: removed\ndata: {json.dumps({'id': id})}\n\n")
                continue
            text = job.model_dump_json()
            if text != sent.get(id):
                sent[id] = text
                changes.append(f"data: {text}\n\n")
            if job.state in OVER:
                active.remove(id)
        if changes:
            quiet = 0.0
            yield "".join(changes)
        elif quiet >= HEARTBEAT_SECONDS:
            quiet = 0.0
            yield ": no change\n\n"
        if active:
            await asyncio.sleep(EVENT_SECONDS)
            quiet += EVENT_SECONDS
