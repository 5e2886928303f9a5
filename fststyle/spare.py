"""What is read is never written over."""

import os
from collections.abc import Iterable
from pathlib import Path

from fststyle.errors import OutputError


def spare(inputs: Iterable[str | Path], *outputs: str | Path) -> None:
    """Raise `OutputError` if one of the ``outputs`` is the file of one of the ``inputs``, also by another name of it or a link.

    What is no file is passed over.
    """
    read = [path for path in inputs if os.path.exists(path)]
    for output in outputs:
        if os.path.exists(output) and any(os.path.samefile(path, output) for path in read):
            raise OutputError(f"{output}: is one of the inputs and would be overwritten; choose another output")
