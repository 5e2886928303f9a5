"""Exceptions for errors that the user can fix.

The library raises these and never prints or exits. The command line reports each as one line on stderr and an
exit code. Any other exception is a bug in fststyle and keeps its traceback.
"""

import contextlib
from collections.abc import Iterator

INSTALL_TRAIN = "in a clone of fststyle: pip install '.[train]'"
"""Hint that tells how to install PyTorch and the other training dependencies."""


class FststyleError(Exception):
    """Base class of all expected errors. The command line exits with ``exit_code``."""

    exit_code = 2


class InputError(FststyleError):
    """A file or a value given by the user cannot be used."""


class OutputError(FststyleError):
    """The output cannot be written."""


class StyleError(FststyleError):
    """A style or model does not exist, cannot be used or mixed, or does not follow the frame contract
    (`fststyle.export.frame`).
    """


class DeviceError(FststyleError):
    """A device, such as a GPU or a virtual camera, is unknown or not available, or it failed."""


class DependencyError(FststyleError):
    """A required package, library or driver is missing. The message says how to install it or what to use
    instead.
    """


class CheckpointError(FststyleError):
    """The checkpoint is damaged, was not written by fststyle, is of the wrong kind, or does not match the
    network or the settings.
    """


class ExportError(FststyleError):
    """The export failed, or the exported graph differs from the network; nothing was written."""


class TrainingError(FststyleError):
    """Training cannot continue, for example because a loss is not finite, memory ran out, or no photo is
    usable.
    """


class BatchError(FststyleError):
    """A command started its work, but did not complete all of it.

    Some or all items of a batch failed (each failure has been reported, and the other items are complete), a
    video is damaged (its readable part was stylized), the webcam stopped, or the output files are complete
    but the result could not be printed.
    """

    exit_code = 1


@contextlib.contextmanager
def missing_packages(message: str) -> Iterator[None]:
    """Context manager for imports that need optional packages.

    If a module outside fststyle cannot be imported, the `ImportError` becomes a `DependencyError` with
    ``message``, followed by the error in brackets. An `ImportError` for a module of fststyle is a bug, and
    propagates.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "fststyle":
            raise
        raise DependencyError(f"{message} [{error}]") from error
