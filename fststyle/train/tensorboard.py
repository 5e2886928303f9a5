"""An optional TensorBoard log of the losses."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from fststyle.errors import DependencyError, OutputError
from fststyle.train.loop import Progress


@contextlib.contextmanager
def open_log(folder: Path | None) -> Iterator[Callable[[Progress], None]]:
    """Context manager that yields a function that logs a `Progress` to TensorBoard files in `folder` or, if
    `folder` is None, does nothing.

    Raises:
        DependencyError: tensorboard is not installed.
        OutputError: the log cannot be written to the folder.
    """
    if folder is None:
        yield lambda progress: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DependencyError("--tensorboard needs tensorboard: pip install tensorboard") from error
    try:
        writer = SummaryWriter(str(folder))
    except OSError as error:
        raise OutputError(f"--tensorboard {folder}: cannot be written ({error.strerror or error})") from error
    with writer:

        def log(progress: Progress) -> None:
            for name, value in progress.losses.items():
                writer.add_scalar(f"loss/{name}", value, progress.step)
            writer.add_scalar("images per second", progress.rate, progress.step)

        yield log
