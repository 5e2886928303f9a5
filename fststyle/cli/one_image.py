"""Open the input and output of the commands that optimize one image: `fststyle gatys` and `restore`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fststyle.cli import streams
from fststyle.errors import InputError
from fststyle.io.files import probe, refuse_overwrite
from fststyle.io.folders import check_folder

if TYPE_CHECKING:
    from rich.console import Console

    from fststyle.io.images import Picture


@dataclass(frozen=True)
class OneImage:
    """A decoded input image, ``source``, and the place where the result is written.

    The result is written either to the file ``target`` or to the stream ``stdout``. The other one is None.
    """

    source: "Picture"
    target: Path | None
    stdout: BinaryIO | None


def open_picture(
    name: str, output: str | None, label: str, others: Iterable[Path], console: "Console"
) -> OneImage:
    """Read one image and check that its output can be written. A missing output folder is not created.

    For an animation, a note that only its first frame is used is printed on ``console``.

    Args:
        name: path of the image, or "-" for stdin.
        output: path of the output file or folder, "-" for stdout, or None for the default output (see
            `fststyle.runtime.output_paths.plan`).
        label: suffix of the default output name, NAME-LABEL.EXT.
        others: further inputs that must not be overwritten.
        console: the console on which the note is printed.

    Raises:
        InputError: the image does not exist, is a folder, or cannot be read.
        OutputError: the output cannot be written or is one of the inputs, or it is stdout and stdout is
            closed or a terminal.
        DependencyError: the package for the format of the image is not installed.
    """
    from fststyle.io import images
    from fststyle.runtime.batch import read_stdin
    from fststyle.runtime.output_paths import plan

    if Path(name).is_dir():
        raise InputError(f"{name}: is a folder; give one image")
    pair = plan([name], output, label).pairs[0]
    stdout = None
    if pair.target:
        refuse_overwrite(others, pair.target)
        if pair.target.parent.is_dir():
            probe(pair.target)
        else:
            check_folder(pair.target.parent)
    else:
        stdout = streams.stdout("image", "redirect it (> stylized.png) or give an output file")
    source = images.read(
        read_stdin(getattr(sys.stdin, "buffer", None)) if pair.source is None else pair.source
    )
    if source.animated:
        streams.print_lines(console, f"{name}: only the first of {len(source.frames)} frames is used")
    return OneImage(source, pair.target, stdout)
