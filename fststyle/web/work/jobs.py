"""Persistent job queues. The jobs are stored in the database."""

import json
import re
import secrets
import shutil
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fststyle.errors import FststyleError
from fststyle.web.database import Database, JsonObject
from fststyle.web.errors import BusyError, ConflictError, NotFoundError, public

QUEUED, RUNNING, DONE, STOPPED, FAILED = "queued", "running", "done", "stopped", "failed"
FINISHED = (DONE, STOPPED, FAILED)
"""States of jobs that are neither queued nor running. Stopped and failed jobs can be resumed."""
MAX_QUEUE = 50
"""Maximum number of waiting jobs per lane (see `Jobs`)."""


class Stopped(Exception):
    """Raised by a worker when its job is stopped. ``result`` is merged into the result of the job."""

    def __init__(self, result: JsonObject | None = None):
        super().__init__()
        self.result = result or {}


@dataclass(frozen=True)
class Job:
    """A background job, as stored in the database.

    ``kind`` selects its worker. ``state`` is "queued", "running", "done", "stopped" or "failed". ``label`` is
    its name for display. ``settings`` and ``result`` are the input and the output of the worker. ``error`` is
    the reason for a failure, or "". ``created`` is a Unix time. ``folder`` contains only the files of this
    job. ``owner`` is the client number (`fststyle.web.client`) of the client that added the job, or "" if it
    is unknown.
    """

    id: str
    kind: str
    state: str
    label: str
    settings: JsonObject
    result: JsonObject
    error: str
    created: float
    folder: Path
    owner: str = ""


class JobMonitor:
    """Progress and stop flag of a running job."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.progress: JsonObject = {}

    def report(self, **progress: Any) -> None:
        """Replace the progress with the keyword arguments. Raises `Stopped` if the stop flag is set."""
        self.progress = progress
        if self.stop.is_set():
            raise Stopped


class Worker(Protocol):
    """Protocol for functions that run the jobs of one kind."""

    def __call__(self, job: Job, monitor: JobMonitor) -> JsonObject:
        """Run the job and return its result.

        The worker reports its progress to ``monitor``. It raises `Stopped` if the job is stopped, and
        `FststyleError` if it fails.

        The job may have been interrupted earlier, for example because the server was killed. In this case,
        the folder of the job still contains the files of the interrupted run.
        """


class Jobs:
    """Queues of background jobs. Each queue is called a lane, and has a thread that runs one job at a time.

    Jobs that were running when the process ended are queued again by `start` in the next process.

    Args:
        database: stores the jobs.
        folder: parent of the folders of the jobs.
        lanes: dict from the name of each lane to a dict from the kinds of jobs in it to their workers.
    """

    def __init__(self, database: Database, folder: Path, lanes: Mapping[str, Mapping[str, Worker]]):
        self._database, self._folder, self._lanes = database, folder, lanes
        self._monitors: dict[str, JobMonitor] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the worker threads, and queue interrupted jobs again."""
        self._database.run("UPDATE jobs SET state = ? WHERE state = ?", (QUEUED, RUNNING))
        for name, workers in self._lanes.items():
            thread = threading.Thread(
                target=self._work, args=(workers,), name=f"fststyle-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self, seconds: float = 30) -> None:
        """Interrupt the running jobs, and wait up to ``seconds`` for each lane.

        Interrupted jobs continue at the next start.
        """
        with self._changed:
            self._closing = True
            for monitor in self._monitors.values():
                monitor.stop.set()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(seconds)

    def new_folder(self) -> Path:
        """Create an empty folder for the files of a new job. The name of the folder is the id of the job."""
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def add(self, kind: str, folder: Path, label: str, settings: JsonObject, owner: str = "") -> Job:
        """Queue a job whose files are in ``folder``, a folder created by `new_folder`. Returns the job.

        The other arguments are fields of `Job`. If `MAX_QUEUE` jobs are already waiting in the lane of
        ``kind``, the folder is deleted and `BusyError` is raised.
        """
        kinds = self._lane_of(kind)
        if sum(job.state == QUEUED for job in self.all(kinds)) >= MAX_QUEUE:
            shutil.rmtree(folder, ignore_errors=True)
            raise BusyError(f"{MAX_QUEUE} jobs are waiting; try again later")
        self._database.run(
            "INSERT INTO jobs (id, kind, state, created, label, settings, owner) VALUES (?, ?, ?, ?, ?, ?,"
            " ?)",
            (folder.name, kind, QUEUED, time.time(), label, json.dumps(settings), owner),
        )
        self._wake()
        return self.find(folder.name)

    def all(self, kinds: tuple[str, ...] | None = None) -> list[Job]:
        """Return the jobs of the given kinds (None: all kinds), newest first."""
        rows = self._database.rows("SELECT * FROM jobs ORDER BY created DESC")
        return [self._job(row) for row in rows if kinds is None or row["kind"] in kinds]

    def find(self, id: str, kinds: tuple[str, ...] | None = None) -> Job:
        """Return the job with this id.

        Raises `NotFoundError` if there is none, or if ``kinds`` is given and does not contain its kind.
        """
        rows = (
            self._database.rows("SELECT * FROM jobs WHERE id = ?", (id,))
            if re.fullmatch(r"[0-9a-f]{16}", id)
            else []
        )
        if not rows:
            raise NotFoundError("the job does not exist or has been removed")
        if kinds is not None and rows[0]["kind"] not in kinds:
            raise NotFoundError(f"the job is of the kind {rows[0]['kind']}, not {' or '.join(kinds)}")
        return self._job(rows[0])

    def progress(self, id: str) -> JsonObject:
        """Return what a running job last reported to its `JobMonitor`, or {} for other jobs."""
        monitor = self._monitors.get(id)
        return monitor.progress if monitor else {}

    def ahead(self) -> dict[str, int]:
        """Return a dict from the ids of the queued and running jobs to their places in the queue.

        The place of a job is the number of jobs before it in its lane.
        """
        rows = self._database.rows(
            "SELECT id, kind FROM jobs WHERE state IN (?, ?) ORDER BY created", (QUEUED, RUNNING)
        )
        count: dict[tuple[str, ...], int] = {}
        found = {}
        for row in rows:
            lane = self._lane_of(row["kind"])
            found[row["id"]] = count.get(lane, 0)
            count[lane] = found[row["id"]] + 1
        return found

    def stop(self, id: str) -> Job:
        """Stop a queued or running job.

        This method does not wait until the worker of a running job stops it, so the returned job may still be
        running. Raises `NotFoundError` for an unknown id, and `ConflictError` if the job is finished.
        """
        with self._changed:
            job = self.find(id)
            if job.state in FINISHED:
                raise ConflictError(f"the job is {job.state}; only queued and running jobs can be stopped")
            if id in self._monitors:
                self._monitors[id].stop.set()
            else:
                self._set(id, STOPPED)
        return self.find(id)

    def resume(self, id: str) -> Job:
        """Queue a stopped or failed job again.

        Raises `NotFoundError` for an unknown id, and `ConflictError` for a job in another state.
        """
        job = self.find(id)
        if job.state not in (STOPPED, FAILED):
            raise ConflictError(f"the job is {job.state}; only stopped and failed jobs can be resumed")
        self._database.run("UPDATE jobs SET state = ?, error = NULL WHERE id = ?", (QUEUED, id))
        self._wake()
        return self.find(id)

    def update(self, id: str, result: JsonObject) -> None:
        """Replace the result of a job."""
        self._database.run("UPDATE jobs SET result = ? WHERE id = ?", (json.dumps(result), id))

    def remove(self, id: str) -> None:
        """Delete a finished job and its files.

        Raises `NotFoundError` for an unknown id, and `ConflictError` if the job is not finished.
        """
        job = self.find(id)
        if job.state not in FINISHED:
            raise ConflictError("the job is not finished; stop it first")
        self._database.run("DELETE FROM jobs WHERE id = ?", (id,))
        shutil.rmtree(job.folder, ignore_errors=True)

    def remove_older(self, seconds: float, kinds: tuple[str, ...]) -> None:
        """Remove the finished jobs of the given kinds that were added more than ``seconds`` ago."""
        for job in self.all(kinds):
            if job.state in FINISHED and time.time() - job.created > seconds:
                self.remove(job.id)

    def _lane_of(self, kind: str) -> tuple[str, ...]:
        """Return all kinds of jobs that run in the lane of ``kind``."""
        return next(tuple(workers) for workers in self._lanes.values() if kind in workers)

    def _job(self, row: JsonObject) -> Job:
        return Job(
            row["id"],
            row["kind"],
            row["state"],
            row["label"],
            json.loads(row["settings"]),
            json.loads(row["result"] or "{}"),
            row["error"] or "",
            row["created"],
            self._folder / row["id"],
            row["owner"],
        )

    def _set(self, id: str, state: str, error: str | None = None) -> None:
        self._database.run(
            "UPDATE jobs SET state = ?, error = ?, finished = ? WHERE id = ?",
            (state, error, time.time() if state in FINISHED else None, id),
        )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _next(self, kinds: tuple[str, ...]) -> tuple[Job, JobMonitor] | None:
        """Wait for the next queued job of the given kinds, and mark it as running.

        Returns the job and a new monitor for it, or None when the queues are closed.
        """
        with self._changed:
            while not self._closing:
                queued = [job for job in reversed(self.all(kinds)) if job.state == QUEUED]
                if queued:
                    monitor = self._monitors[queued[0].id] = JobMonitor()
                    self._database.run(
                        "UPDATE jobs SET state = ?, started = ? WHERE id = ?",
                        (RUNNING, time.time(), queued[0].id),
                    )
                    return self.find(queued[0].id), monitor
                self._changed.wait()
        return None

    def _work(self, workers: Mapping[str, Worker]) -> None:
        while (found := self._next(tuple(workers))) is not None:
            job, monitor = found
            state, error = DONE, None
            try:
                self.update(job.id, {**job.result, **workers[job.kind](job, monitor)})
            except Stopped as stopped:
                self.update(job.id, {**job.result, **stopped.result})
                state = QUEUED if self._closing else STOPPED
            except FststyleError as problem:
                state, error = FAILED, public(problem, job.folder)
            except Exception:
                traceback.print_exc()
                state, error = FAILED, "unexpected error; see the output of the server"
            with self._changed:
                self._set(job.id, state, error)
                del self._monitors[job.id]
