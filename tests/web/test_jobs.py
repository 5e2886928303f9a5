"""Jobs: their queue, their states over restarts, and the work of videos and batches."""

import contextlib
import io
import json
import re
import threading
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.errors import InputError
from fststyle.runtime.video import conversion, resume
from fststyle.web.client import COOKIE
from fststyle.web.database import Database
from fststyle.web.errors import BusyError, ConflictError, NotFoundError
from fststyle.web.work import jobs as job_queues
from fststyle.web.work import videos
from fststyle.web.work.jobs import DONE, FAILED, QUEUED, RUNNING, STOPPED, JobMonitor, Jobs
from tests.clips import write
from tests.web.conftest import pixels


class Lane:
    """Jobs of the kind "work", whose worker waits for a signal."""

    def __init__(self, folder: Path):
        self.go, self.begun, self.order = threading.Event(), threading.Event(), []
        self.database = Database(folder / "jobs.sqlite")
        self.jobs = Jobs(self.database, folder / "jobs", {"lane": {"work": self.work}})
        self.jobs.start()

    def work(self, job, monitor):
        self.order.append(job.label)
        self.begun.set()
        while not self.go.wait(0.01):
            monitor.report(done=1)
        if job.label == "bad":
            raise InputError("it is bad")
        if job.label == "bug":
            raise ZeroDivisionError
        return {"label": job.label}

    def add(self, label):
        return self.jobs.add("work", self.jobs.new_folder(), label, {"a": 1})

    def close(self):
        self.jobs.close()
        self.database.close()


@pytest.fixture
def lane(tmp_path):
    lane = Lane(tmp_path)
    yield lane
    lane.close()


def wait_for(jobs, job, *states, seconds=30):
    end = time.monotonic() + seconds
    while (found := jobs.find(job.id)).state not in states:
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


def test_jobs_run_one_after_another_in_their_order(lane):
    first, second, third = (lane.add(label) for label in ("first", "second", "third"))
    assert lane.begun.wait(10)
    assert [lane.jobs.find(job.id).state for job in (first, second, third)] == [RUNNING, QUEUED, QUEUED]
    assert lane.jobs.ahead() == {first.id: 0, second.id: 1, third.id: 2}
    lane.go.set()
    assert wait_for(lane.jobs, third, DONE).result == {"label": "third"}
    assert lane.order == ["first", "second", "third"]


def test_failure_is_reported_and_the_next_job_runs(lane, capfd):
    lane.go.set()
    bad, bug, good = lane.add("bad"), lane.add("bug"), lane.add("good")
    wait_for(lane.jobs, good, DONE)
    assert lane.jobs.find(bad.id).error == "it is bad"
    assert lane.jobs.find(bug.id).state == FAILED
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_stop_resume_and_remove(lane):
    running, waiting = lane.add("running"), lane.add("waiting")
    assert lane.begun.wait(10)
    assert lane.jobs.stop(waiting.id).state == STOPPED
    with pytest.raises(ConflictError):
        lane.jobs.remove(running.id)
    lane.jobs.stop(running.id)
    wait_for(lane.jobs, running, STOPPED)
    lane.go.set()
    lane.jobs.resume(running.id)
    wait_for(lane.jobs, running, DONE)
    with pytest.raises(ConflictError):
        lane.jobs.resume(running.id)
    lane.jobs.remove(running.id)
    assert not running.folder.exists()
    with pytest.raises(NotFoundError):
        lane.jobs.find(running.id)


def test_running_job_continues_after_a_restart(tmp_path):
    lane = Lane(tmp_path)
    job = lane.add("long")
    assert lane.begun.wait(10)
    lane.close()
    again = Lane(tmp_path)
    try:
        assert again.begun.wait(10)
        again.go.set()
        assert wait_for(again.jobs, job, DONE).result == {"label": "long"}
    finally:
        again.close()


def test_full_queue_refuses_a_job_and_deletes_its_files(lane, monkeypatch):
    monkeypatch.setattr(job_queues, "MAX_QUEUE", 1)
    lane.add("running")
    assert lane.begun.wait(10)
    lane.add("waiting")
    folder = lane.jobs.new_folder()
    (folder / "photo").write_bytes(b"1")
    with pytest.raises(BusyError, match="jobs are waiting"):
        lane.jobs.add("work", folder, "refused", {})
    assert not folder.exists()
    assert len(lane.jobs.all()) == 2


@pytest.mark.parametrize("id", ["", "..", "../../etc", "0" * 15, "g" * 16, "0123456789abcdef"])
def test_unknown_id_is_not_found(lane, id):
    with pytest.raises(NotFoundError):
        lane.jobs.find(id)


def clip(path: Path, seconds: int) -> Path:
    write(path, list(range(0, seconds * 1000, 100)))
    return path


def finished(client, response):
    assert response.status_code == 202, response.text
    end, id = time.monotonic() + 120, response.json()["id"]
    while (job := client.get(f"/api/jobs/{id}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def test_batch_becomes_a_zip_with_the_names(client, picture):
    photos = [picture(seed=seed) for seed in range(3)]
    names = ["a.png", "sub/a.png", "größe.png"]
    files = [("files", (name, photo)) for name, photo in zip(names, photos, strict=True)]
    files.append(("files", ("broken.png", b"no picture")))
    job = finished(client, client.post("/api/jobs", files=files, data={"style": "invert"}))
    assert job["state"] == "done", job
    assert job["details"]["photos"] == 3
    assert job["details"]["notes"] == ["broken: is not an image that can be read"]
    with zipfile.ZipFile(io.BytesIO(client.get(job["result"]).content)) as archive:
        assert archive.namelist() == ["a.png", "a-2.png", "größe.png"]
        for name, photo in zip(archive.namelist(), photos, strict=True):
            assert (pixels(archive.read(name)) == 255 - pixels(photo)).all()
    assert client.get(job["preview"]).headers["content-type"] == "image/jpeg"


def test_batch_of_one_photo_is_labeled_in_the_singular(client, picture):
    photo = [("files", ("a.png", picture()))]
    assert client.post("/api/jobs", files=photo, data={"style": "invert"}).json()["label"] == "1 photo"


def test_video_is_painted_with_progress(client, tmp_path):
    source = clip(tmp_path / "in.mp4", seconds=1)
    files = {"files": ("holiday.mp4", source.read_bytes())}
    response = client.post("/api/jobs", files=files, data={"style": "invert"})
    with client.stream("GET", f"/api/jobs/{response.json()['id']}/events") as events:
        lines = [line for line in events.iter_lines() if line.startswith("data: ")]
    assert events.headers["content-type"].startswith("text/event-stream")
    assert '"state":"done"' in lines[-1]
    job = finished(client, response)
    assert job["details"]["frames"] > 1
    video = client.get(job["result"])
    assert video.content[4:8] == b"ftyp"
    assert 'filename="holiday.mp4"' in video.headers["content-disposition"]
    assert client.get(job["preview"]).status_code == 200


def test_several_jobs_are_followed_by_one_connection(client, picture):
    jobs = [
        client.post("/api/jobs", files={"files": ("a.png", picture())}, data={"style": "invert"}).json()["id"]
        for _ in range(8)
    ]
    missing = "0123456789abcdef"
    with client.stream("GET", "/api/jobs/events", params={"id": [*jobs, missing]}) as events:
        lines = list(events.iter_lines())
    assert events.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert events[0] == {"ids": jobs[::-1], "others": 0}
    assert lines[0] == "event: list"
    assert {one["id"] for one in events if one.get("state") == "done"} == set(jobs)


def test_client_sees_its_own_jobs_or_all(client, picture):
    def add(**headers):
        files, data = {"files": ("a.png", picture())}, {"style": "invert"}
        return client.post("/api/jobs", files=files, data=data, headers=headers).json()["id"]

    program = add()
    client.get("/paint")  # sets the cookie
    mine = add()
    other = add(Cookie=f"{COOKIE}={'0' * 32}")
    assert [(job["id"], job["own"]) for job in client.get("/api/jobs").json()] == [
        (other, False),
        (mine, True),
        (program, False),
    ]
    assert [job["id"] for job in client.get("/api/jobs", params={"own": True}).json()] == [mine]
    assert client.get("/api/jobs", params={"own": True}, headers={"Cookie": "a=b"}).json() == []
    assert client.get("/api/jobs", params={"kind": "train"}).json() == []
    with client.stream("GET", "/api/jobs/events", params={"own": True}) as events:
        lines = list(events.iter_lines())
    assert json.loads(lines[1].removeprefix("data: ")) == {"ids": [mine], "others": 2}


def test_number_of_a_client_is_not_shown(client, picture):
    client.get("/paint")
    number = client.cookies[COOKIE]
    client.post("/api/jobs", files={"files": ("a.png", picture())}, data={"style": "invert"})
    client.post("/api/ratings", data={"style": "invert", "stars": 3})
    sheet = re.search(r"/rate/([0-9a-f]{16})", client.get("/rate").text)[1]
    client.post(f"/rate/{sheet}", data={"choice": "A"})
    for path in ("/api/jobs", "/api/votes.csv", "/api/votes.json", "/api/votes-key.json", "/paint", "/rate"):
        assert number not in client.get(path).text
    assert len(client.get("/api/votes.json").json()) == 1


def test_database_without_owners_is_opened(tmp_path):
    import sqlite3

    file = tmp_path / "jobs.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as old:
        old.execute(
            "CREATE TABLE jobs (id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,"
            " created REAL NOT NULL, started REAL, finished REAL, label TEXT NOT NULL,"
            " settings TEXT NOT NULL, result TEXT, error TEXT)"
        )
        old.execute(
            "INSERT INTO jobs (id, kind, state, created, label, settings) VALUES"
            " ('0123456789abcdef', 'work', 'done', 1, 'old', '{}')"
        )
        old.commit()
    lane = Lane(tmp_path)
    try:
        assert [(job.label, job.owner) for job in lane.jobs.all()] == [("old", "")]
    finally:
        lane.close()


def test_video_that_is_too_long_is_refused(settings, connect, tmp_path):
    from dataclasses import replace

    client = connect(replace(settings, video_seconds=1))
    source = clip(tmp_path / "in.mp4", seconds=4)
    response = client.post("/api/jobs", files={"files": source.read_bytes()}, data={"style": "invert"})
    assert response.status_code == 422
    assert "seconds long" in response.json()["detail"]
    assert not list((settings.folder / "jobs").iterdir())


def test_error_names_why_a_video_cannot_be_read(client, tmp_path, monkeypatch):
    source = clip(tmp_path / "in.mp4", seconds=1)

    def detail(content):
        return client.post("/api/jobs", files={"files": content}, data={"style": "invert"}).json()["detail"]

    damaged = detail(source.read_bytes()[:500])
    assert damaged == "the video cannot be read (Invalid data found when processing input)"

    def fail(path):
        raise RuntimeError(f"{path}: no memory")

    monkeypatch.setattr(videos.av, "open", fail)
    assert detail(source.read_bytes()) == "the video cannot be read (the file: no memory)"


def test_canceled_video_leaves_no_file(client, tmp_path, settings):
    source = clip(tmp_path / "in.mp4", seconds=20)
    response = client.post("/api/jobs", files={"files": source.read_bytes()}, data={"style": "norm"})
    id = response.json()["id"]
    client.post(f"/api/jobs/{id}/stop")
    job = finished(client, response)
    assert job["state"] == "stopped"
    assert job["result"] == ""
    assert client.delete(f"/api/jobs/{id}").status_code == 204
    assert not (settings.folder / "jobs" / id).exists()


def test_canceled_video_continues_after_its_finished_segments(client, tmp_path, monkeypatch):
    for module in (resume, conversion):
        monkeypatch.setattr(module, "FRAMES", 10)
    source = clip(tmp_path / "in.mp4", seconds=20)
    painted, held = [], threading.Event()
    monkeypatch.setattr(JobMonitor, "report", _held_after(JobMonitor.report, painted, held, frames=35))
    response = client.post("/api/jobs", files={"files": source.read_bytes()}, data={"style": "invert"})
    id = response.json()["id"]
    assert held.wait(60)
    client.post(f"/api/jobs/{id}/stop")
    job = finished(client, response)
    kept = job["details"]["kept"]
    assert job["state"] == "stopped"
    assert kept in (20, 30)
    painted.clear()
    client.post(f"/api/jobs/{id}/resume")
    job = finished(client, response)
    assert job["state"] == "done", job
    assert next(number for number in painted if number) == kept + 1
    assert job["details"]["frames"] == painted[-1] == 200


def _held_after(report, painted, held, frames):
    """`JobMonitor.report` that records the frames, and waits once for the end of the job at one of them."""

    def report_and_hold(monitor, **progress):
        painted.append(progress.get("done", 0))
        if painted[-1] == frames and not held.is_set():
            held.set()
            monitor.stop.wait(60)
        report(monitor, **progress)

    return report_and_hold
