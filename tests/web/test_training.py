"""A training through the HTTP API of a server that is killed in between."""

import importlib.util
import io
import json
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.web.work import trainings
from fststyle.web.work.jobs import Job
from tests import styles

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
TINY = {"size": "64", "style_size": "32", "width": "4", "blocks": "1"}


def painting() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def call(server, path, form=None, files=None):
    """Send GET, or POST with a form. Returns the JSON of the response."""
    body, headers = None, {}
    if form is not None:
        parts = []
        for name, value in (form | (files or {})).items():
            file = b'; filename="a.png"' if isinstance(value, bytes) else b""
            data = value if isinstance(value, bytes) else value.encode()
            head = b'--x\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + file
            parts.append(head + b"\r\n\r\n" + data + b"\r\n")
        body = b"".join(parts) + b"--x--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{server.address}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.loads(response.read() or "null")


def wait(server, id, condition, seconds=240):
    end = time.monotonic() + seconds
    while True:
        job = call(server, f"/api/jobs/{id}")
        if condition(job):
            return job
        assert job["state"] in ("queued", "running"), job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except OSError:
        return False
    return True


@needs_torch
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_training_survives_kill_9(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    server = serve()
    form = {"name": "mine", "minutes": "60", **TINY}
    id = call(server, "/api/trainings", form, {"painting": painting()})["id"]
    folder = tmp_path / "serve" / "jobs" / id
    job = wait(server, id, lambda job: (folder / "out" / "mine.pt").exists())
    number = int((folder / "pid").read_text())
    assert alive(number)
    server.kill()
    end = time.monotonic() + 60
    while alive(number):  # the training does not go on without its server
        assert time.monotonic() < end
        time.sleep(0.1)

    server = serve()
    job = wait(server, id, lambda job: job["progress"].get("done", 0) > trainings.SAVE_EVERY)
    resumed = re.search(r"resuming after step (\d+)", job["progress"]["message"])
    assert resumed is not None, job
    assert int(resumed[1]) >= trainings.SAVE_EVERY
    call(server, f"/api/jobs/{id}/stop", {})
    assert "Traceback" not in server.end()


@needs_torch
@pytest.mark.slow
def test_finished_training_is_published(serve, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    server = serve()
    form = {"name": "mine", "title": "My painting", "artist": "Me", "minutes": "0.05", **TINY}
    id = call(server, "/api/trainings", form, {"painting": painting()})["id"]
    wait(server, id, lambda job: job["state"] == "done")
    steps = call(server, f"/api/jobs/{id}/steps")
    assert {"content", "style"} <= set(steps[-1]["losses"])
    style = call(server, f"/api/trainings/{id}/publish", {})
    assert [style[key] for key in ("name", "title", "artist", "own")] == ["mine", "My painting", "Me", True]
    with urllib.request.urlopen(f"{server.address}{style['painting']}") as response:
        assert response.headers["content-type"] == "image/jpeg"
    with urllib.request.urlopen(f"{server.address}{style['sample']}", timeout=60) as response:
        assert response.status == 200
    assert "Traceback" not in server.end()


@needs_torch
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="stops by a signal")
def test_stop_and_continue(serve, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    server = serve()
    form = {"name": "mine", "minutes": "5", **TINY}
    id = call(server, "/api/trainings", form, {"painting": painting()})["id"]
    second = call(server, "/api/trainings", {**form, "name": "other"}, {"painting": painting()})
    assert (second["state"], second["ahead"]) == ("queued", 1)
    call(server, f"/api/jobs/{second['id']}/stop", {})
    wait(server, id, lambda job: job["progress"].get("done", 0) > 3)
    call(server, f"/api/jobs/{id}/stop", {})
    end = time.monotonic() + 60
    while call(server, f"/api/jobs/{id}")["state"] != "stopped":
        assert time.monotonic() < end
        time.sleep(0.1)
    done = call(server, f"/api/jobs/{id}/steps")[-1]["step"]
    call(server, f"/api/jobs/{id}/resume", {})
    job = wait(server, id, lambda job: job["progress"].get("done", 0) > done)
    assert job["progress"]["done"] - done < 100
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(server, f"/api/trainings/{id}/publish", {})
    assert refused.value.code == 409
    refused.value.close()
    server.end()


def test_command_resumes_if_there_is_a_checkpoint(tmp_path):
    job = Job(
        "0" * 16, "train", "queued", "mine", {"name": "mine", "train": {"minutes": 3}}, {}, "", 0, tmp_path
    )
    first = trainings.command(job, tmp_path / "out")
    assert "--resume" not in first
    assert first[first.index("--minutes") + 1] == "3"
    assert (Path(first[first.index("--preview-photos") + 1]) / "cat.jpg").is_file()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.pt").write_bytes(b"x")
    assert trainings.command(job, tmp_path / "out")[-1] == "--resume"


def test_steps_that_were_trained_twice_count_once(tmp_path):
    job = Job("0" * 16, "train", "queued", "mine", {"name": "mine"}, {}, "", 0, tmp_path)
    rows = [{"step": number, "losses": {"loss": 1}} for number in (1, 2, 3)]
    rows += [{"step": number, "losses": {"loss": 2}} for number in (2, 3, 4)]
    text = "\n".join(map(json.dumps, rows)) + '\n{"step": 5, "los'
    (tmp_path / trainings.LOG).write_text(text)
    assert [(row["step"], row["losses"]["loss"]) for row in trainings.steps_of(job)] == [
        (1, 1),
        (2, 2),
        (3, 2),
        (4, 2),
    ]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"minutes": "0"}, "--minutes: 0.0 is below 0.05"),
        ({"minutes": "nan"}, "not a finite number"),
        ({"name": "udnie"}, "a style named udnie already exists"),
        ({"style_size": "100000"}, "is above 1024"),
    ],
)
@needs_torch
def test_wrong_setting_is_reported(client, form, message):
    values = {"name": "mine", **form}
    response = client.post("/api/trainings", files={"painting": painting()}, data=values)
    assert response.status_code in (409, 422)
    assert message in response.json()["detail"]


def test_without_torch_the_page_says_so(client, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = client.get("/train").text
    assert "Training is not available on this server" in text
    assert "pip install &#39;.[train]&#39;" in text
    response = client.post("/api/trainings", files={"painting": painting()}, data={"name": "mine"})
    assert response.status_code == 422
    assert "training needs PyTorch" in response.json()["detail"]


def test_deleted_style_is_published_no_longer(client):
    parts = client.app.state.parts
    folder = parts.jobs.new_folder()
    (folder / "out").mkdir()
    (folder / "out" / "mine.onnx").write_bytes(styles.pointwise(1, 40))
    trainings.painting_of(folder).write_bytes(painting())
    values = {"name": "mine", "about": {}, "train": {}}
    parts.database.run(
        "INSERT INTO jobs (id, kind, state, created, label, settings)"
        " VALUES (?, 'train', 'done', 1, 'mine', ?)",
        (folder.name, json.dumps(values)),
    )

    def published():
        return client.get(f"/api/jobs/{folder.name}").json()["details"].get("published")

    assert published() is None
    assert client.post(f"/api/trainings/{folder.name}/publish").status_code == 201
    assert published() == "mine"
    assert client.post(f"/api/trainings/{folder.name}/publish").status_code == 409
    assert client.delete("/api/styles/mine").status_code == 204
    assert published() is None
    response = client.post(f"/api/trainings/{folder.name}/publish", data={"name": "again"})
    assert response.json()["name"] == "again"
    assert published() == "again"
    # Another style with this name is not the result of the training.
    assert client.delete("/api/styles/again").status_code == 204
    client.post("/api/styles", files={"file": styles.pointwise(1, 30)}, data={"name": "again"})
    assert published() is None


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_process_of_another_user_has_not_ended(tmp_path, monkeypatch):
    answers: list[type[OSError]] = [PermissionError, PermissionError, ProcessLookupError]

    def kill(number, signal):
        assert (number, signal) == (12345, 0)
        raise answers.pop(0)

    monkeypatch.setattr(os, "kill", kill)
    (tmp_path / "pid").write_text("12345")
    trainings._wait_for_end(tmp_path / "pid")
    assert answers == []
    assert not (tmp_path / "pid").exists()
