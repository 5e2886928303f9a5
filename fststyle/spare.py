"""What is read is never written over."""

import os
from collections.abc import Iterable
from pathlib import Path

from fststyle.errors import OutputError


def spare(inputs: Iterable[str | Path], output: str | Path) -> None:
    """Raise `OutputError` if ``output`` is the file of one of the ``inputs``, also by another name of it or a link; what is no file is passed over."""
    if os.path.exists(output) and any(os.path.exists(path) and os.path.samefile(path, output) for path in inputs):
        raise OutputError(f"{output}: is one of the inputs and would be overwritten; choose another output")
