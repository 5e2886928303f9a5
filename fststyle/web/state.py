"""The components of the running application, and its data folder."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request

from fststyle.web.database import Database
from fststyle.web.library import Library
from fststyle.web.painting import PaintingPool
from fststyle.web.ratings import Ratings
from fststyle.web.settings import ServeSettings
from fststyle.web.work.jobs import Jobs, Worker
from fststyle.web.work.trainings import TrainingWorker
from fststyle.web.work.videos import PhotosWorker, VideoWorker

PAINT_KINDS = ("video", "photos")
TRAIN_KINDS = ("train",)
RETENTION_SECONDS = 7 * 86400.0
"""Time in seconds after which finished video and batch jobs may be removed, counted from when they were
added (a week).
"""


@dataclass(frozen=True)
class State:
    """The components of the running application. Routes get them from `state`."""

    settings: ServeSettings
    folder: Path
    database: Database
    ratings: Ratings
    pool: PaintingPool
    library: Library
    jobs: Jobs
    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the server shuts down, which ends event streams."""

    def remove_old_jobs(self) -> None:
        """Remove finished video and batch jobs that were added more than `RETENTION_SECONDS` ago."""
        self.jobs.remove_older(RETENTION_SECONDS, PAINT_KINDS)

    def close(self) -> None:
        """Stop all jobs and threads, and close the database. Running jobs continue at the next start."""
        self.jobs.close()
        self.pool.close()
        self.database.close()


def open_state(settings: ServeSettings) -> State:
    """Create and return the components of the application.

    Opens or creates the data folder, starts the job queues, and removes old finished jobs
    (`State.remove_old_jobs`). Raises `OutputError` if the folder cannot be used.
    """
    folder = settings.data_folder
    database = Database(folder / "fststyle.sqlite")
    ratings = Ratings(database)
    pool = PaintingPool(settings.device, settings.max_pixels)
    library = Library(folder, ratings, pool)
    lanes: dict[str, dict[str, Worker]] = {
        "paint": {
            "video": VideoWorker(settings.video_seconds, settings.device),
            "photos": PhotosWorker(pool),
        },
        "train": {"train": TrainingWorker()},
    }
    jobs = Jobs(database, folder / "jobs", lanes)
    jobs.start()
    state = State(settings, folder, database, ratings, pool, library, jobs)
    state.remove_old_jobs()
    return state


def state(request: Request) -> State:
    """Return the application state of a request. This is a FastAPI dependency."""
    found: State = request.app.state.parts
    return found
