"""One family of errors: what a user can put right.

The library raises these and never prints or exits; the command line turns each into one line on stderr and an
exit code. Anything else that escapes is a defect of fststyle and keeps its traceback.
"""

INSTALL_TRAIN = "in a clone of fststyle: pip install '.[train]'"
"""What brings PyTorch and all else that training needs."""


class FststyleError(Exception):
    """Base of the family. ``exit_code`` is what the command line ends with."""

    exit_code = 2


class InputError(FststyleError):
    """A file or a value given by the user cannot be used."""


class OutputError(FststyleError):
    """The result cannot be written where it was asked for."""


class StyleError(FststyleError):
    """No such style, or an ONNX file that does not keep the frame contract."""


class DeviceError(FststyleError):
    """A device was asked for that is not there or cannot be used."""


class DependencyError(FststyleError):
    """A part of fststyle that is not installed; the message holds the pip line that installs it."""


class CheckpointError(FststyleError):
    """A checkpoint that is not ours, is damaged, or does not fit what is asked of it."""


class ExportError(FststyleError):
    """The exported graph does not do what the network does; nothing was written."""


class TrainingError(FststyleError):
    """Training cannot go on (a loss that is not a number, no usable photo)."""


class BatchError(FststyleError):
    """Part of a batch failed; each failure was reported and the rest is done."""

    exit_code = 1
