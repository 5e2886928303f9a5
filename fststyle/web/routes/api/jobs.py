"""API of jobs: their state, progress as server-sent events, and results."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response, StreamingResponse

from fststyle.web.errors import NotFoundError
from fststyle.web.names import disposition
from fststyle.web.routes.api.schemas import (
    Client,
    JobInfo,
    Parts,
    is_own,
    job_info,
    job_infos,
    preview_file,
    result_of,
)
from fststyle.web.state import State
from fststyle.web.work.jobs import FINISHED, Job

router = APIRouter()
EVENT_SECONDS = 0.4
"""Interval in seconds between checks of the jobs' progress."""
HEARTBEAT_SECONDS = 15.0
"""Interval in seconds between comments in an event stream without changes."""
MAX_FOLLOWED = 500
"""Maximum number of jobs in one event stream."""


@dataclass(frozen=True)
class Selection:
    """Filter for jobs: by ``ids``, by ``kinds``, and, if ``own`` is True, by the client that added them.

    The default values select all jobs.
    """

    ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    own: bool = False

    def of(self, parts: State, client: str) -> tuple[list[Job], int]:
        """Return the selected jobs, newest first, and the number of jobs that only ``own`` excludes.

        ``client`` is the client number of the requesting client. It is used only if ``own`` is True.
        """
        found = parts.jobs.all(self.kinds or None)
        if self.ids:
            wanted = set(self.ids)
            found = [job for job in found if job.id in wanted]
        shown = [job for job in found if is_own(job, client)] if self.own else found
        return shown, len(found) - len(shown)


def selection(
    id: Annotated[list[str], Query(max_length=MAX_FOLLOWED, description="Only these jobs.")] = [],  # noqa: B006
    kind: Annotated[list[str], Query(max_length=8, description="video, photos or train.")] = [],  # noqa: B006
    own: Annotated[bool, Query(description="Only the jobs that this client added.")] = False,
) -> Selection:
    """Return the filter in the query parameters of a request. This is a FastAPI dependency."""
    return Selection(tuple(id), tuple(kind), own)


Selected = Annotated[Selection, Depends(selection)]


@router.get("/jobs", tags=["jobs"])
def list_jobs(parts: Parts, client: Client, selected: Selected) -> list[JobInfo]:
    """List the selected jobs, newest first."""
    return job_infos(parts, selected.of(parts, client)[0], client)


@router.get("/jobs/events", tags=["jobs"], response_class=StreamingResponse)
async def follow_jobs(
    parts: Parts,
    client: Client,
    selected: Selected,
    end: Annotated[bool, Query(description="End the stream when all jobs are finished.")] = True,
) -> StreamingResponse:
    """Follow jobs as server-sent events, with one message after each change of a job.

    Browsers limit the number of connections to a server, so a page should use one stream for all its jobs.
    At most 500 jobs are followed. The event ``list`` is sent first, and again when jobs are added or removed.
    It has the ``ids`` of the jobs, newest first, and ``others``, the number of jobs that ``own`` excludes.
    """
    return _stream(_events(parts, client, selected, end))


@router.get("/jobs/{id}", tags=["jobs"])
def show_job(parts: Parts, client: Client, id: str) -> JobInfo:
    """Return one job."""
    return job_info(parts, parts.jobs.find(id), client)


@router.get("/jobs/{id}/events", tags=["jobs"], response_class=StreamingResponse)
async def follow_job(parts: Parts, client: Client, id: str) -> StreamingResponse:
    """Follow one job as server-sent events, with one message after each change, until it is finished."""
    parts.jobs.find(id)
    return _stream(_events(parts, client, Selection(ids=(id,)), end=True))


@router.post("/jobs/{id}/stop", tags=["jobs"])
def stop_job(parts: Parts, client: Client, id: str) -> JobInfo:
    """Stop a queued or running job.

    A running job may take a moment to stop. A training job saves a checkpoint first, except on Windows.
    """
    return job_info(parts, parts.jobs.stop(id), client)


@router.post("/jobs/{id}/resume", tags=["jobs"])
def resume_job(parts: Parts, client: Client, id: str) -> JobInfo:
    """Queue a stopped or failed job again.

    A training job continues from its last checkpoint, and a video after its finished segments. A batch of
    images starts again.
    """
    return job_info(parts, parts.jobs.resume(id), client)


@router.delete("/jobs/{id}", tags=["jobs"], status_code=204)
def remove_job(parts: Parts, id: str) -> None:
    """Remove a job that is done, stopped or failed, and its files."""
    parts.jobs.remove(id)


@router.get("/jobs/{id}/result", tags=["jobs"], response_class=FileResponse)
def job_result(parts: Parts, id: str, inline: bool = False) -> FileResponse:
    """Download the result of a job: the video, the images as .zip, or the trained style file.

    With ``inline``, the browser displays the result instead of saving it.
    """
    job = parts.jobs.find(id)
    file = result_of(job)
    if file is None:
        raise NotFoundError(f"the job is {job.state} and has no result file")
    headers = {} if inline else {"Content-Disposition": disposition(f"{job.label}{file.suffix}")}
    return FileResponse(file, headers=headers, media_type=None if inline else "application/octet-stream")


@router.get(
    "/jobs/{id}/preview.jpg",
    tags=["jobs"],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def job_preview(parts: Parts, id: str) -> Response:
    """Return the latest stylized frame or photo, or the preview sheet of a training job, as JPEG."""
    try:
        # Read the whole file at once, since it is replaced while the job runs.
        content = preview_file(parts.jobs.find(id)).read_bytes()
    except FileNotFoundError:
        raise NotFoundError("the job has not written a preview") from None
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def _stream(events: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(parts: State, client: str, selected: Selection, end: bool) -> AsyncIterator[str]:
    """Yield server-sent events that report the changes of the selected jobs.

    Only the newest `MAX_FOLLOWED` of the jobs are followed. A comment is sent every `HEARTBEAT_SECONDS` while
    nothing changes. The stream ends when the server shuts down. If ``end`` is True, it also ends when all
    followed jobs are finished.
    """

    def look() -> tuple[list[JobInfo], int]:
        jobs, others = selected.of(parts, client)
        return job_infos(parts, jobs[:MAX_FOLLOWED], client), others

    sent: dict[str, str] = {}
    quiet = 0.0
    while not parts.ending.is_set():
        jobs, others = await run_in_threadpool(look)
        # The list is sent first, so that a page can prepare a place for each job.
        named = json.dumps({"ids": [job.id for job in jobs], "others": others})
        texts = {"": f"event: list\ndata: {named}\n\n"}
        texts.update((job.id, f"data: {job.model_dump_json()}\n\n") for job in jobs)
        changes = "".join(text for id, text in texts.items() if sent.get(id) != text)
        sent = texts
        if changes:
            quiet = 0.0
            yield changes
        elif quiet >= HEARTBEAT_SECONDS:
            quiet = 0.0
            yield ": no change\n\n"
        if end and all(job.state in FINISHED for job in jobs):
            return
        await asyncio.sleep(EVENT_SECONDS)
        quiet += EVENT_SECONDS
