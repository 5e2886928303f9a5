"""What every bench is around its measurement: errors in one line, tables in full width."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from fststyle.errors import FststyleError

Found = TypeVar("Found")


def run(measure: Callable[[Console], Found], tell: Callable[[Found], None]) -> int:
    """The exit code of a bench: `measure` is given a console on stderr for its progress, `tell` prints what
    it found.
    """
    console = Console(stderr=True)
    try:
        found = measure(console)
    except FststyleError as error:
        console.print(f"error: {error}", highlight=False)
        return error.exit_code
    tell(found)
    return 0


def show(table: Table) -> None:
    """On stdout: as wide as a terminal is, and in a pipe or file wide enough for every figure."""
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200).print(table)
