"""Input and output of the commands that optimize one picture, `fststyle gatys` and `fststyle restore`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fststyle.cli import streams
from fststyle.errors import InputError
from fststyle.io.files import probe, refuse_overwrite

if TYPE_CHECKING:
    from rich.console import Console

    from fststyle.io.images import Picture


@dataclass(frozen=True)
class OnePicture:
    """The decoded input, and its output: ``target``, or ``stdout`` if that is None."""

    source: "Picture"
    target: Path | None
    stdout: BinaryIO | None


def open_picture(
    name: str, output: str | None, label: str, others: Iterable[Path], console: "Console"
) -> OnePicture:
    """Read the picture ``name`` ("-" is stdin) and check that its output can be written.

    ``output`` and ``label`` are those of `fststyle.runtime.output_paths.plan`. ``others`` are further inputs,
    which are not overwritten either. A line on ``console`` reports frames that are not used. Raises
    `InputError` and `OutputError`.
    """
    from fststyle.io import images
    from fststyle.runtime.batch import read_stdin
    from fststyle.runtime.output_paths import plan

    if Path(name).is_dir():
        raise InputError(f"{name}: is a folder; give one picture")
    pair = plan([name], output, label).pairs[0]
    stdout = None
    if pair.target:
        refuse_overwrite(others, pair.target)
        probe(pair.target)
    else:
        stdout = streams.stdout("picture", "redirect it (> painted.png) or give an output file")
    source = images.read(
        read_stdin(getattr(sys.stdin, "buffer", None)) if pair.source is None else pair.source
    )
    if source.animated:
        streams.print_lines(console, f"{name}: only the first of {len(source.frames)} frames is used")
    return OnePicture(source, pair.target, stdout)
