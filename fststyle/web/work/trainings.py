"""Training jobs. Each one runs `fststyle train` in a separate process."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from fststyle.errors import INSTALL_TRAIN, DependencyError, TrainingError
from fststyle.settings import check, option
from fststyle.train.style.settings import TrainSettings
from fststyle.web.database import JsonObject
from fststyle.web.pages import STATIC
from fststyle.web.work.jobs import Job, JobMonitor, Stopped

SAVE_EVERY = 20
"""Number of steps between checkpoints, and between previews."""
LOG = "steps.jsonl"
"""File with the progress after each step, one JSON object per line. A resumed job appends to it."""
POINTS = 400
"""A long loss curve is thinned out for clients to at least this many points, and fewer than twice as many."""


@dataclass(frozen=True)
class TrainingSettings:
    """Training settings that clients can choose.

    The other settings of `fststyle train` are fixed or have their defaults. None means the default of
    `fststyle train`.
    """

    minutes: float = option(20.0, "Duration of training in minutes.", min=0.05, max=2880)
    style_weight: float = option(TrainSettings.style_weight, "Weight of the style loss.", min=0, max=1000)
    style_size: int = option(
        TrainSettings.style_size, "Shorter side of the painting in pixels.", min=32, max=1024
    )
    size: int = option(TrainSettings.size, "Side of the photo crops in pixels.", min=64, max=512)
    width: int | None = option(None, "Channels of the first layer.", min=4, max=128)
    blocks: int | None = option(None, "Number of residual blocks.", min=0, max=16)


def can_train() -> bool:
    """Return whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def require_torch() -> None:
    """Raise `DependencyError` if PyTorch is not installed."""
    if not can_train():
        raise DependencyError(f"training needs PyTorch; {INSTALL_TRAIN}")


def painting_of(folder: Path) -> Path:
    """Return the path of the painting in the folder of a training job."""
    return folder / "painting.png"


def preview_of(job: Job) -> Path:
    """Return the path of the preview sheet of a training job. The file may not exist yet."""
    return job.folder / "out" / f"{job.settings['name']}-preview.jpg"


def steps_of(job: Job) -> list[JsonObject]:
    """Return the progress of a training job, one object per step, or [] if there is no step yet.

    Each object has the fields of `fststyle.train.loop.Progress`. If there are many steps, only every nth one
    is returned, counting back from the last, so that there are fewer than 2 * `POINTS`.
    """
    try:
        lines = (job.folder / LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    steps: dict[int, JsonObject] = {}
    for line in lines:
        # A line may be incomplete if a process was killed.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            step = json.loads(line)
            steps[int(step["step"])] = step  # a resumed job repeats the steps after the last checkpoint
    found = [steps[number] for number in sorted(steps)]
    stride = max(1, len(found) // POINTS)
    return found[::-stride][::-1]


class TrainingWorker:
    """Worker that runs `fststyle train` in a separate process and reads its output.

    The process writes a line after each step. If the server is killed, writing fails and the process ends.
    When the server starts again, training resumes from the last checkpoint.
    """

    def __call__(self, job: Job, monitor: JobMonitor) -> JsonObject:
        require_torch()
        _wait_for_end(job.folder / "pid")
        out = job.folder / "out"
        said: deque[str] = deque(maxlen=20)
        process = subprocess.Popen(
            command(job, out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that Ctrl-C in the terminal reaches only the server
        )
        (job.folder / "pid").write_text(str(process.pid))
        threads = [
            threading.Thread(target=said.extend, args=(process.stderr,), daemon=True),
            threading.Thread(target=_end_when_stopped, args=(process, monitor), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            result = self._follow(process.stdout or (), job, monitor)
        finally:
            if process.poll() is None:
                _interrupt(process)
            code = process.wait()
            for thread in threads:
                thread.join()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
            (job.folder / "pid").unlink(missing_ok=True)
        if monitor.stop.is_set() and result is None:
            raise Stopped
        if code or result is None:
            line = said[-1].strip().removeprefix("fststyle: ") if said else f"exit code {code}"
            raise TrainingError(line)
        return result

    def _follow(self, lines: Iterable[str], job: Job, monitor: JobMonitor) -> JsonObject | None:
        """Read the JSON lines of the process until it ends, append the steps to `LOG`, and report progress.

        Returns the result of the job, or None if training was not completed.
        """
        message, result = "", None
        with (job.folder / LOG).open("a", encoding="utf-8") as log:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if "step" in event:
                    log.write(line)
                    log.flush()
                message = event.get("message", message)
                if "onnx" in event:
                    result = {"losses": event["losses"], "name": event["name"], "data": event["source"]}
                with contextlib.suppress(Stopped):  # the process saves a checkpoint and ends
                    preview = preview_of(job)
                    version = preview.stat().st_mtime_ns if preview.exists() else 0
                    last = event if "step" in event else monitor.progress.get("last", {})
                    monitor.report(
                        done=last.get("step", 0),
                        of=last.get("steps"),
                        rate=round(last.get("rate", 0.0), 2),
                        unit="images",
                        seconds_left=last.get("seconds_left"),
                        last=last,
                        message=message,
                        preview=version,
                    )
        return result


def command(job: Job, out: Path) -> list[str]:
    """Return the command line that runs a training job and writes to the folder ``out``.

    If ``out`` contains the checkpoint of the job, training resumes from it. Otherwise this function deletes
    ``out``.
    """
    settings = TrainingSettings(**job.settings["train"])
    check(settings)
    arguments = [
        *(sys.executable, "-m", "fststyle", "train", "--json-lines"),
        *("--style", str(painting_of(job.folder)), "--output", str(out), "--name", job.settings["name"]),
        *("--save-every", str(SAVE_EVERY), "--preview-every", str(SAVE_EVERY)),
        *("--preview-photos", str(STATIC / "app" / "photos")),
    ]
    for name, value in asdict(settings).items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    resumes = (out / f"{job.settings['name']}.pt").is_file()
    if not resumes:
        shutil.rmtree(out, ignore_errors=True)
    return [*arguments, "--resume"] if resumes else arguments


def _end_when_stopped(process: "subprocess.Popen[str]", monitor: JobMonitor) -> None:
    """Wait until the process ends or the job is stopped. In the latter case, interrupt the process."""
    while process.poll() is None:
        if monitor.stop.wait(0.5):
            _interrupt(process)
            return


def _interrupt(process: "subprocess.Popen[str]") -> None:
    """Make the process save a checkpoint and end. On Windows, it is terminated without saving."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            process.send_signal(signal.SIGINT)
        else:
            process.terminate()


def _wait_for_end(file: Path, seconds: float = 60) -> None:
    """Wait until the training process of a killed server has ended, for at most ``seconds``.

    Two processes must not write to the same folder. ``file`` contains the process id, and is deleted. On
    Windows, this function does not wait.
    """
    try:
        number = int(file.read_text())
    except (OSError, ValueError):
        return
    end = time.monotonic() + seconds
    while time.monotonic() < end and os.name == "posix":
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            break
        except PermissionError:  # the process exists, but belongs to another user
            pass
        time.sleep(0.2)
    file.unlink(missing_ok=True)
