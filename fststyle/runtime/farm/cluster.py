"""Connect to a Ray cluster and run tasks on it."""

import contextlib
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from fststyle.errors import DependencyError, FststyleError, InputError, OutputError

Result = TypeVar("Result")

LOCAL = "local"
"""Address that starts a new cluster on this machine."""

RETRIES = 3
"""Maximum number of retries of a task whose worker process or machine fails."""

_INSTALL = "in a clone of fststyle: pip install '.[ray]'"


class Cluster:
    """Connection to a Ray cluster.

    ``address`` is the address of the cluster. "auto" selects the cluster in the environment variable
    RAY_ADDRESS or the cluster on this machine, and "local" starts a new cluster. If the process is already
    connected to a cluster, this connection is used and ``address`` is ignored. Raises `DependencyError` if
    Ray is not installed, and `InputError` if the connection or the start fails.
    """

    def __init__(self, address: str):
        try:
            import ray
        except ImportError as error:
            raise DependencyError(f"--ray needs Ray; {_INSTALL} [{error}]") from error
        self._ray: Any = ray
        if ray.is_initialized():
            return
        # Workers use the same folders of styles and of downloads. Their output is not printed.
        names = ("FSTSTYLE_STYLES", "FSTSTYLE_CACHE")
        found = {name: os.environ[name] for name in names if name in os.environ}
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": found} if found else None,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"--ray {address}: cannot start a cluster: {reason}"
                if address == LOCAL
                else f"--ray {address}: cannot connect to a cluster ({reason}); start one with"
                " `ray start --head`, or use --ray local"
            ) from error

    def run(
        self,
        work: Callable[..., Result],
        tasks: Sequence[tuple[object, ...]],
        device: str,
        threads: int | None,
    ) -> Generator[tuple[int, Result], None, None]:
        """Run ``work(*task)`` on the cluster for each of the ``tasks``.

        Yields the index and the result of each task when it finishes.

        Each task reserves ``threads`` CPU cores (None: one), and one GPU if the cluster has GPUs and
        ``device`` is not "cpu". If the generator ends early, such as after an error or Ctrl-C, running tasks
        are canceled.

        Raises:
            FststyleError: the error that a task raised.
            OutputError: a worker cannot run a task, or a task still fails after `RETRIES` retries.
        """
        ray, resources = self._ray, self._ray.cluster_resources()
        gpus = 1 if device != "cpu" and resources.get("GPU") else 0
        # Ray hides all GPUs from workers with num_gpus=0.
        remote = ray.remote(work).options(
            num_cpus=threads or 1, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=False
        )
        # The number of submitted tasks is limited, since Ray keeps results in memory until they are read.
        most = 2 * max(1, int(resources.get("GPU" if gpus else "CPU", 1)))
        waiting = iter(range(len(tasks)))
        running: dict[object, int] = {}
        try:
            while True:
                for number in waiting:
                    running[remote.remote(*tasks[number])] = number
                    if len(running) >= most:
                        break
                if not running:
                    return
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                number = running.pop(done)
                yield number, self._result(done, number)
        finally:
            for task in running:
                with contextlib.suppress(Exception):  # it may have ended
                    ray.cancel(task, force=True)

    def _result(self, done: object, number: int) -> Any:
        """Return the result of the finished task ``number``, given its Ray object reference ``done``.

        Raises the errors that `run` describes.
        """
        try:
            return self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, FststyleError):
                raise error.cause from None
            if isinstance(error.cause, self._ray.exceptions.RayError):  # the task did not start
                why = f"is it installed on all machines? ({_one_line(error.cause)})"
                raise OutputError(f"--ray: a worker cannot run fststyle; {why}") from error
            raise
        except self._ray.exceptions.RayError as error:
            raise OutputError(
                f"--ray: task {number + 1} failed after up to {RETRIES} retries: {_one_line(error)}"
            ) from error


def _one_line(error: Exception) -> str:
    """Return the first 200 characters of a Ray error message, as one line."""
    return " ".join(str(error).split())[:200]


@contextlib.contextmanager
def working_folder(folder: str) -> Iterator[None]:
    """Context manager that changes the working directory of a worker to ``folder``.

    This is the working directory of the command that started the task, so that relative paths have the same
    meaning in the worker. Nothing happens if the folder cannot be entered on this machine. The previous
    directory is not restored.
    """
    with contextlib.suppress(OSError):
        os.chdir(folder)
    yield
